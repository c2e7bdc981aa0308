"""What lies around a run - a folder, variables, a user's settings - neither changes its numbers nor stops it."""

import json
import os
from pathlib import Path

import pytest

from tests.integration.conftest import LIGHT, fresh_tlbench_in, make_place, tlbench_in
from tlbench.core.errors import UserError
from tlbench.execution import server
from tlbench.results.store import Store

UNTIMED = LIGHT.replace("[frozen, full]", "frozen").replace("quick, batch_size: 8, seconds: 0", "none")


def test_modules_of_the_working_directory_a_keras_json_and_a_long_tmpdir_change_nothing(tmp_path: Path) -> None:
    place = make_place(tmp_path / "place")
    (place / "tiny.yaml").write_text(UNTIMED)
    for name in ("keras/__init__.py", "tensorflow/__init__.py", "inspect.py", "numpy.py", "tests.py"):
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_text("raise SystemExit('imported from the working directory')\n")
    settings = place / "home" / ".keras" / "keras.json"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"floatx": "bfloat16", "epsilon": 0.5, "image_data_format": "channels_first"}))
    long = place / ("t" * 75) / ("m" * 75)
    long.mkdir(parents=True)
    variables = {"HOME": str(settings.parents[1]), "KERAS_HOME": str(settings.parent), "TMPDIR": str(long)}
    said = fresh_tlbench_in(place, "run", "tiny.yaml", "--out", "run", OMP_NUM_THREADS="1", **variables)
    assert said.returncode == 0, said.stderr
    (record,) = Store(place / "run").read_all().records
    assert record.environment.imported["keras"].endswith("site-packages/keras")
    assert record.environment.variables["OMP_NUM_THREADS"] == "1"
    other = make_place(tmp_path / "other", UNTIMED)
    plain = tlbench_in(other, "run", "tiny.yaml", "--out", "plain")
    assert plain.returncode == 0, plain.stderr
    (expected,) = Store(other / "plain").read_all().records
    assert record.accuracy == expected.accuracy
    assert json.loads(settings.read_text())["floatx"] == "bfloat16"


@pytest.mark.parametrize("first", ["", "/here"])
def test_what_python_puts_first_for_the_working_directory_is_not_handed_on(first: str) -> None:
    path = [first, "/here/lib", "", "/here", server.HERE]
    assert server.importable(path, "/here") == ["/here/lib", "/here", server.HERE]
    assert server.importable(["/usr/bin", "/here"], "/here") == ["/usr/bin", "/here", server.HERE]


def test_variables_of_children(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path))
    theirs = {"PYTHONPATH": f"{os.pathsep}/a{os.pathsep}", "TF_CPP_MIN_LOG_LEVEL": "0", "KERAS_HOME": "/theirs"}
    ours = server.variables("jax", theirs)
    assert (ours["PYTHONPATH"], ours["PYTHONSAFEPATH"], ours["KERAS_BACKEND"]) == ("/a", "1", "jax")
    assert ours["TF_CPP_MIN_LOG_LEVEL"] == "0"
    assert ours["KERAS_HOME"] == str(tmp_path / "keras")


def test_torch_is_not_asked_for_a_gpu_that_is_a_part_of_a_card() -> None:
    """The driver's library counts none, and the CUDA runtime would answer in the process that is forked afterwards."""
    part = {"CUDA_VISIBLE_DEVICES": "MIG-5fa"}
    assert server.variables("torch", part)["KERAS_TORCH_DEVICE"] == "cuda"
    assert server.variables("torch", part | {"KERAS_TORCH_DEVICE": "cpu"})["KERAS_TORCH_DEVICE"] == "cpu"
    for backend, environment in (("jax", part), ("torch", {}), ("torch", {"CUDA_VISIBLE_DEVICES": "GPU-5fa"})):
        assert "KERAS_TORCH_DEVICE" not in server.variables(backend, environment)


def test_sockets_get_a_short_folder_or_a_sentence_that_names_tmpdir(tmp_path: Path) -> None:
    long = str(tmp_path / ("t" * (150 - len(str(tmp_path)))))
    Path(long).mkdir()
    assert server.socket_folder("/tmp") == "/tmp"
    assert server.socket_folder(long, (str(tmp_path / "none"), "/tmp")) == "/tmp"
    with pytest.raises(UserError, match=r"a path of 151 characters.*set TMPDIR to one of at most 54"):
        server.socket_folder(long, ())


def test_a_framework_that_kills_its_process_is_told_with_the_place_of_its_log(tmp_path: Path) -> None:
    place = make_place(tmp_path / "place")
    (place / "tiny.yaml").write_text(UNTIMED)
    (place / "broken" / "tensorflow").mkdir(parents=True)
    deadly = "import os, sys\nprint('no such instruction', file=sys.stderr, flush=True)\nos.kill(os.getpid(), 4)\n"
    (place / "broken" / "tensorflow" / "__init__.py").write_text(deadly)
    packages = f"{place / 'broken'}{os.pathsep}{Path(__file__).parents[2]}"
    said = fresh_tlbench_in(place, "run", "tiny.yaml", "--out", "run", PYTHONPATH=packages)
    assert said.returncode == 64, said.stderr
    assert "ended with SIGILL" in said.stderr
    assert "interrupted" not in said.stderr
    assert "Traceback" not in said.stderr
    assert "what it printed is in run/logs/framework.log" in said.stderr
    assert "no such instruction" in (place / "run" / "logs" / "framework.log").read_text()

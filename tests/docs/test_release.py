"""What a release is checked by agrees with the project: one version, found where the workflow looks for it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tlbench import __version__

ROOT = Path(__file__).parents[2]


def test_the_workflow_finds_the_version() -> None:
    workflow = (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    found = re.search(r"version=\$\((sed .*)\)$", workflow, re.MULTILINE)
    assert found
    done = subprocess.run(["bash", "-c", found[1]], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == __version__


def test_the_citation_has_the_version() -> None:
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.findall(r"^version: (.*)$", citation, re.MULTILINE) == [__version__]


def gate(folder: Path, **variables: str) -> tuple[int, str, list[str]]:
    """The exit code and the errors of the gate script, and the words of each command that it called. ``b.json`` is there."""
    folder.mkdir(exist_ok=True)
    (folder / "b.json").touch()
    python = folder / "python"
    lines = ('[ "$3" = --version ] && exit', f"""echo "$@" >> '{folder}/called'""", f"mkdir -p '{folder}/report/run'")
    python.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    python.chmod(0o755)
    settings = {"SUITE": "s.yaml", "PYTHON": str(python), "FOLDER": str(folder / "report"), **variables}
    (folder / "called").write_text("")
    environment = {"PATH": os.environ["PATH"], "GITHUB_OUTPUT": str(folder / "output")}
    command = ["bash", str(ROOT / ".github" / "gate.sh")]
    done = subprocess.run(command, env=environment | settings, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr, (folder / "called").read_text().splitlines()


def test_the_gate_script_takes_every_line_of_its_options(tmp_path: Path) -> None:
    code, said, (run, _) = gate(tmp_path, BASELINE="b.json", OPTIONS="--select strategy=frozen\n  --workers 1\n")
    assert (code, said) == (0, "")
    assert run.endswith("/report/run --select strategy=frozen --workers 1")
    assert gate(tmp_path / "other", BASELINE="b.json")[2][0].endswith("/report/run")


@pytest.mark.parametrize("selected", ["--select strategy=frozen", "--select=seed=0"])
def test_the_gate_script_compares_the_part_that_it_runs(tmp_path: Path, selected: str) -> None:
    """Other cells of the baseline would be missing."""
    _, said, (run, compare) = gate(tmp_path, BASELINE="b.json", OPTIONS=f"--workers 1 {selected}")
    assert said == ""
    assert run.endswith(f"--workers 1 {selected}")
    assert compare.endswith(f"/junit.xml {selected}")
    assert gate(tmp_path / "all", BASELINE="b.json", OPTIONS="--workers 1")[2][1].endswith("/junit.xml")


@pytest.mark.parametrize("shard", ["--shard 1/2", "--shard=1/2"])
def test_the_gate_script_compares_the_shard_that_it_runs(tmp_path: Path, shard: str) -> None:
    """The suite is named to `compare`, since paths in it do not resolve from the copy in the run."""
    code, said, (run, compare) = gate(tmp_path, BASELINE="b.json", OPTIONS=f"{shard} --plugin my.py --workers 1")
    assert (code, said) == (0, "")
    assert run.endswith(f"{shard} --plugin my.py --workers 1")
    assert compare.endswith(f"/junit.xml {shard} --suite s.yaml --plugin my.py")
    code, said, called = gate(tmp_path / "ab", BASELINE="b.json", BASE_ENV="git:main", OPTIONS=shard)
    assert (code, called) == (64, [])
    assert said == "gate: BASE_ENV cannot be measured in shards; give parts of the suite by --select\n"


def test_the_gate_script_does_not_take_the_run_of_an_earlier_call_for_its_own(tmp_path: Path) -> None:
    assert gate(tmp_path, BASELINE="b.json")[0] == 0
    code, said, called = gate(tmp_path, BASELINE="b.json", BASE_ENV="git:main")
    assert (code, called) == (64, [])
    assert said == f"gate: {tmp_path}/report/run was made by an earlier call; remove it, or name another FOLDER\n"
    assert (tmp_path / "output").read_text() == "exit-code=0\nexit-code=64\n"


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"SUITE": ""}, "SUITE is not set; name the suite file"),
        ({"BASELINE": ""}, "give a BASELINE, a BASE_ENV, or both"),
        ({"BASELINE": "c.json"}, "there is no BASELINE c.json; `tlbench baseline save` makes one"),
        ({"PYTHON": "no-such-python"}, "no-such-python cannot run tlbench ("),
        ({"PYTHON": "false"}, "false cannot run tlbench ("),
        ({"FOLDER": "/dev/null/report"}, "the folder /dev/null/report cannot be made; name another FOLDER"),
    ],
)
def test_a_gate_that_is_not_set_up_is_no_regression(tmp_path: Path, variables: dict[str, str], sentence: str) -> None:
    code, said, called = gate(tmp_path, **{"BASELINE": "b.json", **variables})
    assert (code, called) == (64, [])
    assert f"gate: {sentence}" in said
    assert (tmp_path / "output").read_text() == "exit-code=64\n"


@pytest.mark.parametrize(("folder", "name"), [("tlbench-report", "tlbench-report"), ("out/a b", "out-a-b")])
def test_the_artifact_of_the_action_has_a_name_that_github_takes(tmp_path: Path, folder: str, name: str) -> None:
    compare, upload = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["runs"]["steps"]
    assert upload["with"]["name"] == "${{ steps.compare.outputs.artifact }}"
    (tmp_path / ".github").mkdir()
    (tmp_path / ".github" / "gate.sh").write_text("exit 3")
    settings = {"FOLDER": folder, "GITHUB_OUTPUT": str(tmp_path / "output"), "GITHUB_ACTION_PATH": str(tmp_path)}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", compare["run"]]  # as GitHub calls it
    assert subprocess.run(command, env={"PATH": os.environ["PATH"], **settings}, check=False).returncode == 3
    assert (tmp_path / "output").read_text() == f"artifact={name}\n"


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_a_virtual_environment_that_could_not_be_made_whole_is_not_taken_for_one_by_the_next_make(
    tmp_path: Path,
) -> None:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    python = tmp_path / "python"  # as Debian's without its package python3-venv
    python.write_text(
        f'#!/bin/sh\ncase "$2" in venv) mkdir -p "$3/bin"; ln -s {sys.executable} "$3/bin/python"; exit 1;; esac\n'
        f'exec {sys.executable} "$@"\n'
    )
    python.chmod(0o755)
    command = ["make", "small", f"PYTHON={python}"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode
    assert not (tmp_path / ".venv").exists()

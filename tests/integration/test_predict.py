"""Models that a run keeps: what they say of files that nobody has decoded yet, and what runtimes make of them."""

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.integration.conftest import LIGHT, TINY, make_place, tlbench_in
from tlbench.core.errors import UserError
from tlbench.execution import child
from tlbench.execution.entry_points import PREDICT
from tlbench.execution.resume import trained
from tlbench.execution.runtimes import RUNTIMES
from tlbench.results.store import Store

DOCS = Path(__file__).parents[2] / "docs"
SUITES = {"SmallConvNet": LIGHT.replace("48", "56x48"), "MobileNet": TINY.replace("32", "40x32")}


@pytest.fixture(scope="module", params=["SmallConvNet", pytest.param("MobileNet", marks=pytest.mark.slow)])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place with a run that has kept the model of its only cell."""
    suite = SUITES[request.param].replace("[frozen, full]", "{name: partial, trainable: 0.3}")
    untimed = suite.replace("quick, batch_size: 8, seconds: 0", "none")
    beside = untimed.replace("path: shapes", "path: ../shapes")
    place = make_place(tmp_path_factory.mktemp("keeping"), f"{beside}resize: pad\nsave_models: true\n")
    (place / "suites").mkdir()
    (place / "tiny.yaml").rename(place / "suites" / "tiny.yaml")
    said = tlbench_in(place, "run", "suites/tiny.yaml", "--out", "run")
    assert said.returncode == 0, said.stderr
    assert json.loads((place / "run" / "run.json").read_text())["images"] == {"shapes": "../shapes"}
    return place


def test_a_kept_model_says_of_the_files_what_the_record_says_of_the_test_images(place: Path) -> None:
    shutil.copytree(place / "run", place / "copy")
    store = Store(place / "copy")
    (record,) = store.read_all().records
    kept = store.model_file(record)
    assert kept is not None
    assert [path.name for path in (place / "copy" / "models").iterdir()] == [f"{record.cell_id}.keras"]

    (place / "letter.jpg").write_text("no picture")
    files = sorted(str(path.relative_to(place)) for path in (place / "shapes" / "test").glob("*/*"))
    said = tlbench_in(place, "predict", "copy", record.cell_id[:5], *files[:3], "letter.jpg", *files[3:], "--json")
    assert said.returncode == 2
    assert "skipped: letter.jpg: not an image" in said.stderr
    answer = json.loads(said.stdout)
    assert [image["file"] for image in answer["images"]] == files
    found = [{one["class"]: one["probability"] for one in image["classes"]} for image in answer["images"]]
    recorded = store.read_predictions(record.cell_id)
    assert recorded is not None
    np.testing.assert_allclose([[one["bars"], one["stripes"]] for one in found], recorded[0], atol=1e-4)

    assert trained(store, [record], models=True) == {record.cell_id}
    content = bytearray(kept.read_bytes())
    content[len(content) // 2] ^= 1
    kept.write_bytes(content)
    said = tlbench_in(place, "predict", "copy", record.cell_id, files[0])
    assert said.returncode == 64
    assert "is not the file that was kept" in said.stderr
    kept.unlink()
    assert trained(store, [record], models=True) == set()
    assert "is missing" in tlbench_in(place, "predict", "copy", record.cell_id, files[0]).stderr


def test_a_run_that_keeps_no_models_says_how_to(finished: tuple[Path, object]) -> None:
    from tlbench import predict

    place, _ = finished
    cell = next((place / "run" / "records").iterdir()).stem
    with pytest.raises(UserError, match=r"has no model .* put `save_models: true` into its suite"):
        predict(place / "run", cell, ["a.jpg"])


@pytest.mark.parametrize(
    ("target", "why"), [("save_lambda", "holds a Lambda layer"), ("save_text", "cannot be opened")]
)
def test_a_file_that_could_run_a_program_is_not_opened(tmp_path: Path, target: str, why: str) -> None:
    path, ran = tmp_path / "model.keras", tmp_path / "ran"
    child.call(f"tests.targets:{target}", {"path": str(path), "ran": str(ran)})
    ran.unlink(missing_ok=True)
    with pytest.raises(UserError, match=why):
        child.call(
            PREDICT, {"model": str(path), "backbone": "MobileNet", "image_size": 32, "resize": "stretch", "files": []}
        )
    assert not ran.exists()


def test_an_exported_model_gives_the_answers_of_the_kept_one_in_a_smaller_file(place: Path) -> None:
    words = ("--to", "litert", "--to", "litert-int8", "--out", "out")
    said = tlbench_in(place, "deploy", "run", *words, "--format", "markdown=deploy.md", "--format", "json")
    assert said.returncode == 0, said.stderr
    (record,) = Store(place / "run").read_all().records
    (model,) = json.loads(said.stdout)["models"]
    keras, litert, int8 = model["runtimes"]
    assert [one["runtime"] for one in model["runtimes"]] == ["keras", "litert", "litert-int8"]
    assert record.accuracy is not None
    assert keras["correct"] == record.accuracy.correct
    assert (litert["correct"], litert["changed"], model["images"]) == (record.accuracy.correct, 0, 20)
    assert litert["gap"] <= 1e-4
    files = {path.name: path.stat().st_size for path in (place / "out").iterdir() if path.suffix != ".json"}
    assert files == {
        f"{record.cell_id}.tflite": litert["bytes"],
        f"{record.cell_id}.int8.tflite": int8["bytes"],
    }
    assert int8["bytes"] < 0.5 * litert["bytes"]
    for one in model["runtimes"]:
        assert [(step["batch_size"], step["complete"]) for step in one["steps"]] == [(1, True), (32, True)]
        assert len(one["steps"][0]["rounds"]) == len(keras["steps"][0]["rounds"]) >= 6
    assert litert["steps"][0]["relative"]["to"] == f"{record.cell_id}.keras"
    page = (place / "deploy.md").read_text()
    assert "LiteRT: Keras' probabilities within 0.0001." in page
    assert "LiteRT, int8 weights" in page
    names = {path.name for path in (place / "out").iterdir()}
    assert names == {*files, *(f"{name}.json" for name in files)}
    about = json.loads((place / "out" / f"{record.cell_id}.tflite.json").read_text())
    assert (about["classes"], about["input"]["shape"][2]) == (["bars", "stripes"], 3)
    assert about["accuracy"] == {
        "top1": litert["correct"] / 20,
        "before_export": keras["correct"] / 20,
        "test_images": 20,
    }
    _says_what_the_page_promises(place, record.cell_id)


def _says_what_the_page_promises(place: Path, cell_id: str) -> None:
    """The program of docs/deploy.md, on a test image, gives the probabilities in the run."""
    (program,) = re.findall(r"```python\n(.*?)```", (DOCS / "deploy.md").read_text(), re.DOTALL)
    image = min((place / "shapes" / "test").glob("*/*"))
    padded = {"tf.image.resize(": "tf.image.resize_with_pad(", "about[": "*about[", "zip(*": "zip("}
    own = {"exported/": "out/", "d8c3f24a7be0": cell_id, "photo.jpg": str(image)}
    for old, new in (padded | own).items():
        program = program.replace(old, new)
    said = subprocess.run([sys.executable, "-c", program], cwd=place, capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    recorded = Store(place / "run").read_predictions(cell_id)
    assert recorded is not None
    found = ast.literal_eval(said.stdout.splitlines()[-1])
    assert list(found) == ["bars", "stripes"]
    np.testing.assert_allclose(list(found.values()), recorded[0][0], atol=0.01)


@pytest.mark.parametrize("name", ["onnx", "openvino"])
def test_so_does_one_in_a_runtime_that_is_an_extra(place: Path, name: str) -> None:
    if RUNTIMES[name].missing:
        pytest.skip(RUNTIMES[name].absence)
    said = tlbench_in(place, "deploy", "run", "--to", name, "--format", "json")
    assert said.returncode == 0, said.stderr
    (model,) = json.loads(said.stdout)["models"]
    keras, other = model["runtimes"]
    assert other["gap"] <= 1e-4
    assert (other["correct"], other["changed"]) == (keras["correct"], 0)
    assert [step["relative"]["to"] for step in other["steps"]] == [f"{model['cell_id']}.keras"] * 2


def test_what_cannot_be_deployed_is_told_before_anything_starts(
    place: Path, finished: tuple[Path, object], tmp_path: Path
) -> None:
    without, _ = finished
    said = tlbench_in(without, "deploy", "run")
    assert (said.returncode, said.stderr.count("\n")) == (64, 1)
    assert "run has kept no models; put `save_models: true` into its suite and run it again" in said.stderr
    shutil.copytree(place / "run", tmp_path / "run")
    shutil.copytree(place / "shapes", tmp_path / "shapes")
    next((tmp_path / "shapes" / "test" / "bars").iterdir()).unlink()
    said = tlbench_in(tmp_path, "deploy", "run")
    assert said.returncode == 64
    assert (
        "(shapes) are not here, or others are; --data names their folder, called 'shapes', or the one in which it lies"
        in said.stderr
    )

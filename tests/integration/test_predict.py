"""Models that a run keeps, and what they say of files that nobody has decoded yet."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.integration.conftest import TINY, Command
from tlbench.core.errors import UserError
from tlbench.execution import child
from tlbench.execution.entry_points import PREDICT
from tlbench.execution.resume import without_model
from tlbench.results.store import Store

SUITE = TINY.replace("[frozen, full]", "{name: partial, trainable: 0.3}").replace(
    "quick, batch_size: 8, seconds: 0", "none"
)


def test_a_kept_model_says_of_the_files_what_the_record_says_of_the_test_images(place: Path, tlbench: Command) -> None:
    (place / "tiny.yaml").write_text(SUITE.replace("32", "40x32") + "resize: pad\nsave_models: true\n")
    said = tlbench("run", "tiny.yaml", "--out", "run")
    assert said.returncode == 0, said.stderr
    store = Store(place / "run")
    (record,) = store.read_all().records
    kept = store.model_file(record)
    assert kept is not None
    assert [path.name for path in (place / "run" / "models").iterdir()] == [f"{record.cell_id}.keras"]

    (place / "letter.jpg").write_text("no picture")
    files = sorted(str(path.relative_to(place)) for path in (place / "shapes" / "test").glob("*/*"))
    said = tlbench("predict", "run", record.cell_id[:5], *files[:3], "letter.jpg", *files[3:], "--format", "json")
    assert said.returncode == 2
    assert "skipped: letter.jpg: not an image" in said.stderr
    answer = json.loads(said.stdout)
    assert [image["file"] for image in answer["images"]] == files
    found = [{one["class"]: one["probability"] for one in image["classes"]} for image in answer["images"]]
    recorded = store.read_predictions(record.cell_id)
    assert recorded is not None
    np.testing.assert_allclose([[one["bars"], one["stripes"]] for one in found], recorded[0], atol=1e-4)

    assert without_model(store, [record]) == set()
    content = bytearray(kept.read_bytes())
    content[len(content) // 2] ^= 1
    kept.write_bytes(content)
    said = tlbench("predict", "run", record.cell_id, files[0])
    assert said.returncode == 64
    assert "is not the file that was kept" in said.stderr
    kept.unlink()
    assert without_model(store, [record]) == {record.cell_id}
    assert "is missing" in tlbench("predict", "run", record.cell_id, files[0]).stderr


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

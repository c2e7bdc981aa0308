"""Which cell and which files `predict` is asked about; what a model says of them is tested with a trained one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tlbench
from tests import builders
from tests.session.runs import make_run
from tests.weights_files import write_weights
from tlbench.core.cell import Named
from tlbench.core.errors import UserError
from tlbench.execution import child
from tlbench.session import predict


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def call(target: str, request: dict[str, Any], backend: str) -> dict[str, Any]:
        return {"probabilities": np.full((len(request["files"]), 2), 0.5, np.float32), "damaged": {}}

    monkeypatch.setattr(child, "call", call)
    monkeypatch.setattr(predict, "kept_file", lambda folder, record: folder / "model.keras")
    monkeypatch.chdir(tmp_path)
    strategies = [Named(name="frozen"), Named(name="full")]
    cells = [builders.cell(strategy=strategy, seed=seed) for strategy in strategies for seed in (0, 1)]
    return make_run(tmp_path / "run", [builders.record(cell) for cell in cells]).path


def test_a_folder_stands_for_the_files_below_it(run: Path) -> None:
    for name in ("1.jpg", "sea/b.jpg", "sea/a.jpg", "sea/deep/c.jpg", "sea/.DS_Store", "sea/Thumbs.db"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    found = tlbench.predict(run, "strategy=full seed=0", ["1.jpg", "sea/"])
    assert (found.files, found.skipped) == (("1.jpg", "sea/a.jpg", "sea/b.jpg", "sea/deep/c.jpg"), {})
    assert tlbench.predict(run, "strategy=full seed=0", "sea").files == found.files[1:]


def test_of_files_that_do_not_exist_no_model_is_opened(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("1.jpg").touch()
    asked: list[str] = []
    given = child.call

    def call(target: str, request: dict[str, Any], backend: str) -> Any:
        asked.append(target)
        return given(target, request, backend)

    monkeypatch.setattr(child, "call", call)
    found = tlbench.predict(run, "strategy=full seed=0", ["nope.jpg", "no.jpg"])
    why = "cannot be read (No such file or directory)"
    assert (found.files, found.skipped, asked) == ((), {"nope.jpg": why, "no.jpg": why}, [])
    assert found.probabilities.shape == (0, 2)
    tlbench.predict(run, "strategy=full seed=0", ["nope.jpg", "1.jpg"])
    assert len(asked) == 1


def test_what_a_folder_has_and_cannot_be_read_is_named_and_so_is_an_empty_one(run: Path) -> None:
    Path("sea").mkdir()
    Path("sea/gone.jpg").symlink_to("nowhere.jpg")
    found = tlbench.predict(run, "strategy=full seed=0", "sea")
    assert found.skipped == {"sea/gone.jpg": "broken link to nowhere.jpg", "sea": "a folder without files"}
    assert found.probabilities.shape == (0, 2)


def test_a_selection_that_means_several_cells_is_followed_by_one_that_means_one(run: Path) -> None:
    with pytest.raises(UserError, match=r"'strategy=full' means 2 cells, one is needed: .*; 'strategy=full seed=0' is"):
        tlbench.predict(run, "strategy=full", "1.jpg")
    named = tlbench.predict(run, 'strategy=full seed=0 backbone="MobileNet (alpha=0.25)"', "1.jpg")
    assert named.model == tlbench.predict(run, "strategy=full seed=0", "1.jpg").model


def test_a_cell_may_be_named_as_reports_name_it(run: Path, tmp_path: Path) -> None:
    label = builders.cell(strategy=Named(name="full"), seed=1).label
    assert tlbench.predict(run, label, "1.jpg").model == label
    with pytest.raises(UserError, match=r"frozen' means 2 cells, one is needed: .*; 'strategy=frozen seed=0' is"):
        tlbench.predict(run, "MobileNet (alpha=0.25), frozen", "1.jpg")
    one = builders.record(builders.cell())
    alone = make_run(tmp_path / "alone", [one, builders.record(builders.cell(strategy=Named(name="full")))]).path
    assert tlbench.predict(alone, "MobileNet (alpha=0.25), frozen", "1.jpg").model == one.cell.label
    with pytest.raises(UserError, match=r"is not of the form key=pattern"):
        tlbench.predict(alone, "MobileNet (alpha=0.5), frozen", "1.jpg")


def test_a_cell_is_not_called_a_selection_that_nobody_gave(run: Path) -> None:
    with pytest.raises(UserError, match=r"^cell: strategy=fuul matches none of the 4 cells; did you mean 'full'"):
        tlbench.predict(run, "strategy=fuul", "1.jpg")


def test_an_original_classifier_that_keras_does_not_publish_is_said_and_a_damaged_one_is_refused(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "vgg16_weights_tf_dim_ordering_tf_kernels.h5"
    write_weights(file)
    Path("1.jpg").touch()
    monkeypatch.setattr(predict, "class_names", lambda folder: ("cat", "dog"))
    said = list[str]()
    found = predict.classified("VGG16", "1.jpg", tmp_path, {}, said.append)
    assert found.files == ("1.jpg",)
    assert said == [
        f"{file.name} in {tmp_path} is not the file that Keras publishes under this name (another checksum): it may "
        "not know the classes"
    ]
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(
        UserError, match=f"{file.name} is no whole file of weights .*; remove it, so that .* copy there$"
    ):
        predict.classified("VGG16", "1.jpg", tmp_path, {}, said.append)

"""Which cell and which files `predict` is asked about; what a model says of them is tested with a trained one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tlbench
from tests import builders
from tests.session.runs import make_run
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


def test_a_folder_is_no_image_and_its_files_are_named_with_a_star(run: Path) -> None:
    Path("sea").mkdir()
    Path("1.jpg").touch()
    with pytest.raises(UserError, match=r"^sea is a folder; name the image files in it: sea/\*$"):
        tlbench.predict(run, "strategy=full seed=0", "sea/")
    Path("mes fleurs").mkdir()
    with pytest.raises(UserError, match=r"name the image files in it: 'mes fleurs'/\*$"):
        tlbench.predict(run, "strategy=full seed=0", "mes fleurs")
    found = tlbench.predict(run, "strategy=full seed=0", ["sea", "1.jpg"])
    assert (found.files, found.skipped) == (("1.jpg",), {"sea": "it is a folder; its files are not looked at"})


def test_a_selection_that_means_several_cells_is_followed_by_one_that_means_one(run: Path) -> None:
    with pytest.raises(UserError, match=r"'strategy=full' means 2 cells, one is needed: .*; 'strategy=full seed=0' is"):
        tlbench.predict(run, "strategy=full", "1.jpg")
    named = tlbench.predict(run, 'strategy=full seed=0 backbone="MobileNet (alpha=0.25)"', "1.jpg")
    assert named.model == tlbench.predict(run, "strategy=full seed=0", "1.jpg").model


def test_a_cell_is_not_called_a_selection_that_nobody_gave(run: Path) -> None:
    with pytest.raises(UserError, match=r"^cell: strategy=fuul matches none of the 4 cells; did you mean 'full'"):
        tlbench.predict(run, "strategy=fuul", "1.jpg")

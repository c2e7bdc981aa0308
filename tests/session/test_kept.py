"""The images of a run are found again where they were moved to, under any name that they have."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests import builders
from tlbench.core.cell import Limit, Named
from tlbench.core.errors import UserError
from tlbench.datasets import synthetic
from tlbench.datasets.prepare import prepare
from tlbench.results.record import Record
from tlbench.results.run_folder import RunFolder, create
from tlbench.session.deploy import _images
from tlbench.session.kept import decoded_again

SUITE = """\
name: small
datasets: {name: odd_name_1, path: "../odd name [1]"}
backbones: {name: MobileNet, alpha: 0.25}
strategies: frozen
train: {epochs: 1}
"""
OWN = Named(name="odd_name_1")


@pytest.fixture
def moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[RunFolder, Record]:
    """A run whose folder of images, called as no data set can be, lies in ``elsewhere`` now."""
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    images, limit = tmp_path / "pictures" / "odd name [1]", Limit(train=2, validation=1, test=1)
    synthetic.write_tree(images, ("cats", "dogs"), {"train": 2, "validation": 1, "test": 1}, 32)
    found = prepare(OWN, limit, 32, root=None, path=images, cache=tmp_path / "cache", fallback_synthetic=False)
    cell = builders.cell(dataset=OWN, limit=limit, image_size=32)
    run = create(tmp_path / "run", "small", SUITE, [cell.id], datetime.now(UTC))
    shutil.move(tmp_path / "pictures", tmp_path / "elsewhere")
    return run, builders.record(cell, data=builders.data().model_copy(update={"fingerprint": found.fingerprint}))


@pytest.mark.parametrize("place", ["elsewhere", "elsewhere/odd name [1]"])
def test_data_may_name_the_folder_itself_or_the_one_in_which_it_lies(
    moved: tuple[RunFolder, Record], tmp_path: Path, place: str
) -> None:
    run, record = moved
    assert decoded_again(record, run, tmp_path / place, by_name=False) is not None


def test_what_is_not_found_is_named_as_the_folder_is_called(moved: tuple[RunFolder, Record], tmp_path: Path) -> None:
    run, record = moved
    with pytest.raises(UserError, match=r"names their folder, called 'odd name \[1\]' or 'odd_name_1', or the one "):
        _images(record, run, tmp_path)

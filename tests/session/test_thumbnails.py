"""Pictures of what a model got wrong: the right ones, the surest first, and none where the images are others."""

import io
import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests import builders
from tlbench.core.cell import Limit, Named
from tlbench.datasets import synthetic
from tlbench.datasets.prepare import prepare
from tlbench.reporting.formats import as_html, as_markdown
from tlbench.reporting.report import Report, RunRecord
from tlbench.results.predictions import Answers
from tlbench.results.record import Record
from tlbench.results.run_folder import RunFolder, create, open_run, renew_suite
from tlbench.results.store import Store
from tlbench.session.report import load
from tlbench.session.thumbnails import SIDE, with_thumbnails

LIMIT = Limit(train=2, validation=2, test=3)
PREDICTED: Answers = (
    np.array([[0.9, 0.1], [0.3, 0.7], [0.6, 0.4], [0.95, 0.05], [0.2, 0.8], [0.1, 0.9]], np.float32),
    np.array([0, 0, 0, 1, 1, 1], np.int32),
)
"""Of three images of each class: one cat is taken for a dog (70 % sure), one dog for a cat (95 %)."""


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    for split, count in (("train", 2), ("validation", 2), ("test", 3)):
        synthetic.write_tree(tmp_path / "data" / "cats_dogs" / split, ("cats", "dogs"), {"": count}, (120, 90))
    return tmp_path / "data"


OWN = """\
name: small
datasets: {name: flowers, path: flowers}
backbones: {name: MobileNet, alpha: 0.25}
strategies: frozen
train: {epochs: 1}
"""


def finished(
    tmp_path: Path,
    data: Path,
    name: str = "cats_dogs",
    suite: str = "name: small\n",
    images: dict[str, Path] | None = None,
) -> tuple[RunFolder, Record]:
    where = data / name
    source = prepare(
        Named(name=name), LIMIT, 96, root=data, path=where, cache=tmp_path / "cache", fallback_synthetic=False
    )
    cell = builders.cell(limit=LIMIT, dataset=Named(name=name))
    counts = {split: dict(one.per_class) for split, one in source.splits.items()}
    about = builders.data().model_copy(update={"fingerprint": source.fingerprint, "counts": counts})
    accuracy = builders.accuracy(4, 6).model_copy(update={"confusion": ((2, 1), (1, 2))})
    record = builders.record(cell, data=about, accuracy=accuracy)
    folder = create(tmp_path / "run", "small", suite, [cell.id], datetime.now(UTC), images=images)
    store = Store(folder.path)
    store.write(record)
    store.write_predictions(cell.id, {"test": PREDICTED})
    return folder, record


def page_of(folder: RunFolder, record: Record, data: Path | None, said: list[str]) -> Report:
    report = Report("t", [RunRecord(folder.path.name, record)])
    return with_thumbnails(report, [folder], data, said.append)


def test_mistakes_are_shown_the_surest_first_as_they_were_decoded(tmp_path: Path, data: Path) -> None:
    folder, record = finished(tmp_path, data)
    said: list[str] = []
    report = page_of(folder, record, data, said)
    shown = report.mistakes(report.rows[0])
    assert [one.label for one in shown] == ["dogs, taken for cats (95%)", "cats, taken for dogs (70%)"]
    assert said == []
    mine = Image.open(data / "cats_dogs" / "test" / "dogs" / "00000.png").convert("RGB").resize((SIDE, SIDE))
    theirs = Image.open(io.BytesIO(shown[0].content))
    assert theirs.size == (SIDE, SIDE)
    assert np.abs(np.asarray(mine, float) - np.asarray(theirs, float)).mean() < 12
    html = as_html(report)
    assert html.count('<img src="data:image/jpeg;base64,') == 2
    assert "<span>dogs, taken for cats (95%)</span>" in html
    assert "taken for cats (95%)" not in as_markdown(report)


def test_runs_whose_folders_are_called_alike_show_each_their_own(tmp_path: Path, data: Path) -> None:
    cpu, record = finished(tmp_path / "cpu", data)
    gpu = RunFolder(tmp_path / "gpu" / "run", cpu.run)
    shutil.copytree(cpu.path, gpu.path)
    probabilities, labels = PREDICTED
    better = builders.accuracy(5, 6).model_copy(update={"confusion": ((2, 1), (0, 3))})
    Store(gpu.path).write(record.model_copy(update={"accuracy": better}))
    Store(gpu.path).write_predictions(record.cell_id, {"test": (probabilities[[0, 1, 2, 4, 4, 5]], labels)})
    said: list[str] = []
    report = with_thumbnails(load(cpu, gpu), [cpu, gpu], data, said.append)
    assert [row.run for row in report.rows] == ["cpu/run", "gpu/run"]
    assert [len(report.mistakes(row)) for row in report.rows] == [2, 1]
    assert said == []
    assert not list(tmp_path.glob("*/run/set_aside"))


def test_a_report_has_none_unasked(tmp_path: Path, data: Path) -> None:
    folder, record = finished(tmp_path, data)
    assert "<img" not in as_html(Report("t", [RunRecord(folder.path.name, record)]))


@pytest.mark.parametrize("gone", ["folder", "others"])
def test_images_that_are_gone_or_others_now_are_not_shown_and_that_is_said(
    tmp_path: Path, data: Path, gone: str
) -> None:
    folder, record = finished(tmp_path, data)
    if gone == "others":
        synthetic.write_tree(data / "cats_dogs" / "test", ("dogs", "cats"), {"": 3}, (60, 60))
    said: list[str] = []
    report = page_of(folder, record, None if gone == "folder" else data, said)
    assert report.mistakes(report.rows[0]) == ()
    assert said == [
        "note: no thumbnails of cats_dogs: its images are not the run's, or not there; --data names the folder in which cats_dogs lies"
    ]


@pytest.mark.parametrize("place", ["working directory", "data"])
def test_a_folder_of_ones_own_is_found_where_the_suite_is_not_beside_its_copy(
    tmp_path: Path, data: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (data / "cats_dogs").rename(data / "flowers")
    folder, record = finished(tmp_path, data, "flowers", OWN)
    monkeypatch.chdir(data if place == "working directory" else tmp_path)
    said: list[str] = []
    report = page_of(folder, record, data if place == "data" else None, said)
    assert len(report.mistakes(report.rows[0])) == 2
    assert said == []


def test_images_are_found_where_the_run_had_them_although_others_lie_where_its_suite_now_points(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The suite was in another folder than the working directory and the run's."""
    (data / "cats_dogs").rename(data / "flowers")
    folder, record = finished(tmp_path, data, "flowers", OWN, {"flowers": data / "flowers"})
    assert open_run(folder.path).run.images == {"flowers": "../data/flowers"}
    (folder.path / "flowers").mkdir()
    for number, place in enumerate(("here", "mine")):
        synthetic.write_tree(tmp_path / place / "flowers" / "train", ("a", "b"), {"": 9 + number}, (60, 60))
    monkeypatch.chdir(tmp_path / "here")
    for given in (None, tmp_path / "mine", tmp_path / "none"):
        said: list[str] = []
        report = page_of(folder, record, given, said)
        assert len(report.mistakes(report.rows[0])) == 2
        assert said == []


def test_a_project_that_was_moved_as_a_whole_is_still_whole(tmp_path: Path, data: Path) -> None:
    (data / "cats_dogs").rename(data / "flowers")
    folder, record = finished(tmp_path / "project", data, "flowers", OWN, {"flowers": tmp_path / "project" / "flowers"})
    (data / "flowers").rename(tmp_path / "project" / "flowers")
    (tmp_path / "project").rename(tmp_path / "moved")
    folder, said = open_run(tmp_path / "moved" / "run"), list[str]()
    report = page_of(folder, record, None, said)
    assert len(report.mistakes(report.rows[0])) == 2
    assert said == []


def test_where_images_are_is_renewed_with_the_suite(tmp_path: Path, data: Path) -> None:
    folder, _ = finished(tmp_path, data)
    before = (folder.path / "run.json").read_bytes()
    renew_suite(folder, folder.run.suite, OWN)
    assert (folder.path / "run.json").read_bytes() == before
    renew_suite(folder, folder.run.suite, OWN, {"flowers": tmp_path / "elsewhere"})
    assert open_run(folder.path).run.images == {"flowers": "../elsewhere"}

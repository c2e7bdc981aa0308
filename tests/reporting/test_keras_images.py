"""The program that a page offers reads the images of the run: the same files, splits and pixels."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.reporting.test_keras_code import recorded
from tlbench.core.cell import Limit, Named
from tlbench.datasets import synthetic
from tlbench.datasets.decode import decode
from tlbench.datasets.prepare import prepare
from tlbench.reporting.keras_code import program, why_not
from tlbench.results.images import SkippedFile, SplitOrigin
from tlbench.results.record import Record


@pytest.mark.parametrize("resize", ["crop", "pad"])
def test_other_shapes_and_ways_of_resizing_are_written_out(resize: str, tmp_path: Path) -> None:
    """The program reads a picture as tlbench decodes it."""
    pytest.importorskip("tensorflow")
    record = recorded("frozen")
    changed = record.cell.model_copy(update={"image_size": (24, 40), "resize": resize})
    code = program(record.model_copy(update={"cell": changed}))
    compile(code, "program", "exec")
    assert "SIZE, BATCH, SEED = (24, 40), 32, 0" in code
    for split in ("train", "validation", "test"):
        synthetic.write_tree(tmp_path / split, ("cats",), {"": 1}, (30, 20))
    names = reading(record.model_copy(update={"cell": changed}), tmp_path)
    mine = decode(tmp_path / "train/cats/00000.png", (24, 40), changed.resize).pixels
    assert np.abs(names["train"][0][0] - mine).max() < 1.001


def reading(record: Record, folder: Path, **names: str) -> dict[str, Any]:
    """What the part of a program that reads the images has defined."""
    code = program(record)
    part = code[code.index("import os") : code.index("keras.utils.set_random_seed")]
    for old, new in {"'cats_dogs'": repr(str(folder)), "['cats', 'dogs']": "['cats']", **names}.items():
        part = part.replace(old, new)
    found: dict[str, Any] = {}
    exec(part, found)
    return found


def test_photographs_that_lie_on_their_side_and_transparent_pictures_are_read_as_tlbench_does(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    tmp_path /= ".data"  # a hidden folder above the data set hides nothing
    draw = np.random.default_rng(0)
    for split in ("training", "val", "test"):
        (tmp_path / split / "cats").mkdir(parents=True)
        place, exif = tmp_path / split / "cats", Image.Exif()
        exif[0x0112] = 6
        Image.fromarray(draw.integers(0, 256, (30, 20, 3), dtype=np.uint8)).save(place / "0.png", exif=exif)
        Image.fromarray(draw.integers(0, 256, (30, 20, 4), dtype=np.uint8)).save(place / "1.png")
        (place / "broken.png").write_bytes(b"no image")
        (place / ".DS_Store").write_bytes(b"")
        for folder in ("@eaDir", "z"):
            (place / folder).mkdir()
            Image.fromarray(draw.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(place / folder / "2.png")
    record = recorded("frozen")
    assert record.data is not None
    folders = {"train": "training", "validation": "val", "test": "test"}
    origins = {split: SplitOrigin(folder=folder, files=3) for split, folder in folders.items()}
    broken = tuple(
        SkippedFile(split=split, path=f"{folder}/cats/{name}", reason="not an image")
        for split, folder in folders.items()
        for name in ("broken.png", "@eaDir/")
    )
    data = record.data.model_copy(update={"splits": origins, "skipped": broken})
    cell = record.cell.model_copy(update={"image_size": 24})
    found = reading(record.model_copy(update={"data": data, "cell": cell}), tmp_path)
    for number, name in enumerate(("0", "1", "z/2")):
        mine = decode(tmp_path / f"training/cats/{name}.png", 24).pixels
        assert np.abs(found["train"][0][number] - mine).max() < 1.001
    assert len(found["train"][0]) == 3


def real_tree(folder: Path, images: int = 20) -> None:
    """Images of two classes in no splits: some in folders and linked folders of their own, broken, or hidden."""
    draw = np.random.default_rng(0)
    for label in ("cats", "dogs"):
        for number in range(images):
            place = folder / label / ("deep/er" if number % 5 == 0 else "")
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(draw.integers(0, 256, (8, 8, 3), np.uint8)).save(place / f"{number}.png")
        (folder / label / "12.png").write_bytes(b"no image")
        (folder / label / ".DS_Store").write_bytes(b"")
        elsewhere = folder.parent / f"more {label}"
        elsewhere.mkdir()
        Image.fromarray(draw.integers(0, 256, (8, 8, 3), np.uint8)).save(elsewhere / "100.png")
        (folder / label / "linked").symlink_to(elsewhere)
        (folder / label / "round").symlink_to(folder / label)


@pytest.mark.parametrize("limit", [None, 5])
def test_splits_that_tlbench_drew_are_drawn_again(limit: int | None, tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    real_tree(tmp_path / "pets")
    dataset = Named(name="pets", args={"validation": 0.3, "split_seed": 7})
    few = Limit(train=limit, validation=limit, test=limit)
    places = {"root": None, "path": tmp_path / "pets", "cache": tmp_path / "cache", "fallback_synthetic": False}
    source = prepare(dataset, few, 8, **places)  # type: ignore[arg-type]
    record = recorded("frozen")
    cell = record.cell.model_copy(update={"dataset": dataset, "limit": few, "image_size": 8})
    of = record.model_copy(update={"cell": cell, "data": source.provenance()})
    assert why_not(of) == ""
    names = {"Path('pets')": f"Path({str(tmp_path / 'pets')!r})", "CLASSES = ['cats']": "CLASSES = ['cats', 'dogs']"}
    found = reading(of, tmp_path / "pets", **names)
    for split in ("train", "validation", "test"):
        mine, labels = source.splits[split].open(None)
        assert np.abs(found[split][0] - np.asarray(mine)).max() < 1.001
        assert found[split][1].tolist() == list(labels)


def test_a_split_of_its_own_beside_a_drawn_one_leaves_out_what_is_no_image(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    for split in ("train", "test"):
        synthetic.write_tree(tmp_path / "pets" / split, ("cats", "dogs"), {"": 21}, (8, 8))
    (tmp_path / "pets/test/cats/00005.png").write_bytes(b"no image")
    dataset = Named(name="pets")
    places = {"root": None, "path": tmp_path / "pets", "cache": tmp_path / "cache", "fallback_synthetic": False}
    source = prepare(dataset, Limit(), 8, **places)  # type: ignore[arg-type]
    record = recorded("frozen")
    cell = record.cell.model_copy(update={"dataset": dataset, "limit": Limit(), "image_size": 8})
    of = record.model_copy(update={"cell": cell, "data": source.provenance()})
    names = {"Path('pets')": f"Path({str(tmp_path / 'pets')!r})", "CLASSES = ['cats']": "CLASSES = ['cats', 'dogs']"}
    found = reading(of, tmp_path / "pets", **names)
    assert [len(found[split][1]) for split in ("train", "validation", "test")] == [36, 6, 41]


def test_a_program_says_where_it_found_other_images_than_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("tensorflow")
    for split in ("train", "validation", "test"):
        synthetic.write_tree(tmp_path / split, ("cats",), {"": 1}, (30, 20))
    reading(recorded("frozen"), tmp_path)
    assert f"train: 1 images in {tmp_path}, where the run had 200" in capsys.readouterr().out


def test_images_that_are_no_files_of_their_own_have_no_program() -> None:
    record = recorded("frozen")
    assert record.data is not None
    listed = SplitOrigin(folder=".", file="a.csv", files=9)
    data = record.data.model_copy(update={"splits": record.data.splits | {"test": listed}})
    assert "its images are listed in a table" in why_not(record.model_copy(update={"data": data}))
    synthetic_data = record.data.model_copy(update={"source": "synthetic", "splits": {}})
    assert "drawn by code" in why_not(record.model_copy(update={"data": synthetic_data}))

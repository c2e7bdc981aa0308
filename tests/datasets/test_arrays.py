"""An npz file with images and labels, as MedMNIST has them, is a data set; anything else is refused in one sentence."""

import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tlbench.core.cell import Limit, Named
from tlbench.core.errors import UserError
from tlbench.datasets import arrays
from tlbench.datasets.kinds import read_images
from tlbench.datasets.layout import SplitRule
from tlbench.datasets.prepare import prepare
from tlbench.datasets.source import DataSource
from tlbench.session.data import check

SIDE = 12


def content(shape: tuple[int, ...] = (SIDE, SIDE, 3), **counts: int) -> dict[str, np.ndarray]:
    """Noise, with labels 2 and 10 in turn."""
    drawn = np.random.default_rng(0)
    made: dict[str, np.ndarray] = {}
    for name, count in (counts or {"train": 20, "val": 6, "test": 8}).items():
        made[f"{name}_images"] = drawn.integers(0, 256, (count, *shape), dtype=np.uint8)
        made[f"{name}_labels"] = np.where(np.arange(count) % 2, 10, 2).astype(np.uint8).reshape(-1, 1)
    return made


def saved(folder: Path, **parts: Any) -> Path:
    file = folder / "medical.npz"
    np.savez_compressed(file, **parts)
    return file


def source(file: Path, cache: Path, size: int = SIDE) -> DataSource:
    return prepare(Named(name="medical"), Limit(), size, root=None, path=file, cache=cache, fallback_synthetic=False)


@pytest.mark.parametrize("shape", [(SIDE, SIDE, 3), (SIDE, SIDE, 1), (SIDE, SIDE)], ids=str)
def test_its_pixels_labels_and_splits_arrive_as_they_are(tmp_path: Path, shape: tuple[int, ...]) -> None:
    made = content(shape)
    found = source(saved(tmp_path, **made), tmp_path / "cache")
    assert found.classes == ("2", "10"), "in the order of the numbers"
    images, labels = found.splits["test"].open(1.0)
    of_class = np.argsort(made["test_labels"].ravel(), kind="stable")
    expected = made["test_images"][of_class].reshape(8, SIDE, SIDE, -1)
    assert np.array_equal(np.asarray(images), np.broadcast_to(expected, (8, SIDE, SIDE, 3)))
    assert labels.tolist() == [0] * 4 + [1] * 4
    assert (found.origins["validation"].folder, found.origins["validation"].file) == ("val_images", "medical.npz")


def test_it_is_resized_as_the_same_pictures_in_files(tmp_path: Path) -> None:
    made, folder = content(), tmp_path / "files"
    for split, name in (("train", "train"), ("validation", "val"), ("test", "test")):
        for number, (pixels, label) in enumerate(
            zip(made[f"{name}_images"], made[f"{name}_labels"].ravel(), strict=True)
        ):
            place = folder / split / f"{label:02}"
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(place / f"{number:03}.png")
    one, other = source(saved(tmp_path, **made), tmp_path / "cache", 8), source(folder, tmp_path / "cache", 8)
    for split in ("train", "validation", "test"):
        assert np.array_equal(np.asarray(one.splits[split].open(1.0)[0]), np.asarray(other.splits[split].open(1.0)[0]))


def test_what_is_kept_of_it_goes_with_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = content()
    file = saved(tmp_path, **made)
    first = source(file, tmp_path / "cache")
    with monkeypatch.context() as patch:
        patch.setattr(arrays, "of_pixels", None)
        assert source(file, tmp_path / "cache") == first, "nothing is decoded twice"
    made["train_images"][0, 0, 0] ^= 1
    assert source(saved(tmp_path, **made), tmp_path / "cache").fingerprint != first.fingerprint


def test_missing_splits_are_drawn_and_the_audit_finds_what_is_twice(tmp_path: Path) -> None:
    made = content(train=40, test=8)
    made["test_images"][0] = made["train_images"][0]
    made["test_labels"][0] = made["train_labels"][0]
    audit = check(None, saved(tmp_path, **made), None)
    assert {split: sum(of.values()) for split, of in audit.counts.items()} == {"train": 34, "validation": 6, "test": 8}
    ((one, other),) = audit.exact.across
    assert {one.file, other.file} == {"train_images/0000000", "test_images/0000000"}
    some = read_images(saved(tmp_path, **made), SplitRule(classes=("10", "2")))
    assert some.classes == ("10", "2")


IMAGES, LABELS = "train_images", "train_labels"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({IMAGES: np.zeros((20, 8, 8, 3), np.float32)}, "train_images is float32 of shape (20, 8, 8, 3); images are uint8"),
        ({IMAGES: np.zeros((20, 8, 8, 8), np.uint8)}, "train_images is uint8 of shape (20, 8, 8, 8); images are"),
        ({IMAGES: np.zeros((20, 8, 8, 8, 1), np.uint8)}, "train_images is uint8 of shape (20, 8, 8, 8, 1); images are"),
        ({LABELS: np.zeros((20, 14), np.uint8)}, "train_labels has 14 labels for each image (shape (20, 14)); tlbench"),
        ({LABELS: np.zeros(20, np.float64)}, "train_labels is float64 of shape (20,); labels are integers, one"),
        ({LABELS: np.zeros(19, np.uint8)}, "train_labels is uint8 of shape (19,); labels are integers, one for each of the 20"),
        ({LABELS: np.array(["a"] * 20, object)}, "train_labels is object of shape (20,); labels are integers"),
        ({LABELS: None}, "has train_images but no train_labels"),
        ({IMAGES: None}, "has no train_images, only test_images, test_labels, train_labels, val_images, val_labels"),
        ({LABELS: np.full(20, 3)}, "the classes of validation and train differ in '10', '2', '3'"),
    ],
    ids=str,
)  # fmt: skip
def test_anything_else_is_one_sentence(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    parts = {name: value for name, value in (content() | change).items() if value is not None}
    with pytest.raises(UserError, match=rf"^.*medical\.npz:? {re.escape(said)}[^\n]*$"):
        read_images(saved(tmp_path, **parts), SplitRule())


def test_a_file_of_another_kind_or_damaged_is_named_and_nothing_is_unpickled(tmp_path: Path) -> None:
    file = tmp_path / "medical.npz"
    for bytes_ in (b"", b"PK\3\4no zip", b"\x93NUMPY"):
        file.write_bytes(bytes_)
        with pytest.raises(UserError, match=r"medical\.npz: it cannot be read as NumPy arrays \(BadZipFile: "):
            read_images(file, SplitRule())
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("train_images.npy", b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(UserError, match=r"it cannot be read as NumPy arrays \(ValueError: "):
        read_images(file, SplitRule())
    whole = saved(tmp_path, **content())
    layout = read_images(whole, SplitRule())
    whole.write_bytes(whole.read_bytes()[:3000] + bytes(20) + whole.read_bytes()[3020:])
    with pytest.raises(UserError, match=r"train_images cannot be read as NumPy arrays"):
        layout.decoder(SIDE)("train_images/0000000")
    with pytest.raises(UserError, match=r"none\.npz: it cannot be read as NumPy arrays \(No such file"):
        read_images(tmp_path / "none.npz", SplitRule())
    with pytest.raises(UserError, match=r"`splits` names folders, and an npz file has none; remove `splits`"):
        read_images(whole, SplitRule(folders={"train": "a"}))


def test_more_than_memory_has_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = read_images(saved(tmp_path, **content()), SplitRule())
    monkeypatch.setattr(arrays, "memory_limit", lambda: 1000)
    with pytest.raises(UserError, match=r"train_images needs .*, and this machine has .* of memory; use fewer"):
        layout.decoder(SIDE)("train_images/0000000")

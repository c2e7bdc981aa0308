"""Features on disk: whole or not at all, checked, bounded."""

import errno
import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlbench.modeling.handed import Handed
from tlbench.training import feature_store
from tlbench.training.feature_store import DamagedError, FeatureStore, NoRoomError, Wanted, entries, size

TWO = (Handed("operation 3", (4, 4, 2), "float32"), Handed("operation 7", (5,), "float16"))


def wanted(images: int = 6, handed: tuple[Handed, ...] = TWO, **made_from: str) -> Wanted:
    return Wanted({"backbone": "MobileNet", **made_from}, handed, images)


def arrays(images: int = 6) -> list[np.ndarray]:
    draw = np.random.default_rng(images)
    return [draw.random((images, 4, 4, 2), np.float32), draw.random((images, 5)).astype(np.float16)]


def fill(store: FeatureStore, one: Wanted) -> list[np.ndarray]:
    made = arrays(one.images)
    with store.write([one]) as (writer,):
        writer.append([array[:4] for array in made])
        writer.append([array[4:] for array in made])
    return made


def test_what_was_written_is_read_from_the_disk(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, 10**9)
    made = fill(store, wanted())
    found = store.read(wanted())
    assert found is not None
    for one, other in zip(found, made, strict=True):
        assert isinstance(one, np.memmap)
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def test_what_it_is_made_from_decides_the_entry(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, 10**9)
    fill(store, wanted(weights="a"))
    assert store.read(wanted(weights="b")) is None
    assert wanted(weights="a", split="test").key != wanted(weights="a").key


@pytest.mark.parametrize("name", ["0.raw", "1.raw", "manifest.json"])
@pytest.mark.parametrize("harm", ["flip", "cut", "remove", "lengthen"])
def test_a_damaged_entry_is_never_read(tmp_path: Path, name: str, harm: str) -> None:
    store = FeatureStore(tmp_path, 10**9)
    fill(store, wanted())
    file = store.path(wanted()) / name
    content = bytearray(file.read_bytes())
    if harm == "remove":
        file.unlink()
    else:
        content[len(content) // 2] ^= 255
        file.write_bytes(
            {"flip": bytes(content), "cut": bytes(content[:-3]), "lengthen": bytes(content) + b"\0\0"}[harm]
        )
    with pytest.raises(DamagedError):
        store.read(wanted())
    store.discard(wanted())
    assert store.read(wanted()) is None


def give_up(store: FeatureStore) -> None:
    with store.write([wanted()]) as (writer,):
        writer.append(arrays())
        raise KeyError


def test_an_error_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, 10**9)
    with pytest.raises(KeyError):
        give_up(store)
    assert store.read(wanted()) is None
    assert list(tmp_path.iterdir()) == []


def test_features_of_all_images_are_needed(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, 10**9)
    with pytest.raises(ValueError, match="4 of 6 images"), store.write([wanted()]) as (writer,):
        writer.append([array[:4] for array in arrays()])
    assert not store.has(wanted())


def test_a_disk_that_fills_up_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def write(self, content: object) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    store = FeatureStore(tmp_path, 10**9)
    monkeypatch.setattr(Path, "open", lambda self, mode: Full())
    with pytest.raises(NoRoomError, match="No space left on device"):
        fill(store, wanted())
    assert not store.has(wanted())


def test_what_is_larger_than_the_bound_or_the_disk_does_not_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert wanted().bytes == 6 * (4 * 4 * 2 * 4 + 5 * 2)
    small = FeatureStore(tmp_path, wanted().bytes - 1)
    assert not small.fits([wanted()])
    with pytest.raises(NoRoomError, match="828 bytes of features are more than the cache may hold"):
        fill(small, wanted())
    usage: Any = type("Usage", (), {"total": 10_000, "free": 1000})
    monkeypatch.setattr(feature_store.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(NoRoomError, match="do not fit on the disk"):
        fill(FeatureStore(tmp_path, 10**9), wanted())


def test_the_least_recently_used_make_room(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, 10**9)
    for number, name in enumerate("abc"):
        fill(store, wanted(weights=name))
        os.utime(store.path(wanted(weights=name)) / "manifest.json", (number, number))
    assert store.read(wanted(weights="a")) is not None  # used just now
    held = sum(bytes_ for _, _, bytes_ in entries(tmp_path))
    tight = FeatureStore(tmp_path, held)
    fill(tight, wanted(weights="d"))
    assert [name for name in "abcd" if tight.has(wanted(weights=name))] == ["a", "c", "d"]


@pytest.mark.parametrize(("count", "text"), [(828, "828 bytes"), (812_345, "812 KB"), (3_100_000_000, "3.1 GB")])
def test_sizes_in_words(count: float, text: str) -> None:
    assert size(count) == text

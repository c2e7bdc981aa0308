"""Features are an entry of the cache whose arrays are the tensors of a cut. What an entry is: tests/cache."""

from pathlib import Path

import numpy as np
import pytest

from tlbench.modeling.handed import Handed
from tlbench.training.feature_store import FeatureStore, NoRoomError, Wanted

TWO = (Handed("operation 3", (4, 4, 2), "float32"), Handed("operation 7", (5,), "float16"))


def wanted(images: int = 6, handed: tuple[Handed, ...] = TWO, **made_from: str) -> Wanted:
    return Wanted({"backbone": "MobileNet", **made_from}, handed, images)


def arrays(images: int = 6) -> list[np.ndarray]:
    draw = np.random.default_rng(images)
    return [draw.random((images, 4, 4, 2), np.float32), draw.random((images, 5)).astype(np.float16)]


def fill(store: FeatureStore, entry: Wanted, *others: Wanted) -> list[np.ndarray]:
    """What the store gives, computing it where it is missing, with others that it is to compute as well."""

    def compute() -> None:
        with store.write([entry, *others]) as writers:
            for writer in writers:
                writer.append([array[:4] for array in arrays()])
                writer.append([array[4:] for array in arrays()])

    return list(store.get(entry, compute, others))


def unneeded() -> None:
    raise AssertionError("nothing was to be computed")


def test_what_was_computed_is_read_from_the_disk(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, 10**9)
    for features in (fill(store, wanted()), store.get(wanted(), unneeded)):
        for read, made in zip(features, arrays(), strict=True):
            assert isinstance(read, np.memmap)
            assert read.dtype == made.dtype
            np.testing.assert_array_equal(read, made)


def test_features_are_kept_in_the_type_that_the_cut_names(tmp_path: Path) -> None:
    handed = tuple(Handed(tensor.place, tensor.shape, "float16") for tensor in TWO)
    read = fill(FeatureStore(tmp_path, 10**9), wanted(handed=handed))
    assert [array.dtype for array in read] == [np.float16, np.float16]


def test_what_it_is_made_from_decides_the_entry(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, 10**9)
    fill(store, wanted(weights="a"))
    assert store.has(wanted(weights="a"))
    assert not store.has(wanted(weights="b"))
    assert wanted(weights="a", split="test").key != wanted(weights="a").key


def test_one_pass_fills_several_entries(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, 10**9)
    fill(store, wanted(cut="1"), wanted(cut="2"))
    np.testing.assert_array_equal(store.get(wanted(cut="2"), unneeded)[0], arrays()[0])


def test_damaged_features_are_computed_again_and_named(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, 10**9)
    fill(store, wanted())
    file = tmp_path / wanted().key / "1.raw"
    file.write_bytes(file.read_bytes()[:-1])
    np.testing.assert_array_equal(fill(store, wanted())[1], arrays()[1])
    assert store.damaged == [f"{wanted().key}: 1.raw is not what was written"]


def test_features_of_all_images_are_needed(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, 10**9)

    def compute() -> None:
        with store.write([wanted()]) as (writer,):
            writer.append([array[:4] for array in arrays()])

    with pytest.raises(ValueError, match="4 of 6 images"):
        store.get(wanted(), compute)
    assert not store.has(wanted())


def test_what_is_larger_than_the_bound_does_not_fit(tmp_path: Path) -> None:
    assert wanted().bytes == 6 * (4 * 4 * 2 * 4 + 5 * 2)
    small = FeatureStore(tmp_path, wanted().bytes - 1)
    assert not small.fits([wanted()])
    with pytest.raises(NoRoomError, match="828 bytes of features are more than the cache may hold"):
        fill(small, wanted())

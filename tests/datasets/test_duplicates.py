"""The same picture found again: equal, rescaled, recompressed; other pictures are left alone."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tlbench.datasets import duplicates
from tlbench.datasets.audit import audit
from tlbench.datasets.decode import decode
from tlbench.datasets.duplicates import (
    CORRELATION,
    FLATTEST,
    LEVELS,
    Place,
    Sketch,
    balance,
    exact,
    near,
    of_used,
    sketch,
    sort_out,
)
from tlbench.datasets.image_folder import read_folder
from tlbench.datasets.layout import SplitRule


def picture(seed: int, size: int = 96) -> np.ndarray:
    """Smooth random colours, as different from each other as photographs are."""
    noise = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(noise).resize((size, size), Image.Resampling.BICUBIC))


def places(*labels: str) -> list[Place]:
    return [Place("train" if index < 2 else "test", label, f"{index}.jpg") for index, label in enumerate(labels)]


def recompressed(pixels: np.ndarray, quality: int) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def test_equal_pixels_are_exact_and_not_near_as_well() -> None:
    sketches = [sketch(picture(0)), sketch(picture(0)), sketch(picture(1))]
    found = exact(places("a", "a", "a"), sketches)
    assert found.within == (tuple(places("a", "a", "a")[:2]),)
    assert near(places("a", "a", "a"), sketches) == sort_out([])


@pytest.mark.parametrize("seed", range(5))
def test_a_copy_in_grey_is_near(seed: int) -> None:
    """By the mean of red, green and blue, a saturated picture has another brightness than its grey copy."""
    colours = picture(seed) // np.array([1, 2, 6], np.uint8)
    grey = np.asarray(Image.fromarray(colours).convert("L").convert("RGB"))
    found = near(places("a", "b"), [sketch(colours), sketch(recompressed(grey, 80))])
    assert len(found.two_labels) == 1


@pytest.mark.parametrize("quality", [95, 60, 30])
def test_a_recompressed_picture_is_near(quality: int) -> None:
    sketches = [sketch(picture(0)), sketch(picture(1)), sketch(recompressed(picture(0), quality))]
    found = near(places("a", "a", "b"), sketches)
    assert [[place.file for place in group] for group in found.two_labels] == [["0.jpg", "2.jpg"]]


def test_a_rescaled_picture_is_near() -> None:
    small = Image.fromarray(picture(0)).resize((40, 40), Image.Resampling.BILINEAR).resize((96, 96))
    found = near(places("a", "a", "a"), [sketch(picture(0)), sketch(picture(1)), sketch(np.asarray(small))])
    assert [[place.file for place in group] for group in found.across] == [["0.jpg", "2.jpg"]]


def test_what_is_found_along_a_few_directions_is_what_comparing_every_pair_finds() -> None:
    draw = np.random.default_rng(0)
    thumbnails = draw.integers(0, 256, (1500, 256)) * draw.uniform(0.1, 1, (1500, 1)) + draw.uniform(0, 60, (1500, 1))
    thumbnails[::7] = 40.0  # flat
    thumbnails[1::5] = thumbnails[2::5] + draw.normal(0, 3, (300, 256)) * draw.uniform(0.2, 3, (300, 1))
    raw = thumbnails.clip(0, 255).round()
    sketches = [Sketch(str(number), one.astype(np.uint8)) for number, one in enumerate(raw)]
    with np.errstate(invalid="ignore"):
        alike = np.corrcoef(raw) > CORRELATION
    apart = np.abs(raw[:, None, :64] - raw[None, :, :64]).mean(axis=2)  # a part will do to draw the candidates
    expected = {
        (one, other)
        for one, other in np.argwhere(alike & (apart < 2 * LEVELS)).tolist()
        if one < other and np.abs(raw[one] - raw[other]).mean() < LEVELS and raw[one].std() > FLATTEST
    }
    names = [Place("train", "a", str(number)) for number in range(len(raw))]
    found = near(names, sketches).within
    assert 50 < len(expected) < 1000
    assert {tuple(sorted(int(place.file) for place in group)) for group in found} == expected


def test_groups_are_those_of_joining_pair_by_pair() -> None:
    draw = np.random.default_rng(1)
    scenes = draw.integers(20, 200, (6, 256))
    drift = np.cumsum(draw.normal(0, 1.2, (400, 256)), axis=0)  # by degrees, so that the first and the last are apart
    raw = np.concatenate([scenes[np.arange(400) % 5] + draw.normal(0, 2, (400, 256)), scenes[5] + drift])
    raw[:400:3] += 12
    thumbnails = raw.clip(0, 255).round().astype(np.uint8)
    thumbnails[400:] = thumbnails[400:][draw.permutation(400)]
    thumbnails[:40:5] = thumbnails[0]
    sketches = [Sketch("same" if index in range(0, 40, 5) else str(index), one) for index, one in enumerate(thumbnails)]
    raw = thumbnails.astype(float)
    alike = np.corrcoef(raw) > CORRELATION
    joined = list(range(len(raw)))
    for one, other in np.argwhere(np.triu(alike, 1)).tolist():
        if np.abs(raw[one] - raw[other]).mean() < LEVELS and sketches[one].pixels != sketches[other].pixels:
            joined = [joined[one] if group == joined[other] else group for group in joined]
    expected = {tuple(np.flatnonzero(np.equal(joined, group)).tolist()) for group in set(joined)}
    found = near([Place("train", "a", str(number)) for number in range(len(raw))], sketches).within
    assert {tuple(int(place.file) for place in group) for group in found} == {one for one in expected if len(one) > 1}
    assert 6 < len(found) < 40


def test_frames_of_a_still_camera_are_compared_with_few_others(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(0)
    light = draw.uniform(-30, 30, (2000, 1))
    frames = draw.integers(60, 190, 256) + draw.normal(0, 1, (2000, 256)) + light
    compared: list[int] = []
    compare = duplicates._alike

    def counted(ones: NDArray[np.intp], *arguments: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        compared.append(len(ones))
        return compare(ones, *arguments)

    monkeypatch.setattr(duplicates, "_alike", counted)
    sketches = [Sketch(str(number), one) for number, one in enumerate(frames.round().astype(np.uint8))]
    (group,) = near([Place("train", "a", str(number)) for number in range(2000)], sketches).within
    assert len(group) == 2000
    assert sum(compared) < 20 * 2000  # of two million pairs


def test_five_hundred_different_pictures_are_different() -> None:
    sketches = [sketch(picture(seed)) for seed in range(500)]
    assert near([Place("train", "a", str(n)) for n in range(500)], sketches) == sort_out([])


def test_flat_pictures_say_nothing() -> None:
    flat = [sketch(np.full((96, 96, 3), level, np.uint8)) for level in (100, 101, 102)]
    assert near(places("a", "a", "a"), flat) == sort_out([])


def test_a_group_counts_where_it_is_worst() -> None:
    a, b, c = Place("train", "x", "1"), Place("test", "x", "2"), Place("test", "y", "3")
    found = sort_out([[a, b], [a, c], [b, Place("test", "x", "4")]])
    assert (len(found.across), len(found.two_labels), len(found.within)) == (1, 1, 1)


def test_tiny_images_have_a_sketch_too() -> None:
    assert sketch(picture(0, size=8)).thumbnail.shape == (64,)


def test_the_record_names_the_first_groups_and_counts_all() -> None:
    there = [Place("train", "a" if n % 2 else "b", f"{n}.jpg") for n in range(60)]
    twice = [Sketch(str(n // 2), sketch(picture(n // 2)).thumbnail) for n in range(60)]
    found = of_used(there, twice, {"train": {"a": 30, "b": 30}})
    assert found.exact_two_labels.total == 30
    assert len(found.exact_two_labels.files) == 20
    assert found.balance == {"train": 1.0}


def test_balance_is_the_rarest_class_over_the_most_frequent() -> None:
    assert balance({"train": {"a": 10, "b": 40}, "test": {}}) == {"train": 0.25}


@pytest.mark.real_data
def test_the_picture_that_the_public_intel_set_has_under_two_labels(tmp_path: Path, bad_files: Path) -> None:
    for split in ("train", "validation", "test"):
        for label in ("glacier", "mountain"):
            folder = tmp_path / split / label
            folder.mkdir(parents=True)
            Image.fromarray(picture(len(split) * 100 + len(label))).save(folder / "other.png")
    for file, split in (("glacier_10234", "train"), ("mountain_7654", "test")):
        label = file.partition("_")[0]
        source = bad_files / f"found/intel_same_pixels_two_labels__{file}.jpg"
        (tmp_path / split / label / f"{file}.jpg").write_bytes(source.read_bytes())
    found = audit(read_folder(tmp_path, SplitRule()), 2)
    ((one, other),) = found.exact.two_labels
    assert {one.file, other.file} == {"train/glacier/glacier_10234.jpg", "test/mountain/mountain_7654.jpg"}
    assert not found.clean


@pytest.mark.real_data
def test_few_real_photographs_are_called_the_same(real_data: Path) -> None:
    folder = real_data / "intel"
    layout = read_folder(folder, SplitRule())
    found = audit(layout, 2)
    total = sum(sum(of.values()) for of in found.counts.values())
    groups = [*found.near.two_labels, *found.near.across, *found.near.within]
    assert len(groups) <= 0.01 * total
    for group in groups:  # and those that are, look the same
        one, other = (decode(folder / place.file, 64).pixels.astype(int) for place in group[:2])
        assert np.abs(one - other).mean() < 20

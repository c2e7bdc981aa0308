"""Images become arrays on disk once; damaged files are named; a damaged cache is made anew."""

import gc
import json
import multiprocessing
import os
import shutil
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tlbench.cache.upkeep import entries, remove_oldest
from tlbench.core.cell import Limit, Named
from tlbench.core.errors import UserError
from tlbench.core.image_size import ImageSize, Resize
from tlbench.datasets import build, decode, synthetic
from tlbench.datasets.found import Listings
from tlbench.datasets.image_folder import read_folder
from tlbench.datasets.kinds import read_images
from tlbench.datasets.layout import Layout, SplitRule
from tlbench.datasets.prepare import prepare
from tlbench.datasets.source import ArraySplit, DataSource
from tlbench.execution.inputs import Inputs
from tlbench.host.resources import BEHIND
from tlbench.results.images import DataProvenance

COUNTS = {"train": 30, "validation": 4, "test": 6}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    synthetic.write_tree(tmp_path / "data" / "cats_dogs", ("cats", "dogs"), COUNTS, 24)
    return tmp_path / "data"


def prepared(
    root: Path | None, cache: Path, limit: Limit | None = None, size: int = 16, **options: object
) -> DataSource:
    args = {"classes": json.dumps(options.pop("classes"))} if "classes" in options else {}
    dataset = Named(name=str(options.pop("name", "cats_dogs")), args=args)
    allowed = bool(options.pop("fallback", False))
    return prepare(dataset, limit or Limit(), size, root=root, path=None, cache=cache, fallback_synthetic=allowed)


def training_arrays(data: DataSource) -> ArraySplit:
    split = data.splits["train"]
    assert isinstance(split, ArraySplit)
    return split


def test_arrays_hold_the_pictures_in_order_of_class(root: Path, tmp_path: Path) -> None:
    found = prepared(root, tmp_path / "cache", size=24)
    images, labels = training_arrays(found).open(1.0)
    assert images.shape == (60, 24, 24, 3)
    assert labels.tolist() == [0] * 30 + [1] * 30
    originals = {np.asarray(Image.open(file)).tobytes() for file in (root / "cats_dogs/train/cats").iterdir()}
    assert {image.tobytes() for image in images[:30]} == originals
    assert (found.source, found.fallback) == ("real", False)
    assert not images.flags.writeable


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has niceness of threads")
def test_decoding_gives_way_to_what_is_waited_for_longer(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The framework is imported meanwhile."""
    seen, usual = list[int](), build._try

    def look(*told: Any) -> Any:
        seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        return usual(*told)

    monkeypatch.setattr(build, "_try", look)
    prepared(root, tmp_path / "cache")
    ours = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    assert set(seen) == {min(19, ours + BEHIND)}


def test_word_of_no_image_comes_before_any_is_decoded(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[object] = []
    usual = build._try

    def reads(*told: Any) -> Any:
        order.append("image")
        return usual(*told)

    monkeypatch.setattr(build, "_try", reads)
    prepare(
        Named(name="cats_dogs"), Limit(), 16, root=root, path=None, cache=tmp_path / "cache", fallback_synthetic=False,
        progress=lambda name, done, total: order.append((name, done, total)),
    )  # fmt: skip
    assert order[0] == ("cats_dogs", 0, 80)
    assert order[-1] == ("cats_dogs", 80, 80)
    assert order.count("image") == 80


def test_further_sizes_and_limits_of_one_listing_are_what_a_look_for_each_finds(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, listings = list[Path](), Listings()

    def noted(place: Path, rule: SplitRule) -> Layout:
        looks.append(place)
        return read_images(place, rule)

    monkeypatch.setattr("tlbench.datasets.found.read_images", noted)
    asked = [(Limit(), 16), (Limit(), 8), (Limit(train=5), 8)]

    def each(known: Listings | None) -> list[DataSource]:
        dataset, cache = Named(name="cats_dogs"), tmp_path / "cache"
        return [
            prepare(dataset, limit, size, root=root, path=None, cache=cache, fallback_synthetic=False, listings=known)
            for limit, size in asked
        ]

    alone = each(None)
    assert len(looks) == 3
    assert each(listings) == alone
    assert len(looks) == 4
    assert len(entries(tmp_path / "cache/decoded")) == 3, "and nothing was decoded anew"


def test_a_second_time_nothing_is_decoded(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = prepared(root, tmp_path / "cache")
    monkeypatch.setattr(decode, "decode", None)
    assert prepared(root, tmp_path / "cache") == first


def test_another_shape_or_way_of_resizing_is_decoded_and_kept_apart(root: Path, tmp_path: Path) -> None:
    def first(size: ImageSize, resize: Resize) -> np.ndarray:
        found = prepare(
            Named(name="cats_dogs"), Limit(), size, resize=resize, root=root, path=None, cache=tmp_path,
            fallback_synthetic=False,
        )  # fmt: skip
        picture: np.ndarray = np.asarray(found.splits["train"].open(1.0)[0])[0]
        return picture

    ways: tuple[Resize, ...] = ("stretch", "crop", "pad")
    pictures = [first((12, 24), resize) for resize in ways]
    assert {picture.shape for picture in pictures} == {(12, 24, 3)}
    assert first((24, 12), "crop").shape == (24, 12, 3)
    assert len({picture.tobytes() for picture in pictures}) == 3
    assert not pictures[2][:, :6].any(), "black beside a square"
    assert [first((12, 24), resize).tobytes() for resize in ways] == [one.tobytes() for one in pictures]
    whole = np.asarray(Image.open(next(iter(sorted((root / "cats_dogs/train/cats").iterdir())))))
    assert np.abs(pictures[1].astype(int) - whole[6:18]).max() <= 1, "the middle of a square"


def test_the_fingerprint_follows_the_bytes_of_the_images_and_nothing_else(root: Path, tmp_path: Path) -> None:
    first = prepared(root, tmp_path / "cache")
    assert prepared(root, tmp_path / "cache", size=8).fingerprint == first.fingerprint
    assert prepared(root, tmp_path / "other").fingerprint == first.fingerprint
    assert prepared(root, tmp_path / "cache", Limit(train=5)).fingerprint != first.fingerprint
    file = root / "cats_dogs/train/cats/00000.png"
    os.utime(file, ns=(1, 1))
    assert prepared(root, tmp_path / "cache").fingerprint == first.fingerprint
    Image.new("RGB", (24, 24)).save(file)
    assert prepared(root, tmp_path / "cache").fingerprint != first.fingerprint


@pytest.mark.parametrize("fallback", [False, True])
def test_fewer_training_images_are_the_first_of_more(root: Path, tmp_path: Path, fallback: bool) -> None:
    """So that accuracies by their number are of nested sets, and test images are the same for all."""
    place = None if fallback else root
    few, more = (
        prepared(place, tmp_path / "cache", Limit(train=train, validation=2, test=3), fallback=fallback)
        for train in (4, 9)
    )
    small, _ = training_arrays(few).open()
    large, _ = training_arrays(more).open()
    for label in (0, 1):
        np.testing.assert_array_equal(small[4 * label : 4 * label + 4], large[9 * label : 9 * label + 4])
    for split in ("validation", "test"):
        one, other = few.splits[split], more.splits[split]
        np.testing.assert_array_equal(one.open(1.0)[0], other.open(1.0)[0])


def test_a_limit_takes_so_many_of_each_class(root: Path, tmp_path: Path) -> None:
    found = prepared(root, tmp_path / "cache", Limit(train=7, test=100))
    counts = found.provenance().counts
    assert counts == {
        "train": {"cats": 7, "dogs": 7},
        "validation": {"cats": 4, "dogs": 4},
        "test": {"cats": 6, "dogs": 6},
    }


def test_a_bad_file_is_named_and_the_next_takes_its_place(root: Path, tmp_path: Path) -> None:
    folder = root / "cats_dogs/train/cats"
    (folder / "00003.png").write_bytes(b"")
    whole = prepared(root, tmp_path / "cache")
    assert whole.splits["train"].per_class == {"cats": 29, "dogs": 30}
    assert [(one.split, one.path, one.reason) for one in whole.skipped] == [
        ("train", "train/cats/00003.png", "empty file")
    ]
    limited = prepared(root, tmp_path / "cache", Limit(train=29))
    assert limited.splits["train"].per_class == {"cats": 29, "dogs": 29}


def test_bad_files_are_judged_on_the_whole_split_whatever_the_limit(root: Path, tmp_path: Path) -> None:
    (root / "cats_dogs/train/cats/00000.png").write_bytes(b"")
    found = prepared(root, tmp_path / "cache", Limit(train=4))  # 1 of 5 that are looked at, of 60
    assert found.splits["train"].per_class == {"cats": 4, "dogs": 4}
    assert [one.path for one in found.skipped] == ["train/cats/00000.png"]


def test_splits_drawn_from_one_folder_are_judged_together(tmp_path: Path) -> None:
    synthetic.write_tree(tmp_path, ("cats", "dogs"), {"data": 20}, 8)
    first = read_folder(tmp_path / "data", SplitRule()).files["validation"]["cats"][0]
    (tmp_path / "data" / first).write_bytes(b"")  # 1 of 6 for validation, of 40 in all
    found = prepare(
        Named(name="own"), Limit(), 8, root=None, path=tmp_path / "data", cache=tmp_path, fallback_synthetic=False
    )
    assert [(one.split, one.reason) for one in found.skipped] == [("validation", "empty file")]


def test_a_picture_that_is_replaced_with_its_size_and_time_kept_is_noticed(root: Path, tmp_path: Path) -> None:
    file = root / "cats_dogs/train/cats/00000.png"
    Image.new("RGB", (24, 24), "red").save(file.with_suffix(".bmp"))
    file.with_suffix(".bmp").replace(file)
    before, first = file.stat(), prepared(root, tmp_path / "cache")
    Image.new("RGB", (24, 24), "blue").save(tmp_path / "other.bmp")
    file.write_bytes((tmp_path / "other.bmp").read_bytes())
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))  # touch -r
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    again = prepared(root, tmp_path / "cache")
    assert again.fingerprint != first.fingerprint
    assert training_arrays(again).open()[0][0, 0, 0].tolist() == [0, 0, 255]


def test_what_is_left_out_is_today_s_even_where_nothing_is_decoded(root: Path, tmp_path: Path) -> None:
    assert prepared(root, tmp_path / "cache").skipped == ()
    (root / "cats_dogs/train/cats/.cache").mkdir()
    (root / "cats_dogs/extra").mkdir()
    record = prepared(root, tmp_path / "cache").provenance()
    assert {(one.path, one.reason) for one in record.skipped} == {
        ("train/cats/.cache/", "hidden"),
        ("extra/", "folder beside the splits"),
    }
    assert {split: (of.folder, of.files, of.drawn) for split, of in record.splits.items()} == {
        "train": ("train", 60, None),
        "validation": ("validation", 8, None),
        "test": ("test", 12, None),
    }


def test_names_that_are_not_utf8_go_through_to_the_record(root: Path, tmp_path: Path) -> None:
    data = root / "cats_dogs"
    for split in COUNTS:
        (data / split / "cats").rename(data / split / os.fsdecode(b"ch\xe2t"))
    (data / "train" / os.fsdecode(b"ch\xe2t") / os.fsdecode(b"\xe9.jpg")).write_bytes(b"x")
    found = prepare(Named(name="own"), Limit(), 8, root=None, path=data, cache=tmp_path, fallback_synthetic=False)
    record = DataProvenance.model_validate_json(found.provenance().model_dump_json())
    assert record.classes == (r"ch\xe2t", "dogs")
    assert [one.path for one in record.skipped] == [r"train/ch\xe2t/\xe9.jpg"]
    told = Inputs({"own": found}, {})
    assert told.read() == [r"own: train is train/, validation is validation/, test is test/; 2 classes: ch\xe2t, dogs"]
    assert told.skipped() == [
        r"own: 1 cannot be decoded as images: train/ch\xe2t/\xe9.jpg (not an image); the record lists all"
    ]


def test_more_than_five_percent_bad_files_is_an_error_that_names_them(root: Path, tmp_path: Path) -> None:
    for number in range(4):
        (root / f"cats_dogs/train/cats/{number:05d}.png").write_bytes(b"<html>")
    with pytest.raises(
        UserError, match=r"4 of 60 files in train cannot be decoded as images, more than 5%: .*\(not an image\)"
    ):
        prepared(root, tmp_path / "cache")
    assert not list((tmp_path / "cache/decoded").glob(".building-*"))


@pytest.mark.parametrize("damage", ["truncate", "manifest", "missing", "pixel", "label"])
def test_a_damaged_entry_of_the_cache_is_made_anew_and_said(root: Path, tmp_path: Path, damage: str) -> None:
    first = prepared(root, tmp_path / "cache")
    images, labels = training_arrays(first).images, training_arrays(first).labels
    before = images.read_bytes(), labels.read_bytes()
    match damage:
        case "truncate":
            images.write_bytes(before[0][:100])
        case "manifest":
            (images.parent / "manifest.json").write_text("{")
        case "missing":
            images.unlink()
        case "pixel":
            images.write_bytes(flipped(before[0]))
        case "label":
            labels.write_bytes(flipped(before[1]))
    again = prepared(root, tmp_path / "cache")
    assert again == first
    assert (images.read_bytes(), labels.read_bytes()) == before
    (said,) = again.rebuilt
    assert said.startswith(images.parent.name)
    (sentence,) = Inputs({"cats_dogs": again}, {}).notes()
    assert sentence == f"cats_dogs: its images were decoded again, since the cache was damaged ({said})"
    assert prepared(root, tmp_path / "cache").rebuilt == ()


def flipped(content: bytes) -> bytes:
    return bytes([*content[:7], content[7] ^ 1, *content[8:]])


def test_images_that_do_not_fit_are_an_error_that_names_the_bound(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TLBENCH_IMAGES", "50KB")
    with pytest.raises(
        UserError, match=r"cats_dogs at 16 px: 61.8 KB of images .*\(50 KB\); .* increase TLBENCH_IMAGES"
    ):
        prepared(root, tmp_path / "cache")
    found = prepared(root, tmp_path / "cache", Limit(train=4))
    assert len(found.splits["train"].open(1.0)[1]) == 8


def test_images_make_room_for_others_once_nobody_uses_them(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TLBENCH_IMAGES", "80KB")
    first = prepared(root, tmp_path / "cache")
    folder = training_arrays(first).images.parent
    with pytest.raises(UserError, match="do not fit beside those in use"):
        prepared(root, tmp_path / "cache", Limit(train=20))
    assert folder.exists()
    del first
    gc.collect()
    prepared(root, tmp_path / "cache", Limit(train=20))
    assert not folder.exists()


def test_images_that_are_cleared_while_they_are_looked_for_are_decoded_again(root: Path, tmp_path: Path) -> None:
    found = prepared(root, tmp_path / "cache")
    assert remove_oldest(entries(tmp_path / "cache/decoded"), 0).removed == ()  # in use
    shutil.rmtree(tmp_path / "cache/decoded")  # as by hand
    assert prepared(root, tmp_path / "cache") == found


def _prepare(root: Path, cache: Path) -> str:
    return prepared(root, cache).fingerprint


def test_two_processes_at_once_agree(root: Path, tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        one, other = pool.starmap(_prepare, [(root, tmp_path / "cache")] * 2)
    assert one == other
    assert len(list((tmp_path / "cache/decoded").glob("*/manifest.json"))) == 1


def test_where_there_are_no_photographs_drawn_ones_stand_in_only_if_allowed(tmp_path: Path) -> None:
    empty = tmp_path / "data"
    empty.mkdir()
    with pytest.raises(UserError, match=r"data set intel is not in .*Kaggle.*fallback: {datasets: synthetic}"):
        prepared(empty, tmp_path / "cache", name="intel")
    found = prepared(empty, tmp_path / "cache", Limit(train=3, validation=1, test=2), name="intel", fallback=True)
    assert (found.source, found.fallback) == ("synthetic", True)
    assert found.classes == ("buildings", "forest", "glacier", "mountain", "sea", "street")
    asked = prepared(empty, tmp_path / "cache", Limit(train=3, validation=1, test=2), name="synthetic")
    assert (asked.source, asked.fallback) == ("synthetic", False)


def test_a_data_folder_that_does_not_exist_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"the data folder .*none does not exist"):
        prepared(tmp_path / "none", tmp_path / "cache", fallback=True)


def test_some_classes_of_a_known_data_set_in_the_order_of_the_suite(tmp_path: Path) -> None:
    classes = ("buildings", "forest", "glacier", "mountain", "sea", "street")
    synthetic.write_tree(tmp_path / "data" / "intel", classes, COUNTS, 8)
    found = prepared(tmp_path / "data", tmp_path / "cache", name="intel", classes=["sea", "forest"])
    assert (found.classes, found.source) == (("sea", "forest"), "real")
    (tmp_path / "none").mkdir()
    few = Limit(train=3, validation=1, test=2)
    drawn = prepared(tmp_path / "none", tmp_path / "cache", few, name="intel", classes=["sea", "forest"], fallback=True)
    assert (drawn.classes, drawn.source) == (("sea", "forest"), "synthetic")


def test_other_classes_under_a_known_name_are_refused(tmp_path: Path) -> None:
    synthetic.write_tree(tmp_path / "data" / "cats_dogs", ("lions", "tigers"), COUNTS, 8)
    with pytest.raises(UserError, match="has the classes lions, tigers, but cats_dogs has cats, dogs"):
        prepared(tmp_path / "data", tmp_path / "cache")

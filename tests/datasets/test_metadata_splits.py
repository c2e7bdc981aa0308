"""Splits of images with one table of labels beside them: its own column, or the folders that it names."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from tlbench.core.errors import UserError
from tlbench.datasets.kinds import read_images
from tlbench.datasets.layout import Layout, SplitRule

NAMED = SplitRule(folders={"train": "fold0", "test": "fold1"})


def listed(place: Path, folders: Iterable[str], rule: SplitRule | None = None) -> Layout:
    """Twelve images in each folder (`.`: beside the table), all in one `metadata.csv`; nobody opens them."""
    files = [f"{folder}/{number}.png" for folder in folders for number in range(12)]
    for file in files:
        (place / file).parent.mkdir(parents=True, exist_ok=True)
        (place / file).touch()
    lines = [f"{file},{'ab'[number % 2]}\n" for number, file in enumerate(files)]
    (place / "metadata.csv").write_text("file_name,label\n" + "".join(lines))
    return read_images(place, rule or SplitRule())


def places(layout: Layout) -> dict[str, set[str]]:
    """The folders that each split has images of."""
    return {
        split: {str(Path(file).parent) for files in of.values() for file in files} for split, of in layout.files.items()
    }


def reasons(layout: Layout) -> list[str]:
    return [one.reason for one in layout.left_out]


def test_folders_that_are_no_split_are_left_out_and_named(tmp_path: Path) -> None:
    layout = listed(tmp_path, ["train", "test", "extra", "."])
    assert places(layout) == {"train": {"train"}, "validation": {"train"}, "test": {"test"}}
    assert reasons(layout) == ["12 images of no split", "12 images of split 'extra', not named"]
    whole = read_images(tmp_path, SplitRule(folders={}))
    assert places(whole)["train"] == {"train", "test", "extra", "."}


def test_the_suite_names_folders(tmp_path: Path) -> None:
    layout = listed(tmp_path, ["fold0", "fold1", "fold2"], NAMED)
    assert places(layout) == {"train": {"fold0"}, "validation": {"fold0"}, "test": {"fold1"}}
    assert reasons(layout) == ["12 images of split 'fold2', not named"]
    with pytest.raises(UserError, match=r"has no folder 'fold7' for test; did you mean 'fold\d'\?"):
        read_images(tmp_path, SplitRule(folders={"train": "fold0", "test": "fold7"}))


def test_the_suite_names_folders_that_have_tables_of_their_own(tmp_path: Path) -> None:
    for fold in ("fold0", "fold1"):
        listed(tmp_path / fold, ["."])
    layout = read_images(tmp_path, NAMED)
    assert places(layout) == {"train": {"fold0"}, "validation": {"fold0"}, "test": {"fold1"}}


def test_splits_lie_in_one_folder(tmp_path: Path) -> None:
    layout = listed(tmp_path, ["images/train/deep", "images/val", "images/test"])
    assert places(layout) == {"train": {"images/train/deep"}, "validation": {"images/val"}, "test": {"images/test"}}


@pytest.mark.parametrize(
    ("folders", "rule", "said"),
    [
        (["train", "bus"], SplitRule(), "has 'train' beside 'bus' but no validation or test folder; if these are"),
        (["train", "Training", "test"], SplitRule(), "'Training' and 'train' all mean train; choose one with"),
        (["."], NAMED, r"metadata\.csv has no column 'split', but `splits` names values of it; add the"),
    ],
)
def test_what_leaves_splits_open_is_refused(tmp_path: Path, folders: list[str], rule: SplitRule, said: str) -> None:
    with pytest.raises(UserError, match=rf"^[^\n]*{said}[^\n]*$"):
        listed(tmp_path, folders, rule)


def test_folders_of_classes_are_no_splits(tmp_path: Path) -> None:
    layout = listed(tmp_path, ["images/a", "images/b"])
    assert places(layout)["train"] == {"images/a", "images/b"}
    assert not layout.left_out


def test_a_line_without_a_split_among_others_is_refused(tmp_path: Path) -> None:
    listed(tmp_path, ["train", "test"])
    (tmp_path / "metadata.csv").unlink()
    rows = [
        {"file_name": f"{split}/{number}.png", "label": number % 2, "split": split}
        for split in ("train", "test")
        for number in range(12)
    ]
    del rows[7]["split"]
    (tmp_path / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(UserError, match=r"metadata\.jsonl:8: the split is missing; every image needs one$"):
        read_images(tmp_path, SplitRule())
    assert len(read_images(tmp_path, SplitRule(folders={})).files["train"]["0"]) == 8

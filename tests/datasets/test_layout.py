"""Which files of a folder make which split, and what is refused."""

from pathlib import Path

import pytest

from tlbench.core.errors import UserError
from tlbench.datasets.layout import SplitRule, in_order, read_layout


def tree(folder: Path, files: dict[str, int]) -> Path:
    for place, count in files.items():
        (folder / place).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            (folder / place / f"{number}.jpg").touch()
    return folder


def sizes(folder: Path, rule: SplitRule | None = None) -> dict[str, dict[str, int]]:
    layout = read_layout(folder, rule or SplitRule())
    return {split: {name: len(files) for name, files in found.items()} for split, found in layout.files.items()}


def test_train_validation_test(tmp_path: Path) -> None:
    tree(tmp_path, {f"{split}/{name}": 3 for split in ("train", "validation", "test") for name in ("a", "b")})
    assert sizes(tmp_path) == {split: {"a": 3, "b": 3} for split in ("train", "validation", "test")}


def test_kaggles_doubled_folders_give_validation_from_train(tmp_path: Path) -> None:
    tree(tmp_path, {f"{split}/{split}/{name}": 20 for split in ("seg_train", "seg_test") for name in ("a", "b")})
    assert sizes(tmp_path) == {"train": {"a": 17, "b": 17}, "validation": {"a": 3, "b": 3}, "test": {"a": 20, "b": 20}}


def test_one_folder_is_split_stratified_seeded_and_without_overlap(tmp_path: Path) -> None:
    tree(tmp_path, {"a": 100, "b": 20})
    layout = read_layout(tmp_path, SplitRule(0.2, 0.1, seed=3))
    assert sizes(tmp_path, SplitRule(0.2, 0.1, seed=3)) == {
        "train": {"a": 70, "b": 14},
        "validation": {"a": 20, "b": 4},
        "test": {"a": 10, "b": 2},
    }
    files = [file for found in layout.files.values() for listed in found.values() for file in listed]
    assert len(files) == len(set(files)) == 120
    assert layout == read_layout(tmp_path, SplitRule(0.2, 0.1, seed=3))
    assert layout.files != read_layout(tmp_path, SplitRule(0.2, 0.1, seed=4)).files


def test_files_of_the_operating_system_are_left_out_by_name(tmp_path: Path) -> None:
    tree(tmp_path, {f"{split}/{name}": 2 for split in ("train", "validation", "test") for name in ("a", "b")})
    (tmp_path / "train/a/Thumbs.db").touch()
    (tmp_path / "test/b/.DS_Store").touch()
    (tmp_path / ".git").mkdir()
    layout = read_layout(tmp_path, SplitRule())
    assert sorted(layout.junk) == ["test/b/.DS_Store", "train/a/Thumbs.db"]
    assert layout.classes == ("a", "b")


def test_a_limit_takes_files_in_the_order_of_their_names() -> None:
    assert in_order(["b/2.jpg", "a/3.jpg", "a/10.jpg"]) == ("a/10.jpg", "a/3.jpg", "b/2.jpg")


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "has no class folders"),
        ({"a": 5}, "has one class only, 'a'"),
        ({"a": 5, "b": 0}, "class 'b' in .* is empty"),
        ({"a": 5, "b": 2}, "class 'b' has 2 images, too few"),
        ({"train/a": 1, "train/b": 1}, "but no test folder"),
        ({"test/a": 1, "test/b": 1}, "but no train folder"),
        ({"train/a": 1, "train/b": 1, "test/a": 1, "test/c": 1}, "the classes of test and train differ in b, c"),
    ],
)
def test_what_is_no_data_set_is_refused(tmp_path: Path, files: dict[str, int], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        read_layout(tree(tmp_path, files), SplitRule())


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        read_layout(tmp_path / "none", SplitRule())

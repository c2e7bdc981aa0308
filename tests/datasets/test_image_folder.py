"""Which files of a folder make which split, and what is refused."""

import errno
import os
import zipfile
from pathlib import Path

import pytest

from tlbench.core.errors import UserError
from tlbench.datasets.image_folder import read_folder
from tlbench.datasets.layout import SplitRule, in_order


def tree(folder: Path, files: dict[str, int]) -> Path:
    for place, count in files.items():
        (folder / place).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            (folder / place / f"{number}.jpg").touch()
    return folder


def sizes(folder: Path, rule: SplitRule | None = None) -> dict[str, dict[str, int]]:
    layout = read_folder(folder, rule or SplitRule())
    return {split: {name: len(files) for name, files in found.items()} for split, found in layout.files.items()}


def test_train_validation_test(tmp_path: Path) -> None:
    tree(tmp_path, {f"{split}/{name}": 3 for split in ("train", "validation", "test") for name in ("a", "b")})
    assert sizes(tmp_path) == {split: {"a": 3, "b": 3} for split in ("train", "validation", "test")}


def test_kaggles_doubled_folders_give_validation_from_train(tmp_path: Path) -> None:
    tree(tmp_path, {f"{split}/{split}/{name}": 20 for split in ("seg_train", "seg_test") for name in ("a", "b")})
    assert sizes(tmp_path) == {"train": {"a": 17, "b": 17}, "validation": {"a": 3, "b": 3}, "test": {"a": 20, "b": 20}}


def test_one_folder_is_split_stratified_seeded_and_without_overlap(tmp_path: Path) -> None:
    tree(tmp_path, {"a": 100, "b": 20})
    layout = read_folder(tmp_path, SplitRule(0.2, 0.1, seed=3))
    assert sizes(tmp_path, SplitRule(0.2, 0.1, seed=3)) == {
        "train": {"a": 70, "b": 14},
        "validation": {"a": 20, "b": 4},
        "test": {"a": 10, "b": 2},
    }
    files = [file for found in layout.files.values() for listed in found.values() for file in listed]
    assert len(files) == len(set(files)) == 120
    assert layout == read_folder(tmp_path, SplitRule(0.2, 0.1, seed=3))
    assert layout.files != read_folder(tmp_path, SplitRule(0.2, 0.1, seed=4)).files


def test_files_of_the_operating_system_are_left_out_by_name(tmp_path: Path) -> None:
    tree(tmp_path, {f"{split}/{name}": 2 for split in ("train", "validation", "test") for name in ("a", "b")})
    (tmp_path / "train/a/Thumbs.db").touch()
    (tmp_path / "test/b/.DS_Store").touch()
    (tmp_path / ".git").mkdir()
    layout = read_folder(tmp_path, SplitRule())
    assert [(one.path, one.reason) for one in sorted(layout.left_out, key=lambda one: one.path)] == [
        (".git/", "hidden"),
        ("test/b/.DS_Store", "hidden"),
        ("train/a/Thumbs.db", "file of the operating system"),
    ]
    assert layout.classes == ("a", "b")


def test_a_limit_takes_files_in_the_order_of_their_names() -> None:
    assert in_order(["b/2.jpg", "a/3.jpg", "a/10.jpg"]) == ("a/10.jpg", "a/3.jpg", "b/2.jpg")


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "has no class folders"),
        ({"a": 5}, "has only one class, 'a'"),
        ({"a": 5, "b": 0}, "class 'b' in .* is empty"),
        ({"a": 5, "b": 2}, "class 'b' has 2 images for train, too few to draw test and validation from"),
        ({"train/a": 1, "train/b": 1}, "class 'a' has 1 image for train"),
        (
            {"train/a": 3, "train/b": 3, "bus/a": 1},
            r"has 'train' beside 'bus' but no validation or test .*splits: none",
        ),
        ({"test/a": 1, "test/b": 1}, "but no train folder"),
        ({"train/a": 1, "train/b": 1, "test/a": 1, "test/c": 1}, "the classes of test and train differ in 'b', 'c'"),
    ],
)
def test_what_is_no_data_set_is_refused(tmp_path: Path, files: dict[str, int], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        read_folder(tree(tmp_path, files), SplitRule())


def test_a_missing_folder_a_file_and_an_archive(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        read_folder(tmp_path / "none", SplitRule())
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(UserError, match=r"does not exist .it is a broken link"):
        read_folder(tmp_path / "link", SplitRule())
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="is a file, not a folder"):
        read_folder(tmp_path / "file", SplitRule())
    with zipfile.ZipFile(tmp_path / "pets.zip", "w") as bundle:
        bundle.writestr("train/a/1.jpg", "x")
    with pytest.raises(UserError, match=r"pets.zip is an archive, not a folder; unpack it"):
        read_folder(tmp_path / "pets.zip", SplitRule())


@pytest.mark.parametrize(
    ("train", "validation", "test"),
    [
        ("Training", None, "Testing"),
        ("Train", "Val", "Test"),
        ("TRAIN", "Validation", "TEST"),
        ("train", "dev", "test"),
        ("train_set", "valid-set", "test_images"),
        ("Training Data", "development", "holdout"),
        ("train", "eval", "test"),
        ("train", "val", "evaluation"),
        ("train", None, "eval"),
        ("seg_train", None, "seg_test"),
        ("train", "val", None),
        ("Train", None, None),
        ("TrainingData", "ValData", "TestData"),
        ("train2017", "val2017", None),
        ("01_train", None, "02_test"),
        ("trainImages", None, "testImages"),
    ],
)
def test_splits_are_found_by_synonyms_without_case(
    tmp_path: Path, train: str, validation: str | None, test: str | None
) -> None:
    there = {"train": train, "validation": validation, "test": test}
    tree(tmp_path, {f"{folder}/{name}": 10 for folder in there.values() if folder for name in "ab"})
    layout = read_folder(tmp_path, SplitRule())
    assert layout.classes == ("a", "b")
    for split, folder in there.items():
        origin = layout.origins[split]
        assert (origin.folder, origin.drawn) == ((folder, None) if folder else (train, 0.15))
        assert all(file.startswith(f"{folder or train}/") for listed in layout.files[split].values() for file in listed)
    every = [file for of in layout.files.values() for listed in of.values() for file in listed]
    assert len(every) == len(set(every)) == 20 * len([one for one in there.values() if one])
    assert sum(origin.files for origin in layout.origins.values()) == len(every)


def test_a_folder_beside_the_splits_is_named(tmp_path: Path) -> None:
    tree(tmp_path, {f"{split}/{name}": 8 for split in ("train", "test", "seg_pred", "train_old") for name in "ab"})
    (tmp_path / "labels.csv").touch()
    (tmp_path / "train/readme.txt").touch()
    assert {one.path: one.reason for one in read_folder(tmp_path, SplitRule()).left_out} == {
        "seg_pred/": "folder beside the splits",
        "train_old/": "folder beside the splits",
        "labels.csv": "not in the folder of a class",
        "train/readme.txt": "not in the folder of a class",
    }


def test_folders_that_may_be_splits_by_another_name_are_not_taken_for_classes(tmp_path: Path) -> None:
    other = tree(tmp_path / "other", {f"{split}/{name}": 4 for split in ("Entrenamiento", "Prueba") for name in "ab"})
    with pytest.raises(
        UserError, match=r"'Entrenamiento', 'Prueba', with the same folders in each \('a', 'b'\); if they are splits"
    ):
        read_folder(other, SplitRule())
    assert read_folder(other, SplitRule(folders={})).classes == ("Entrenamiento", "Prueba")
    named = SplitRule(folders={"train": "Entrenamiento", "test": "Prueba"})
    assert read_folder(other, named).classes == ("a", "b")
    inside = tree(tmp_path / "inside", {f"{name}/{split}": 4 for split in ("train", "test") for name in "ab"})
    with pytest.raises(UserError, match=r"same folders in each \('test', 'train'\); move the splits to the top"):
        read_folder(inside, SplitRule())


def test_a_numbered_folder_beside_a_split_is_left_out_and_named(tmp_path: Path) -> None:
    tree(tmp_path, {f"{split}/{name}": 8 for split in ("train", "train2", "test", "Holdout-2") for name in "ab"})
    layout = read_folder(tmp_path, SplitRule())
    assert {split: origin.folder for split, origin in layout.origins.items()} == {
        "train": "train", "validation": "train", "test": "test"
    }  # fmt: skip
    assert [one.path for one in layout.left_out] == ["Holdout-2/", "train2/"]


def test_folders_within_classes_are_read_with_them(tmp_path: Path) -> None:
    for number, deep in enumerate(({"a/x": 4, "b/x": 4}, {"a/x": 2, "a/y": 2, "b/x": 4}, {"a/x": 4, "b": 4})):
        assert read_folder(tree(tmp_path / str(number), deep), SplitRule()).classes == ("a", "b")
    loose = tree(tmp_path / "loose", {f"{name}/{inner}": 2 for name in "ab" for inner in "xy"} | {"a": 1})
    assert read_folder(loose, SplitRule()).classes == ("a", "b")


def test_two_folders_of_one_split_are_refused(tmp_path: Path) -> None:
    tree(tmp_path, {f"{split}/{name}": 4 for split in ("train", "Training", "test") for name in "ab"})
    with pytest.raises(UserError, match=r"'Training' and 'train' all mean train; choose one with `splits: {train: Tr"):
        read_folder(tmp_path, SplitRule())


def test_a_class_may_be_called_like_a_split(tmp_path: Path) -> None:
    tree(tmp_path, {"bus": 10, "plane": 10, "train": 10})
    with pytest.raises(UserError, match=r"has 'train' beside 'bus', 'plane' but no .*if these are classes.*none"):
        read_folder(tmp_path, SplitRule())
    layout = read_folder(tmp_path, SplitRule(folders={}))
    assert layout.classes == ("bus", "plane", "train")


def test_an_inner_folder_is_taken_only_where_nothing_is_beside_it(tmp_path: Path) -> None:
    inner = tree(tmp_path / "one", {f"{split}/{split}/{name}": 4 for split in ("train", "test") for name in "ab"})
    (inner / "train/.DS_Store").touch()
    layout = read_folder(inner, SplitRule())
    assert (layout.classes, layout.origins["train"].folder) == (("a", "b"), "train/train")
    assert [one.path for one in layout.left_out] == ["train/.DS_Store"]
    classes = tree(tmp_path / "two", {f"{split}/{name}": 4 for split in ("train", "test") for name in ("train", "bus")})
    assert read_folder(classes, SplitRule()).classes == ("bus", "train")


def test_the_suite_names_splits_and_classes(tmp_path: Path) -> None:
    tree(tmp_path, {f"{split}/{name}": 8 for split in ("A", "B", "train") for name in ("cat", "dog", "cow")})
    rule = SplitRule(folders={"train": "A", "test": "B"}, classes=("dog", "cat"))
    layout = read_folder(tmp_path, rule)
    assert layout.classes == ("dog", "cat")
    assert {split: origin.folder for split, origin in layout.origins.items()} == {
        "train": "A", "validation": "A", "test": "B"
    }  # fmt: skip
    assert [one.path for one in layout.left_out] == ["train/", "A/cow/", "B/cow/"]
    with pytest.raises(UserError, match="has no folder 'Hold' for test; known folders"):
        read_folder(tmp_path, SplitRule(folders={"train": "A", "test": "Hold"}))
    with pytest.raises(UserError, match="has no class 'dogs'; did you mean 'dog'"):
        read_folder(tmp_path, SplitRule(folders={"train": "A"}, classes=("dogs", "cat")))


def test_hidden_and_system_folders_are_left_out_whole(tmp_path: Path) -> None:
    hidden = [".cache", ".ipynb_checkpoints", "__MACOSX", "@eaDir"]
    tree(tmp_path, {"a": 5, "b": 5} | {f"a/{name}": 2 for name in hidden} | dict.fromkeys(hidden, 3))
    layout = read_folder(tmp_path, SplitRule())
    assert sizes(tmp_path) == {"train": {"a": 3, "b": 3}, "validation": {"a": 1, "b": 1}, "test": {"a": 1, "b": 1}}
    assert {one.path for one in layout.left_out} == {f"{place}{name}/" for name in hidden for place in ("", "a/")}


def test_links_are_read_or_named(tmp_path: Path) -> None:
    data = tree(tmp_path / "data", {"a": 5, "b": 5, "a/deep": 2})
    tree(tmp_path, {"other": 3})
    (data / "a/more").symlink_to(tmp_path / "other")
    (data / "a/again").symlink_to("deep")
    (data / "a/loop").symlink_to(data)
    (data / "a/gone.jpg").symlink_to("/nowhere/annexed.jpg")
    (data / "a/self.jpg").symlink_to("self.jpg")
    (data / "a/one.jpg").symlink_to(tmp_path / "other/0.jpg")
    (data / "c").symlink_to(tmp_path / "other")
    layout = read_folder(data, SplitRule())
    files = {file for listed in layout.files.values() for file in listed["a"]}
    there = {f"a/{number}.jpg" for number in range(5)} | {f"a/deep/{number}.jpg" for number in range(2)}
    assert files == there | {"a/one.jpg"} | {f"a/more/{number}.jpg" for number in range(3)}
    assert layout.classes == ("a", "b", "c")
    assert {one.path: one.reason for one in layout.left_out} == {
        "a/again/": "link to a folder that was already read",
        "a/loop/": "link to a folder that contains it",
        "a/gone.jpg": "broken link to /nowhere/annexed.jpg",
        "a/self.jpg": "broken link to self.jpg",
    }


def test_special_files_are_named_and_not_waited_for(tmp_path: Path) -> None:
    tree(tmp_path, {"a": 5, "b": 5})
    os.mkfifo(tmp_path / "a/pipe.jpg")
    (tmp_path / "a/link.jpg").symlink_to("/dev/zero")
    assert {one.path: one.reason for one in read_folder(tmp_path, SplitRule()).left_out} == {
        "a/pipe.jpg": "not a regular file but a FIFO",
        "a/link.jpg": "not a regular file but a device",
    }


def test_a_folder_that_may_not_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree(tmp_path, {"a": 5, "b": 5, "a/inner": 2})
    scan = os.scandir

    def refusing(folder: Path) -> object:  # root may read everything
        if folder.name == locked:
            raise PermissionError(errno.EACCES, "Permission denied", str(folder))
        return scan(folder)

    monkeypatch.setattr(os, "scandir", refusing)
    locked = "b"
    with pytest.raises(UserError, match=r"/b cannot be read: permission denied; make it readable"):
        read_folder(tmp_path, SplitRule())
    locked = "inner"
    assert [(one.path, one.reason) for one in read_folder(tmp_path, SplitRule()).left_out] == [
        ("a/inner/", "permission denied")
    ]


def test_names_that_are_not_utf8_are_shown_with_escapes(tmp_path: Path) -> None:
    tree(tmp_path, {"a": 5, "b": 5})
    odd = os.fsdecode(b"gar\xe7on")
    tree(tmp_path, {odd: 4})
    (tmp_path / os.fsdecode(b"a/.\xe9.jpg")).touch()
    (tmp_path / os.fsdecode(b"a/\xe9.jpg")).touch()
    layout = read_folder(tmp_path, SplitRule())
    assert layout.classes == ("a", "b", r"gar\xe7on")
    assert [one.path for one in layout.left_out] == [r"a/.\xe9.jpg"]
    files = [file for of in layout.files.values() for listed in of.values() for file in listed]
    assert os.fsdecode(b"a/\xe9.jpg") in files  # the file system's own name, by which it is opened
    assert all((tmp_path / file).is_file() for file in files)


def test_names_that_look_the_same_are_shown_apart(tmp_path: Path) -> None:
    tree(tmp_path / "one", {"caf\u00e9": 5, "cafe\u0301": 5, "b": 5})
    with pytest.raises(UserError, match=r"look the same: .*'cafe\\u0301', 'caf\\xe9'"):
        read_folder(tmp_path / "one", SplitRule())
    tree(tmp_path / "two", {"train/caf\u00e9": 5, "train/b": 5, "test/cafe\u0301": 5, "test/b": 5})
    with pytest.raises(UserError, match=r"differ in 'cafe\\u0301', 'caf\\xe9' \(.*are different names"):
        read_folder(tmp_path / "two", SplitRule())


def test_shares_that_leave_nothing_to_train_on_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="class 'a' has 4 images for train, too few"):
        read_folder(tree(tmp_path, {"a": 4, "b": 4}), SplitRule(validation=0.5, test=0.49))

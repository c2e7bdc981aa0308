"""A CSV of paths and labels is a data set as a folder is; what it leaves open is refused at its line."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.datasets.foreign import png
from tlbench.core.cell import Limit, Named
from tlbench.core.errors import UserError
from tlbench.datasets import synthetic
from tlbench.datasets.kinds import kind_of, read_images
from tlbench.datasets.layout import Layout, SplitRule
from tlbench.datasets.prepare import prepare
from tlbench.datasets.source import DataSource
from tlbench.session.data import check, move_bad

FILES = [f"{number}.png" for number in range(40)]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with files, which nobody opens."""
    (tmp_path / "images").mkdir()
    for name in FILES:
        (tmp_path / "images" / name).touch()
    return tmp_path


def table(place: Path, *lines: str, encoding: str = "utf-8") -> Path:
    file = place / "birds.csv"
    file.write_text("\n".join(lines) + "\n", encoding=encoding)
    return file


def rows(labels: Sequence[str] = "ab", split: str = "") -> list[str]:
    """A line for each file, labels in turn."""
    return [f"images/{name},{labels[number % len(labels)]}{split}" for number, name in enumerate(FILES)]


def sizes(layout: Layout) -> dict[str, dict[str, int]]:
    return {split: {name: len(files) for name, files in found.items()} for split, found in layout.files.items()}


def source(path: Path, cache: Path, limit: Limit | None = None, **args: str) -> DataSource:
    named = Named(name="birds", args=args)
    return prepare(named, limit or Limit(), 16, root=None, path=path, cache=cache, fallback_synthetic=False)


def test_the_same_files_in_the_same_splits_are_the_same_images_as_a_folder_with_them(tmp_path: Path) -> None:
    folder = tmp_path / "shapes"
    synthetic.write_tree(folder, ("stripes", "bars"), {"train": 5, "validation": 2, "test": 3}, 24)
    files = sorted(file.relative_to(folder) for file in folder.rglob("*.*"))
    lines = [f"{file},{file.parts[1]},{file.parts[0]}" for file in reversed(files)]
    listed = source(table(folder, "path,label,split", *lines), tmp_path / "cache")
    (folder / "birds.csv").rename(folder / "train" / "other.csv")  # left out, as any file beside the classes
    walked = source(folder, tmp_path / "cache")
    assert listed.fingerprint == walked.fingerprint
    assert (listed.classes, listed.audit) == (walked.classes, walked.audit)
    assert listed.splits == walked.splits, "what is decoded of one is there for the other"
    assert (listed.origins["test"].file, listed.origins["test"].folder) == ("birds.csv", "test")
    elsewhere = tmp_path / "elsewhere.csv"
    elsewhere.write_text("path,label,split\n" + "".join(f"shapes/{line}\n" for line in lines))
    assert source(elsewhere, tmp_path / "cache").fingerprint != walked.fingerprint, "names of files are part of it"


def test_splits_that_are_missing_are_drawn_as_from_a_folder(place: Path) -> None:
    drawn = read_images(table(place, "path,label", *rows()), SplitRule(0.2, 0.1, 3))
    classes = place / "classes"
    for number, name in enumerate(FILES):
        (classes / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        (classes / "ab"[number % 2] / name).touch()
    assert sizes(drawn) == sizes(read_images(classes, SplitRule(0.2, 0.1, 3)))
    assert (drawn.origins["test"].drawn, drawn.origins["test"].seed, drawn.origins["train"].folder) == (0.1, 3, ".")
    both = [*rows(split=",Training")[:30], *rows(split=",holdout")[30:]]
    halves = read_images(table(place, "label,split,path", *(swapped(line) for line in both)), SplitRule())
    assert sizes(halves) == {"train": {"a": 13, "b": 13}, "validation": {"a": 2, "b": 2}, "test": {"a": 5, "b": 5}}
    assert halves.origins["validation"].folder == "Training"


def swapped(line: str) -> str:
    path, label, split = line.split(",")
    return f"{label},{split},{path}"


def test_other_columns_spaces_and_a_byte_order_mark_do_not_matter(place: Path) -> None:
    lines = [f'{number}, "{line.split(",")[0]}" , {line[-1]}' for number, line in enumerate(rows())]
    with pytest.raises(UserError, match=r"birds\.csv:2: this is not CSV"):
        read_images(table(place, "id,path,label", *lines), SplitRule())
    lines = [line.replace('"', "") for line in lines]
    spaced = read_images(table(place, " id , path, label", "", *lines, "", encoding="utf-8-sig"), SplitRule())
    plain = read_images(table(place, "path,label", *rows()), SplitRule())
    assert spaced.files == plain.files
    absolute = [line.replace("images", str(place / "images")) for line in rows()]
    assert read_images(table(place, "path,label", *absolute), SplitRule()).files == plain.files


def test_what_is_no_file_or_has_no_lines_is_not_read_to_its_end(place: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    for name in ("pipe.csv", "zero.csv"):
        with pytest.raises(UserError, match="is neither a folder nor a regular file"):
            read_images(tmp_path / name, SplitRule())
    file = table(place, "path,label", *rows())
    with file.open("ab") as sparse:
        sparse.truncate(64 * 2**30)
    with pytest.raises(UserError, match=r"this is not CSV \(it has more than 1048576 characters\)"):
        read_images(file, SplitRule())


def test_the_suite_names_splits_and_classes_as_of_a_folder(place: Path) -> None:
    folds = [f"{line},fold{number % 4}" for number, line in enumerate(rows("abbc"))]
    file = table(place, "path,label,split", *folds)
    with pytest.raises(UserError, match=r"birds\.csv has the splits fold0, .*, none of which means train; name them"):
        read_images(file, SplitRule())
    whole = read_images(file, SplitRule(folders={}, classes=("c", "a")))
    assert whole.classes == ("c", "a")
    assert [one.reason for one in whole.left_out] == ["20 images of 'b', not among the suite's classes"]
    mixed = [f"{line},fold{number // 2 % 4}" for number, line in enumerate(rows())]
    file = table(place, "path,label,split", *mixed)
    some = read_images(file, SplitRule(folders={"train": "fold0", "test": "fold2"}))
    assert sizes(some)["test"] == {"a": 5, "b": 5}
    assert [one.reason for one in some.left_out] == [
        "10 images of split 'fold1', not named",
        "10 images of split 'fold3', not named",
    ]
    with pytest.raises(UserError, match=r"has no split 'fold9' for test; did you mean 'fold\d'\?"):
        read_images(file, SplitRule(folders={"train": "fold0", "test": "fold9"}))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["path,label", "images/0.png,cat|dog"], "birds.csv:2: 'cat|dog' looks like several labels, and an image must"),
        (["path,label", 'images/0.png,"cat, dog"'], "birds.csv:2: 'cat, dog' looks like several labels"),
        (["path,label", "images/0.png,a", "images/1.png,b", "./images/0.png,b"], "birds.csv:4: images/0.png is 'b' here and 'a' in line 2: an image must have exactly one label"),
        (["path,label,split", "images/0.png,a,train", "images/0.png,a,test"], "birds.csv:3: images/0.png is in test here and in train in line 2"),
        (["path,label", "images/0.png,a", "images/0.png,a"], "birds.csv:3: images/0.png is already in line 2"),
        (["file,label", "images/0.png,a"], "birds.csv:1: there is no column 'path'; known columns: file, label; name it with `image: COLUMN` in the suite, or --image COLUMN"),
        (["class,file", "a,images/0.png"], "birds.csv:1: there is no column 'path' and none 'label'; known columns: class, file; name them with `image: COLUMN` and `label: COLUMN` in the suite, or --image COLUMN and --label COLUMN"),
        (["paths,label", "images/0.png,a"], "birds.csv:1: there is no column 'path'; did you mean 'paths'? Name it with `image: COLUMN` in the suite, or --image COLUMN"),
        (rows(), "birds.csv:1: the first line is already an image, images/0.png; add a line above it that names the columns: path,label"),
        (["images/0.png;a"], "birds.csv:1: its cells are separated by ';'; save it with commas"),
        (["path\tlabel", "images/0.png\ta"], "birds.csv:1: its cells are separated by '\\t'; save it with commas"),
        (["path;label", "images/0.png;a"], "birds.csv:1: its cells are separated by ';'; save it with commas"),
        (["path,cat,dog", "images/0.png,0,1"], "birds.csv:1: there is no column 'label'; "),
        (["path,label,label"], "birds.csv:1: there are 2 columns 'label'"),
        (["path,label", "images/0.png,a,b"], "birds.csv:2: 3 cells, but the header has 2"),
        (["path,label", "images/0.png, "], "birds.csv:2: the label is missing; every image needs one"),
        (["path,label,split", "images/0.png,a,"], "birds.csv:2: the split is missing; every image needs one"),
        (["path,label,split", *rows(split=",Test")], "birds.csv has 'Test' but no train split; if all images are for training, write `splits: none`"),
        (["path,label,split", *rows(split=",train"), "images,a,Training"], "birds.csv: 'Training' and 'train' all mean train; choose one with `splits: {train: Training, ...}`"),
        (["path,label,split", *rows(split=",train")[:-1], "images/39.png,c,test"], "birds.csv: the classes of test and train differ in 'a', 'b', 'c'"),
        (["path,label", *rows("a")], "birds.csv has only one label, 'a'"),
        (["path,label", *rows()[:3]], "class 'a' has 2 images for train, too few"),
        (["path,label", "no/0.png,a", *rows()[:9]], "birds.csv: 1 of 10 files do not exist: no/0.png (line 2); paths are relative to "),
        (["path,label"], "birds.csv has no image; a classifier"),
        ([""], "birds.csv is empty; its first line must name the columns: path,label,split"),
        (["path,label", 'images/0.png,"a'], "birds.csv:2: this is not CSV"),
        (["path,label", "images/0.png\0,a"], "birds.csv:2: "),
        (["path,label", *rows(["cafe\u0301", "caf\u00e9"])], "birds.csv has classes whose names look the same"),
    ],
)  # fmt: skip
def test_what_leaves_something_open_is_one_sentence_with_its_line(place: Path, lines: list[str], said: str) -> None:
    with pytest.raises(UserError, match=f"^({re.escape(str(place))}/)?{re.escape(said)}[^\n]*$"):
        read_images(table(place, *lines), SplitRule())


def test_a_file_that_is_no_text_or_not_there_is_named(place: Path) -> None:
    file = place / "birds.csv"
    file.write_bytes(b"path,label\nimages/\xe9.png,a\n")
    with pytest.raises(UserError, match=r"birds\.csv is not UTF-8 \(.*\); save it as UTF-8$"):
        read_images(file, SplitRule())
    with pytest.raises(UserError, match=r"none\.csv cannot be read \(No such file or directory\)"):
        read_images(place / "none.csv", SplitRule())


def test_a_comma_in_the_name_of_a_class_is_taken_where_the_suite_says_so(place: Path) -> None:
    lines = [line.replace(",a", ',"crane, bird"') for line in rows()]
    layout = read_images(table(place, "path,label", *lines), SplitRule(classes=("b", "crane, bird")))
    assert layout.classes == ("b", "crane, bird")


def test_a_few_files_that_are_missing_or_no_images_are_left_out_and_named(tmp_path: Path) -> None:
    folder = tmp_path / "shapes"
    synthetic.write_tree(folder, ("stripes", "bars"), {"train": 25, "validation": 2, "test": 3}, 24)
    files = sorted(file.relative_to(folder) for file in (folder / "train").rglob("*.*"))
    files += sorted(
        file.relative_to(folder) for place in ("validation", "test") for file in (folder / place).rglob("*.*")
    )
    (folder / files[0]).unlink()
    (folder / files[9]).write_bytes(b"no image")
    file = table(folder, "path,label,split", *(f"{file},{file.parts[1]},{file.parts[0]}" for file in files))
    found = source(file, tmp_path / "cache")
    assert [(one.split, one.path, one.reason) for one in found.skipped] == [
        ("", str(files[0]), "line 2 of birds.csv: no such file"),
        ("train", str(files[9]), "not an image"),
    ]
    audit = check(None, file, None)
    assert [one.path for one in audit.undecodable] == [str(files[9])]
    assert (audit.place, audit.clean) == (file, False)
    with pytest.raises(UserError, match=r"--move-bad moves files out of folders of classes; .*birds\.csv names them"):
        move_bad(audit, tmp_path / "bad")


def test_a_path_that_is_too_long_for_a_file_is_one_of_those_that_are_missing(place: Path) -> None:
    long = "x" * 300 + ".png"
    found = read_images(table(place, "path,label", *rows(), f"{long},a"), SplitRule())
    assert [(one.path, one.reason) for one in found.left_out] == [
        (long, f"line {len(rows()) + 2} of birds.csv: no such file")
    ]


def test_kinds_are_known_by_the_ending_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    kinds = [kind_of(tmp_path / name) for name in ("birds.CSV", "a.npz", "folder", "folder.csv", "a.zip")]
    assert kinds == ["csv", "npz", "path", "path", "path"]


def test_columns_of_a_csv_have_other_names_where_the_suite_says_so(tmp_path: Path) -> None:
    for row in range(12):
        (tmp_path / f"{row}.png").write_bytes(png("train", row))
    (tmp_path / "birds.csv").write_text("file,kind\n" + "".join(f"{row}.png,{'ab'[row % 2]}\n" for row in range(12)))
    found = source(tmp_path / "birds.csv", tmp_path / "cache", image="file", label="kind")
    assert found.classes == ("a", "b")
    with pytest.raises(UserError, match=r"birds\.csv:1: there is no column 'path'"):
        read_images(tmp_path / "birds.csv", SplitRule())
    for name in "ab":
        (tmp_path / "folders" / name).mkdir(parents=True)
    with pytest.raises(
        UserError, match=r"`label` names a column of a table, and there is no table here; remove `label`$"
    ):
        read_images(tmp_path / "folders", SplitRule(label="kind"))

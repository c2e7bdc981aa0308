"""Images and labels in Parquet and Arrow files, written here with pyarrow alone, as others than `datasets` write them."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.datasets.foreign import HERE, SIDE, pixels, png
from tests.datasets.packages import PYARROW
from tlbench.core.errors import UserError
from tlbench.datasets import arrow
from tlbench.datasets.kinds import kind_of, read_images
from tlbench.datasets.layout import SplitRule
from tlbench.datasets.rows import class_label
from tlbench.session.data import check

pytestmark = PYARROW


def write(file: Path, **columns: Any) -> Path:
    import pyarrow
    from pyarrow import parquet

    file.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pyarrow.table(columns), file, row_group_size=4)
    return file


def images(split: str, count: int = 12) -> list[dict[str, Any]]:
    return [{"bytes": png(split, row), "path": f"{row}.png"} for row in range(count)]


def test_a_single_file_with_names_as_labels(tmp_path: Path) -> None:
    labels = ["b", "a", None, ""] * 3
    file = write(tmp_path / "own.parquet", picture=[png("train", row) for row in range(12)], label=labels)
    layout = read_images(file, SplitRule(validation=0.3, test=0.3))
    assert (kind_of(file), layout.classes) == ("parquet", ("a", "b"))
    assert [(one.path, one.reason) for one in layout.left_out] == [
        ("own.parquet", "6 images of split 'train' without a label")
    ]
    assert layout.files["train"].keys() == {"a", "b"}


def test_a_group_of_rows_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path / "own.parquet", image=images("train"), label=[row % 2 for row in range(12)])
    read, keep = list[int](), arrow._Spooled._keep

    def counted(self: Any, group: int) -> Any:
        read.append(group)
        return keep(self, group)

    monkeypatch.setattr(arrow._Spooled, "_keep", counted)
    layout = read_images(file, SplitRule())
    decode = layout.decoder(SIDE)
    for label in ("0", "1"):
        for path in [path for of in layout.files.values() for path in of[label]]:
            assert (decode(path).pixels == pixels("train", int(path.partition("/")[2]))).all()
    assert sorted(read) == [0, 1, 2]


def test_a_split_without_labels_is_left_out_and_drawn(tmp_path: Path) -> None:
    for split, labels in (("train", ["a", "b"] * 6), ("test", [None] * 12), ("extra", ["b", "a"] * 6)):
        write(tmp_path / "data" / f"{split}-00000-of-00001.parquet", image=images(split), label=labels)
    layout = read_images(tmp_path, SplitRule())
    assert [one.reason for one in layout.left_out] == [
        "12 images of split 'test' without a label",
        "12 images of split 'extra', not named",
    ]
    assert layout.origins["test"].drawn == 0.15
    chosen = read_images(tmp_path, SplitRule(folders={"train": "train", "test": "extra"}, classes=("b", "a")))
    assert chosen.classes == ("b", "a")


@pytest.mark.parametrize("name", ["label", "image", "id"])
def test_columns_of_one_name_are_refused(tmp_path: Path, name: str) -> None:
    import pyarrow
    from pyarrow import parquet

    columns = {"image": images("train"), "label": ["a", "b"] * 6, "id": [*range(12)]}
    twice = [*columns, name]
    table = pyarrow.Table.from_arrays([pyarrow.array(columns[one]) for one in twice], names=twice)
    parquet.write_table(table, tmp_path / "own.parquet")
    for rule in (SplitRule(), SplitRule(image="image", label="label")):
        with pytest.raises(
            UserError, match=rf"^[^\n]*own\.parquet has several columns called {name}; rename all but one$"
        ):
            read_images(tmp_path / "own.parquet", rule)


def test_splits_by_folders_and_configurations(tmp_path: Path) -> None:
    for split in ("train", "test"):
        write(tmp_path / "plain" / split / "0000.parquet", image=images(split), label=["a", "b"] * 6)
    assert read_images(tmp_path, SplitRule()).origins["test"].drawn is None
    shutil.copytree(tmp_path / "plain", tmp_path / "small")
    with pytest.raises(UserError, match=r" has 2 configurations: plain, small; give the folder of one of them"):
        read_images(tmp_path, SplitRule())
    with pytest.raises(UserError, match=r"splits: none"):
        read_images(neither(tmp_path / "other"), SplitRule())


def neither(folder: Path) -> Path:
    for split in ("test", "val"):
        write(folder / f"{split}.parquet", image=images(split), label=["a", "b"] * 6)
    return folder


def test_folders_of_classes_count_before_a_table_beside_them(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        for row in range(12):
            (tmp_path / name / f"{row}.png").write_bytes(png("train", row))
    write(tmp_path / "embeddings.parquet", vector=[[1.0]])
    assert read_images(tmp_path, SplitRule()).container is None


def test_a_label_beyond_the_names_is_one_sentence() -> None:
    with pytest.raises(UserError, match=r"^own has label 3, but names of only 3 classes$"):
        class_label(Path("own"), 3, ("a", "b", "c"))


@pytest.mark.parametrize(
    ("columns", "rule", "said"),
    [
        ({"label": ["a", "b"]}, SplitRule(), "has no column of images (bytes of files, or {bytes, path}); it has label"),
        ({"image": [b"", b""], "kind": ["a", "b"]}, SplitRule(), "has no column of classes; it has image, kind; choose one with `label`"),
        ({"one": [b"", b""], "two": [b"", b""], "label": ["a", "b"]}, SplitRule(), "several columns for image: one, two; choose one with `image: one`"),
        ({"image": [b"", b""], "label": [["a"], ["b", "c"]]}, SplitRule(), "label has several labels per image ("),
        ({"image": [b"", b""], "label": [0.5, 1.0]}, SplitRule(), "label is double; labels are integers or names"),
        ({"image": [b"", b""], "label": ["a", "a"]}, SplitRule(), "has only one label, 'a'; a classifier needs"),
        ({"image": [b"", b""], "label": ["", ""]}, SplitRule(), "has no image with a label"),
        ({"image": [b"", b""], "label": ["a", "b"]}, SplitRule(label="labl"), "has no column 'labl'; did you mean 'label'?"),
        ({"image": [b"", b""], "label": ["a", "b"]}, SplitRule(image="label"), "column 'label' has no images"),
        ({"image": [b"", b""], "label": ["a", "b"]}, SplitRule(classes=("a", "c")), "has no class 'c'"),
    ],
    ids=str,
)  # fmt: skip
def test_anything_else_is_one_sentence(columns: dict[str, Any], rule: SplitRule, said: str, tmp_path: Path) -> None:
    file = write(tmp_path / "own.parquet", **columns)
    with pytest.raises(UserError, match=rf"^[^\n]*own\.parquet[^\n]*{re.escape(said)}[^\n]*$"):
        read_images(file, rule)


def test_rows_without_an_image_say_why(tmp_path: Path) -> None:
    rows = images("train")
    rows[2]["bytes"] = None
    rows[3] = {"bytes": None, "path": None}
    file = write(tmp_path / "own.parquet", image=rows, label=["a", "b"] * 6)
    reasons = {one.path: one.reason for one in check(None, file, None).undecodable}
    assert reasons == {
        "train/0000002": "only its path is stored, 2.png; save the data set with embedded images",
        "train/0000003": "no image",
    }


def test_damage_is_named(tmp_path: Path) -> None:
    file = tmp_path / "own.parquet"
    file.write_bytes(b"PAR1 no table PAR1")
    with pytest.raises(UserError, match=r"own\.parquet cannot be read \(.*\); download or save it again$"):
        read_images(file, SplitRule())
    saved = tmp_path / "saved"
    shutil.copytree(HERE / "saved", saved)
    (saved / "train" / "data-00000-of-00002.arrow").write_bytes(b"no arrow")
    with pytest.raises(UserError, match=r"data-00000-of-00002\.arrow cannot be read"):
        read_images(saved, SplitRule())
    (saved / "train" / "state.json").write_text('{"_data_files": [{"filename": "../test/x.arrow"}]}')
    with pytest.raises(UserError, match=r"lists '\.\./test/x\.arrow', which is not the name of a file in it"):
        read_images(saved, SplitRule())
    (saved / "dataset_dict.json").write_text("{")
    with pytest.raises(UserError, match=r"dataset_dict\.json is no JSON"):
        read_images(saved, SplitRule())


def test_one_split_that_was_saved_alone_is_everything() -> None:
    layout = read_images(HERE / "saved" / "train", SplitRule())
    assert {split: origin.folder for split, origin in layout.origins.items()} == dict.fromkeys(
        ("train", "validation", "test"), "train"
    )

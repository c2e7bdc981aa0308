"""The same splits and classes mean the same, whatever kind of files a data set is in."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.datasets.packages import PYARROW
from tlbench.core.cell import Limit, Named
from tlbench.core.errors import UserError
from tlbench.datasets.kinds import read_images
from tlbench.datasets.layout import Layout, SplitRule
from tlbench.datasets.prepare import prepare
from tlbench.datasets.rows import Rows, of_rows

Read = Callable[[Path, Sequence[str], SplitRule], Layout]
LABELS = ("a", "b") * 6


def folder(place: Path, splits: Sequence[str], rule: SplitRule) -> Layout:
    for split in splits:
        for number, label in enumerate(LABELS):
            (place / split / label).mkdir(parents=True, exist_ok=True)
            (place / split / label / f"{number}.png").touch()
    return read_images(place, rule)


def listed(place: Path, splits: Sequence[str]) -> list[tuple[str, str, str]]:
    """Image files without folders of splits: the name, the label and the split of each."""
    files = [(f"{split}{number}.png", label, split) for split in splits for number, label in enumerate(LABELS)]
    for name, _, _ in files:
        (place / name).touch()
    return files


def table(place: Path, splits: Sequence[str], rule: SplitRule) -> Layout:
    (place / "own.csv").write_text(
        "path,label,split\n" + "".join(f"{','.join(row)}\n" for row in listed(place, splits))
    )
    return read_images(place / "own.csv", rule)


def lines(place: Path, splits: Sequence[str], rule: SplitRule) -> Layout:
    rows = [dict(zip(("file_name", "label", "split"), row, strict=True)) for row in listed(place, splits)]
    (place / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return read_images(place, rule)


def rows(place: Path, splits: Sequence[str], rule: SplitRule) -> Layout:
    return of_rows(place, dict.fromkeys(splits, LABELS), ("a", "b"), Rows((), {}), rule)


def parquet(place: Path, splits: Sequence[str], rule: SplitRule, ending: str = "-00000-of-00001") -> Layout:
    import pyarrow
    from pyarrow import parquet

    for split in splits:
        columns = {"image": [b""] * len(LABELS), "label": list(LABELS)}
        parquet.write_table(pyarrow.table(columns), place / f"{split}{ending}.parquet")
    return read_images(place, rule)


def bare_parquet(place: Path, splits: Sequence[str], rule: SplitRule) -> Layout:
    return parquet(place, splits, rule, ending="")


OF_PARQUET = [pytest.param(parquet, marks=PYARROW), pytest.param(bare_parquet, marks=PYARROW)]
KINDS = pytest.mark.parametrize("read", [folder, table, lines, rows, *OF_PARQUET])


@KINDS
@pytest.mark.parametrize(
    ("splits", "chosen", "left"),
    [
        (["train", "test", "test2"], {"train": "train", "test": "test"}, "test2"),
        (["train", "val", "test", "eval"], {"train": "train", "validation": "val", "test": "test"}, "eval"),
        (["Training", "eval", "test"], {"train": "Training", "validation": "eval", "test": "test"}, ""),
        (["train", "test", "extra"], {"train": "train", "test": "test"}, "extra"),
    ],
)
def test_names_mean_the_same(
    read: Read, splits: list[str], chosen: Mapping[str, str], left: str, tmp_path: Path
) -> None:
    layout = read(tmp_path, splits, SplitRule())
    assert {split: one.folder for split, one in layout.origins.items() if one.drawn is None} == chosen
    assert [left in f"{one.path} {one.reason}" for one in layout.left_out] == [True] * bool(left)


@KINDS
@pytest.mark.parametrize(
    ("splits", "said"),
    [
        (["test"], "has 'test' but no train "),
        (["val", "test"], "has 'test', 'val' but no train "),
        (["train", "extra"], "has 'train' beside 'extra' but no validation or test "),
        (["train", "Training", "test"], "'Training' and 'train' all mean train; choose one with `splits: {train: Trai"),
        (["train", "test1", "test2"], "'test1' and 'test2' all mean test; choose one with `splits: {test: test1, "),
    ],
)
def test_names_that_leave_splits_open_are_refused(read: Read, splits: list[str], said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"^[^\n]*{said}[^\n]*$"):
        read(tmp_path, splits, SplitRule())
    named = read(tmp_path, splits, SplitRule(folders={"train": splits[0]}))
    assert named.origins["train"].folder == splits[0]


@PYARROW
@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (["train-00000-of-00002-4e21a3", "train-00001-of-00002-4e21a3", "test"], {"train": 24, "test": 12}),
        (["train_0", "train_1", "test_0"], {"train": 24, "test": 12}),
        (["train-1", "train-2", "test-1"], {"train": 24, "test": 12}),
        (["train0", "train1", "test0"], {"train": 24, "test": 12}),
        (["train", "test", "test2"], {"train": 12, "test": 12}),
        (["train-2014", "test"], {"train": 12, "test": 12}),
    ],
)
def test_numbers_at_the_end_of_a_name_are_shards_where_they_run_on(
    names: list[str], splits: dict[str, int], tmp_path: Path
) -> None:
    found = parquet(tmp_path, names, SplitRule(), ending="")
    drawn = found.origins["validation"].files
    counts = {split: found.origins[split].files for split in splits}
    assert counts == {"train": splits["train"] - drawn, "test": splits["test"]}


@PYARROW
def test_a_shard_that_is_missing_is_named(tmp_path: Path) -> None:
    names = ["train-00000-of-00003", "train-00002-of-00003", "test-1-of-2-4e21a3", "test-2-of-2-4e21a3"]
    found = parquet(tmp_path, names, SplitRule(), ending="")
    assert [(one.path, one.reason) for one in found.left_out] == [
        ("train-00001-of-00003.parquet", "missing: 2 of 3 shards are there")
    ]


@PYARROW
def test_a_word_of_a_name_is_its_split_where_no_whole_name_is_one(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    found = parquet(tmp_path / "one", ["cifar10-train", "cifar10_test"], SplitRule(), ending="")
    assert {split: one.folder for split, one in found.origins.items() if one.drawn is None} == {
        "train": "train",
        "test": "test",
    }


@PYARROW
@pytest.mark.parametrize(
    "names", [["val-maps", "val-satellites"], ["crash-test-dummies"], ["a-val", "a-test"], ["a-train", "b-test"]]
)
def test_files_whose_words_are_no_splits_of_one_data_set_are_one_pool(names: list[str], tmp_path: Path) -> None:
    found = parquet(tmp_path, names, SplitRule(), ending="")
    assert {one.folder for one in found.origins.values()} == {"train"}


@PYARROW
@pytest.mark.parametrize("separator", ["", "-", "_"])
def test_years_are_no_shards(separator: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="all mean train; choose one"):
        parquet(tmp_path, [f"train{separator}2014", f"train{separator}2017", "test"], SplitRule(), ending="")


def test_a_single_split_whose_name_means_nothing_is_for_training(tmp_path: Path) -> None:
    for read in (rows, table):
        assert read(tmp_path, ["full"], SplitRule()).origins["train"].folder == "full"


@PYARROW
def test_a_file_or_a_data_set_alone_is_for_training_whatever_its_name(tmp_path: Path) -> None:
    with pytest.raises(UserError):
        parquet(tmp_path, ["test"], SplitRule())
    assert read_images(tmp_path / "test-00000-of-00001.parquet", SplitRule()).origins["test"].drawn == 0.15
    saved = Path(__file__).parents[1] / "data" / "foreign" / "saved" / "test"
    assert read_images(saved, SplitRule(), empty=True).origins["test"].drawn == 0.15


BAD = ("\ud800x", "\x1b[31mred\x07", "ca\nb")
SHOWN = ("\\ud800x", "\\x1b[31mred\\x07", "ca\\nb")


def pictures(place: Path, labels: Sequence[str]) -> None:
    """Twelve pictures of each label, and a table of JSON lines."""
    place.mkdir()
    names = [(f"{index}-{number}.png", label) for index, label in enumerate(labels) for number in range(12)]
    draw = np.random.default_rng(0)
    for name, _ in names:
        Image.fromarray(draw.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(place / name)
    text = "\n".join(json.dumps({"file_name": name, "label": label}) for name, label in names)
    (place / "metadata.jsonl").write_text(text)


def test_any_label_goes_through_to_the_record_as_it_is_shown(tmp_path: Path) -> None:
    pictures(tmp_path / "own", BAD)
    found = prepare(
        Named(name="own"), Limit(), 8, root=None, path=tmp_path / "own", cache=tmp_path, fallback_synthetic=False
    )
    assert set(found.provenance().counts["train"]) == set(SHOWN)
    assert found.provenance().model_dump_json()
    layout = read_images(tmp_path / "own", SplitRule(classes=SHOWN[:2]))
    assert layout.classes == SHOWN[:2]
    assert [one.reason for one in layout.left_out] == ["12 images of 'ca\\nb', not among the suite's classes"]


def test_labels_of_rows_are_as_they_are_shown() -> None:
    assert of_rows(Path("own"), {"train": BAD * 4}, BAD, Rows((), {}), SplitRule()).classes == SHOWN


def test_classes_that_are_shown_alike_are_refused(tmp_path: Path) -> None:
    for name in (os.fsdecode(b"caf\xe9"), "caf\\xe9", "dog"):
        (tmp_path / "own" / name).mkdir(parents=True)
        for number in range(12):
            (tmp_path / "own" / name / f"{number}.png").touch()
    said = r"^[^\n]*own has classes whose names look the same: 'caf\\\\xe9', 'caf\\udce9'; rename or join them$"
    with pytest.raises(UserError, match=said):
        read_images(tmp_path / "own", SplitRule())
    pictures(tmp_path / "lines", ("ca\nb", "ca\\nb", "dog"))
    with pytest.raises(UserError, match=r"^[^\n]*jsonl has classes whose names look the same: [^\n]*$"):
        read_images(tmp_path / "lines", SplitRule())

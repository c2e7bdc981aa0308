"""Tables of labels beside the images, as `imagefolder` of Hugging Face has them."""

import json
import re
from pathlib import Path

import pytest

from tests.datasets.foreign import png
from tlbench.core.errors import UserError
from tlbench.datasets.kinds import read_images
from tlbench.datasets.layout import SplitRule


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        for row in range(12):
            (tmp_path / split / f"{row:02}.png").write_bytes(png(split, row))
    return tmp_path


def lines() -> str:
    return "file_name,label,text\n" + "".join(f"{row:02}.png,{'ab'[row % 2]},words\n" for row in range(12))


def test_a_table_in_the_folder_of_each_split(place: Path) -> None:
    for split in ("train", "test"):
        (place / split / "metadata.csv").write_text(lines())
    layout = read_images(place, SplitRule())
    assert layout.classes == ("a", "b")
    assert layout.files["test"]["b"] == tuple(f"test/{row:02}.png" for row in range(1, 12, 2))
    assert {split: origin.drawn for split, origin in layout.origins.items()} == {
        "train": None,
        "validation": 0.15,
        "test": None,
    }


def test_one_table_beside_the_folders_and_as_json(place: Path) -> None:
    rows = [
        {"file_name": f"{split}/{row:02}.png", "label": row % 2, "box": [1, 2]}
        for split in ("train", "test")
        for row in range(12)
    ]
    (place / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    layout = read_images(place, SplitRule())
    assert (layout.classes, layout.place.name) == (("0", "1"), "metadata.jsonl")
    assert layout.origins["test"].drawn is None
    whole = read_images(place, SplitRule(folders={}))
    assert whole.origins["test"].drawn == 0.15


def test_a_table_without_labels_leaves_folders_of_classes_as_they_are(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        for row in range(12):
            (tmp_path / name / f"{row}.png").touch()
    (tmp_path / "metadata.csv").write_text("file_name,text\na/1.png,words\n")
    assert read_images(tmp_path, SplitRule()).origins["train"].file == ""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"file_name": "train/00.png"}', "there is no 'label'; "),
        ('{"file_name": "train/00.png", "label": ["a", "b"]}', "'label' has several labels, and an image must have exactly one"),
        ('{"file_name": "train/00.png", "label": null}', "'label' is null; expected a name or an integer"),
        ('{"file_name": "train/00.png", "label": 0.5}', "'label' is 0.5; expected a name or an integer"),
        ('{"file_name": "train/00.png"', "this is not JSON ("),
        ("[]", "expected an object such as"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_at_its_line(place: Path, line: str, said: str) -> None:
    first = '{"file_name": "train/01.png", "label": "a"}\n'
    (place / "metadata.jsonl").write_text(first + line)
    with pytest.raises(UserError, match=rf"^[^\n]*metadata\.jsonl:2: {re.escape(said)}[^\n]*$"):
        read_images(place, SplitRule())

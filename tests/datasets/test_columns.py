"""Which columns of Parquet files are images and labels: what `datasets` wrote of them, else what is in them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.datasets.foreign import png
from tests.datasets.packages import PYARROW
from tlbench.core.errors import UserError
from tlbench.datasets.kinds import read_images
from tlbench.datasets.layout import Layout, SplitRule

pytestmark = PYARROW

BYTES, TEXT, PICTURE = {"dtype": "binary", "_type": "Value"}, {"dtype": "string", "_type": "Value"}, {"_type": "Image"}
PNGS = [png("train", row) for row in range(12)]
KINDS = ["a", "b"] * 6


def table(file: Path, features: dict[str, Any] | None = None, **columns: Any) -> Path:
    """A Parquet file with what `datasets` writes of its features."""
    import pyarrow
    from pyarrow import parquet

    metadata = {"huggingface": json.dumps({"info": {"features": features}})} if features else None
    parquet.write_table(pyarrow.table(columns).replace_schema_metadata(metadata), file)
    return file


def images_of(layout: Layout) -> int:
    return sum(len(paths) for of in layout.files.values() for paths in of.values())


def test_bytes_that_nobody_calls_images_are_taken_for_them(tmp_path: Path) -> None:
    features: dict[str, Any] = {"image": BYTES, "label": TEXT}
    layout = read_images(table(tmp_path / "own.parquet", features, image=PNGS, label=KINDS), SplitRule())
    assert (layout.classes, images_of(layout)) == (("a", "b"), 12)
    features = {"image": {"bytes": BYTES, "path": TEXT}, "label": TEXT}
    rows = [{"bytes": content, "path": None} for content in PNGS]
    layout = read_images(table(tmp_path / "own.parquet", features, image=rows, label=KINDS), SplitRule())
    assert images_of(layout) == 12


def test_what_is_called_an_image_goes_before_other_bytes(tmp_path: Path) -> None:
    rows = [{"bytes": content, "path": None} for content in PNGS]
    features = {"mask": BYTES, "image": PICTURE, "sound": {"_type": "Audio"}, "label": TEXT}
    columns = {"mask": [b""] * 12, "image": rows, "sound": rows, "label": KINDS}
    file = table(tmp_path / "own.parquet", features, **columns)
    layout = read_images(file, SplitRule())
    assert layout.decoder(8)(layout.files["train"]["a"][0]).pixels.shape == (8, 8, 3)
    assert images_of(read_images(file, SplitRule(image="mask"))) == 12
    with pytest.raises(UserError, match="column 'sound' has no images"):
        read_images(file, SplitRule(image="sound"))


@pytest.mark.parametrize(
    ("labels", "rule", "classes", "without"),
    [
        ([0, 1, -1], SplitRule(), ("0", "1"), 4),
        ([-1, 1], SplitRule(), ("-1", "1"), 0),
        ([-1, 0, 1], SplitRule(classes=("-1", "0", "1")), ("-1", "0", "1"), 0),
        ([2, 1, -1], SplitRule(), ("1", "2"), 4),
    ],
)
def test_minus_one_is_no_label_unless_it_must_be_one(
    tmp_path: Path, labels: list[int], rule: SplitRule, classes: tuple[str, ...], without: int
) -> None:
    column = labels * (12 // len(labels))
    layout = read_images(table(tmp_path / "own.parquet", image=PNGS, label=column), rule)
    assert (layout.classes, images_of(layout)) == (classes, 12 - without)
    assert [one.reason for one in layout.left_out] == [f"{without} images of split 'train' without a label"] * (
        without > 0
    )


def test_a_split_that_is_unlabelled_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    table(tmp_path / "data" / "train.parquet", image=PNGS, label=[0, 1] * 6)
    table(tmp_path / "data" / "test.parquet", image=PNGS, label=[-1] * 12)
    layout = read_images(tmp_path, SplitRule())
    assert (layout.classes, layout.origins["test"].drawn) == (("0", "1"), 0.15)

"""Data sets as Hugging Face and tensorflow-datasets keep them on disk: what their own packages wrote is what is read."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.datasets.foreign import COUNTS, HERE, NAMES, SIDE, number, pixels
from tests.datasets.packages import ARRAY_RECORD, PYARROW
from tlbench.core.cell import Limit, Named
from tlbench.core.errors import UserError
from tlbench.datasets import rows
from tlbench.datasets.decode import Picture, of_bytes
from tlbench.datasets.kinds import read_images
from tlbench.datasets.layout import Layout, SplitRule
from tlbench.datasets.prepare import prepare
from tlbench.datasets.sentences import read_sentence
from tlbench.datasets.source import DataSource
from tlbench.datasets.tfrecord import BadRecordError, value_of
from tlbench.session.data import check, move_bad

PACKAGES = {"saved": "pyarrow", "hub": "pyarrow", "array_record/birds/1.0.0": "array_record"}
PLACES = [
    pytest.param("saved", marks=PYARROW),
    pytest.param("hub", marks=PYARROW),
    "tfrecord/birds/1.0.0",
    pytest.param("array_record/birds/1.0.0", marks=ARRAY_RECORD),
]


def source(place: Path, cache: Path, rule: dict[str, Any] | None = None) -> DataSource:
    return prepare(
        Named(name="own", args=rule or {}), Limit(), SIDE, root=None, path=place, cache=cache, fallback_synthetic=False
    )


def check_pictures(layout: Layout) -> None:
    """Each row once, under its class, with its own pixels."""
    decode = layout.decoder(SIDE)
    rows = [(path, label) for of in layout.files.values() for label, paths in of.items() for path in paths]
    assert sorted(path for path, _ in rows) == sorted(
        f"{split}/{row:07d}" for split, count in COUNTS.items() for row in range(count)
    )
    for path, label in rows:
        split, _, row = path.partition("/")
        assert label == NAMES[number(int(row))]
        assert (decode(path).pixels == pixels(split, int(row))).all(), path


@pytest.mark.parametrize("place", PLACES)
def test_rows_arrive_as_they_were_written_and_what_is_missing_is_drawn(place: str, tmp_path: Path) -> None:
    layout = read_images(HERE / place, SplitRule())
    assert layout.classes == NAMES, "in the order of their numbers"
    check_pictures(layout)
    assert {split: sum(map(len, of.values())) for split, of in layout.files.items()} == {
        "train": 6,
        "validation": 3,
        "test": 6,
    }
    name = Path(place).name
    assert f"train is train in {name}, validation is 15 % of train in {name}, drawn (seed 0), test is test in" in (
        read_sentence(layout.origins, layout.classes)
    )
    found = source(HERE / place, tmp_path)
    assert found.source == "real"
    assert found.audit is not None
    assert found.audit.exact_across.total == 0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("saved", "hub", marks=PYARROW),
        pytest.param("tfrecord/birds", "array_record", marks=ARRAY_RECORD),
    ],
)
def test_the_same_images_in_other_files_have_the_same_fingerprint(one: str, other: str, tmp_path: Path) -> None:
    assert source(HERE / one, tmp_path).fingerprint == source(HERE / other, tmp_path).fingerprint


def test_neither_tensorflow_nor_its_data_sets_are_imported() -> None:
    script = (
        "import sys; from pathlib import Path; from tlbench.datasets.kinds import read_images; "
        "from tlbench.datasets.layout import SplitRule\n"
        "for place in sys.argv[1:]: read_images(Path(place), SplitRule()).decoder(8)('train/0000003')\n"
        "print(*sorted({'tensorflow', 'tensorflow_datasets', 'keras', 'datasets'} & set(sys.modules)))"
    )
    there = [str(HERE / place) for place, package in PACKAGES.items() if importlib.util.find_spec(package)]
    there.append(str(HERE / "tfrecord" / "birds"))
    done = subprocess.run([sys.executable, "-c", script, *there], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


@pytest.mark.parametrize(
    ("place", "package", "said"),
    [
        ("saved", "pyarrow", "pip install 'tlbench[huggingface]'"),
        ("hub", "pyarrow", "pip install 'tlbench[huggingface]'"),
        ("array_record", "array_record.python.array_record_module", "pip install 'tlbench[tfds]'"),
    ],
)
def test_a_missing_package_is_one_sentence(
    place: str, package: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=rf"^[^\n]* needs? the package [^\n]*{re.escape(said)}[^\n]*$"):
        read_images(HERE / place, SplitRule())


def test_bad_images_are_found_and_named_by_row(tmp_path: Path) -> None:
    place = tmp_path / "birds" / "1.0.0"
    shutil.copytree(HERE / "tfrecord" / "birds" / "1.0.0", place)
    (file,) = place.glob("birds-test*")
    content = bytearray(file.read_bytes())
    at = content.index(b"\x89PNG", content.index(b"\x89PNG") + 1)
    content[at : at + 60] = bytes(60)
    file.write_bytes(content)
    audit = check(None, place, None)
    ((bad, reason),) = [(one.path, one.reason) for one in audit.undecodable]
    assert (bad, reason) == ("test/0000001", "not an image")
    assert not audit.clean
    with pytest.raises(UserError, match=r"^--move-bad .*1\.0\.0 names them, or has them in it: mend it$"):
        move_bad(audit, tmp_path / "bad")
    with pytest.raises(
        UserError, match=r"1 of 6 files in test cannot be decoded .* `tlbench data check` lists all of them$"
    ):
        source(place, tmp_path / "cache")


def test_what_is_kept_of_it_goes_with_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, decoded = tmp_path / "1.0.0", list[bytes]()
    shutil.copytree(HERE / "tfrecord" / "birds" / "1.0.0", place)
    first = source(place, tmp_path / "cache")

    def counted(content: bytes, *size: Any) -> Picture:
        decoded.append(content)
        return of_bytes(content, *size)

    monkeypatch.setattr(rows, "of_bytes", counted)
    assert source(place, tmp_path / "cache") == first
    assert not decoded
    os.utime(next(place.glob("birds-test*")))
    assert source(place, tmp_path / "cache").fingerprint == first.fingerprint
    assert len(decoded) == sum(COUNTS.values())


class TestTensorflowDatasets:
    @pytest.fixture
    def place(self, tmp_path: Path) -> Path:
        shutil.copytree(HERE / "tfrecord" / "birds", tmp_path / "birds")
        return tmp_path / "birds" / "1.0.0"

    @staticmethod
    def write(file: Path, change: Any) -> None:
        content = json.loads(file.read_text())
        change(content)
        file.write_text(json.dumps(content))

    def test_the_folder_above_will_do_where_it_has_one_version(self, place: Path) -> None:
        assert read_images(place.parent, SplitRule()).classes == NAMES
        assert read_images(place.parent.parent, SplitRule()).classes == NAMES
        shutil.copytree(place, place.parent / "1.0.1")
        with pytest.raises(UserError, match=r"birds has 2 data sets: 1\.0\.0, 1\.0\.1; give the path of one$"):
            read_images(place.parent, SplitRule())

    def test_classes_without_names_are_called_by_their_numbers(self, place: Path) -> None:
        (place / "label.labels.txt").unlink()
        assert read_images(place, SplitRule()).classes == ("0", "1", "2")

    def test_what_is_not_whole_is_refused(self, place: Path) -> None:
        (file,) = place.glob("birds-train*")
        whole = file.read_bytes()
        for content, said in (
            (whole[:-9], "is not a TFRecord file, or is truncated"),
            (b"x" * 100, "is not a TFRecord file, or is truncated"),
            (whole[: len(whole) // 9 * 8], r"has 8 records where dataset_info\.json has 9"),
            (b"", r"has 0 records where dataset_info\.json has 9"),
            (b"\3" + bytes(11) + b"abc" + bytes(4), r"has 1 record where dataset_info\.json has 9"),
            ((b"\3" + bytes(11) + b"abc" + bytes(4)) * 9, r"a record is not a tf\.train\.Example"),
        ):
            file.write_bytes(content)
            with pytest.raises(UserError, match=rf"^[^\n]*{said}[^\n]*$"):
                read_images(place, SplitRule())
        file.unlink()
        with pytest.raises(UserError, match=r"birds-train\.tfrecord-00000-of-00001 is missing; prepare the data set"):
            read_images(place, SplitRule())

    def test_labels_of_another_kind_and_formats_are_refused(self, place: Path) -> None:
        def several(content: Any) -> None:
            content["featuresDict"]["features"]["label"]["pythonClassName"] = "core.features.sequence_feature.Sequence"

        features = (place / "features.json").read_text()
        self.write(place / "features.json", several)
        with pytest.raises(UserError, match=r"has no feature ClassLabel at the top level: .*label \(Seq"):
            read_images(place, SplitRule())
        (place / "features.json").write_text(features)
        for rule, said in (
            (SplitRule(label="kind"), "has no feature 'kind'; known features: image, label"),
            (SplitRule(label="image"), "image is a feature of class Image; `label` must name a ClassLabel"),
        ):
            with pytest.raises(UserError, match=re.escape(said)):
                read_images(place, rule)
        self.write(place / "dataset_info.json", lambda content: content.update(fileFormat="riegeli"))
        with pytest.raises(UserError, match=r"is in the format riegeli; supported are tfrecord and array_record$"):
            read_images(place, SplitRule())

    def test_no_file_outside_is_read(self, place: Path) -> None:
        def outside(content: Any) -> None:
            for split in content["splits"]:
                split["filepathTemplate"] = "../../{DATASET}-{SPLIT}"

        self.write(place / "dataset_info.json", outside)
        with pytest.raises(UserError, match=r"names '\.\./\.\./birds-.*', which is not in its folder$"):
            read_images(place, SplitRule())


def test_values_of_an_example() -> None:
    """Bytes as Protocol Buffers has them: a tag (number << 3 | kind), a length, what is in it."""

    def field(number: int, content: bytes) -> bytes:
        return bytes([number << 3 | 2, len(content)]) + content

    def example(**features: bytes) -> memoryview:
        entries = [field(1, field(1, key.encode()) + field(2, value)) for key, value in features.items()]
        return memoryview(field(1, b"".join(entries)))

    packed, apart = field(3, field(1, b"\x96\x01\x05")), field(3, b"\x08\x96\x01\x08\x05")
    minus_one = field(3, field(1, b"\xff" * 9 + b"\x01"))
    record = example(packed=packed, apart=apart, less=minus_one, floats=field(2, field(1, bytes(4))), none=b"")
    assert value_of(record, "packed") == value_of(record, "apart") == [150, 5]
    assert (value_of(record, "less"), value_of(record, "none"), value_of(record, "other")) == ([-1], [], [])
    with pytest.raises(BadRecordError, match="a feature has floating-point numbers"):
        value_of(record, "floats")
    for damaged in (bytes(record[:-3]), b"\x0b\x00", b"\x0a\xff" + b"\xff" * 12, b"\x08\x05"):
        with pytest.raises(BadRecordError, match=r"not a tf\.train\.Example"):
            value_of(memoryview(damaged), "packed")

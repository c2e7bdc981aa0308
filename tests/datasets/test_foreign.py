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

from tests.datasets.foreign import COUNTS, HERE, NAMES, SIDE, number, pixels, png
from tlbench.core.cell import Limit, Named
from tlbench.core.errors import UserError
from tlbench.datasets import arrow, rows
from tlbench.datasets.decode import Picture, of_bytes
from tlbench.datasets.kinds import kind_of, read_images
from tlbench.datasets.layout import Layout, SplitRule
from tlbench.datasets.prepare import prepare
from tlbench.datasets.source import DataSource
from tlbench.datasets.tfrecord import BadRecordError, value_of
from tlbench.datasets.told import read_sentence
from tlbench.session.data import check, move_bad


def needs(package: str, extra: str) -> pytest.MarkDecorator:
    missing = importlib.util.find_spec(package) is None
    return pytest.mark.skipif(missing, reason=f"needs {package}: pip install 'tlbench[{extra}]'")


PYARROW, ARRAY_RECORD = needs("pyarrow", "huggingface"), needs("array_record", "tfds")
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
    with pytest.raises(UserError, match=r"1 of 6 files in test are no images .* `tlbench data check` names them all$"):
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
            (whole[:-9], "is no TFRecord file, or broke off"),
            (b"x" * 100, "is no TFRecord file, or broke off"),
            (whole[: len(whole) // 9 * 8], r"has 8 records where dataset_info\.json has 9"),
            (b"", r"has 0 records where dataset_info\.json has 9"),
            (b"\3" + bytes(11) + b"abc" + bytes(4), r"has 1 record where dataset_info\.json has 9"),
            ((b"\3" + bytes(11) + b"abc" + bytes(4)) * 9, r"a record is no tf\.train\.Example"),
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
        with pytest.raises(UserError, match=r"has no feature ClassLabel of its own, one for each image: .*label \(Seq"):
            read_images(place, SplitRule())
        (place / "features.json").write_text(features)
        for rule, said in (
            (SplitRule(label="kind"), "has no feature 'kind'; known features: image, label"),
            (SplitRule(label="image"), "image is of the kind Image; label takes a feature ClassLabel"),
        ):
            with pytest.raises(UserError, match=re.escape(said)):
                read_images(place, rule)
        self.write(place / "dataset_info.json", lambda content: content.update(fileFormat="riegeli"))
        with pytest.raises(UserError, match=r"is in the format riegeli; tfrecord and array_record are read$"):
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
        with pytest.raises(BadRecordError, match=r"no tf\.train\.Example"):
            value_of(memoryview(damaged), "packed")


@PYARROW
class TestTables:
    """Of Parquet and Arrow, written here with pyarrow alone, as others than `datasets` write them."""

    @staticmethod
    def write(file: Path, **columns: Any) -> Path:
        import pyarrow
        from pyarrow import parquet

        file.parent.mkdir(parents=True, exist_ok=True)
        parquet.write_table(pyarrow.table(columns), file, row_group_size=4)
        return file

    @staticmethod
    def images(split: str, count: int = 12) -> list[dict[str, Any]]:
        return [{"bytes": png(split, row), "path": f"{row}.png"} for row in range(count)]

    def test_a_single_file_with_names_as_labels(self, tmp_path: Path) -> None:
        labels = ["b", "a", None, ""] * 3
        file = self.write(tmp_path / "own.parquet", picture=[png("train", row) for row in range(12)], label=labels)
        layout = read_images(file, SplitRule(validation=0.3, test=0.3))
        assert (kind_of(file), layout.classes) == ("parquet", ("a", "b"))
        assert [(one.path, one.reason) for one in layout.left_out] == [
            ("own.parquet", "6 images of split 'train' without a label")
        ]
        assert layout.files["train"].keys() == {"a", "b"}

    def test_a_group_of_rows_is_read_once(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        file = self.write(tmp_path / "own.parquet", image=self.images("train"), label=[row % 2 for row in range(12)])
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

    def test_a_split_without_labels_is_left_out_and_drawn(self, tmp_path: Path) -> None:
        for split, labels in (("train", ["a", "b"] * 6), ("test", [None] * 12), ("extra", ["b", "a"] * 6)):
            self.write(tmp_path / "data" / f"{split}-00000-of-00001.parquet", image=self.images(split), label=labels)
        layout = read_images(tmp_path, SplitRule())
        assert [one.reason for one in layout.left_out] == [
            "12 images of split 'test' without a label",
            "12 images of split 'extra', not named",
        ]
        assert layout.origins["test"].drawn == 0.15
        chosen = read_images(tmp_path, SplitRule(folders={"train": "train", "test": "extra"}, classes=("b", "a")))
        assert chosen.classes == ("b", "a")

    def test_splits_by_folders_and_configurations(self, tmp_path: Path) -> None:
        for split in ("train", "test"):
            self.write(tmp_path / "plain" / split / "0000.parquet", image=self.images(split), label=["a", "b"] * 6)
        assert read_images(tmp_path, SplitRule()).origins["test"].drawn is None
        shutil.copytree(tmp_path / "plain", tmp_path / "small")
        with pytest.raises(UserError, match=r" has 2 configurations: plain, small; give the folder of one of them"):
            read_images(tmp_path, SplitRule())
        with pytest.raises(UserError, match=r"splits: none"):
            read_images(self.neither(tmp_path / "other"), SplitRule())

    def neither(self, folder: Path) -> Path:
        for split in ("test", "val"):
            self.write(folder / f"{split}.parquet", image=self.images(split), label=["a", "b"] * 6)
        return folder

    def test_folders_of_classes_count_before_a_table_beside_them(self, tmp_path: Path) -> None:
        for name in "ab":
            (tmp_path / name).mkdir()
            for row in range(12):
                (tmp_path / name / f"{row}.png").write_bytes(png("train", row))
        self.write(tmp_path / "embeddings.parquet", vector=[[1.0]])
        assert read_images(tmp_path, SplitRule()).container is None

    @pytest.mark.parametrize(
        ("columns", "rule", "said"),
        [
            ({"label": ["a", "b"]}, SplitRule(), "has no column of images (bytes of files, or {bytes, path}); it has label"),
            ({"image": [b"", b""], "kind": ["a", "b"]}, SplitRule(), "has no column of classes; it has image, kind; name one with `label`"),
            ({"one": [b"", b""], "two": [b"", b""], "label": ["a", "b"]}, SplitRule(), "several columns for image: one, two; say which with `image: one`"),
            ({"image": [b"", b""], "label": [["a"], ["b", "c"]]}, SplitRule(), "label has several labels for an image ("),
            ({"image": [b"", b""], "label": [0.5, 1.0]}, SplitRule(), "label is double; labels are whole numbers or names"),
            ({"image": [b"", b""], "label": ["a", "a"]}, SplitRule(), "has one label only, 'a'; a classifier needs"),
            ({"image": [b"", b""], "label": ["", ""]}, SplitRule(), "has no image with a label"),
            ({"image": [b"", b""], "label": ["a", "b"]}, SplitRule(label="labl"), "has no column 'labl'; did you mean 'label'?"),
            ({"image": [b"", b""], "label": ["a", "b"]}, SplitRule(image="label"), "column 'label' has no images"),
            ({"image": [b"", b""], "label": ["a", "b"]}, SplitRule(classes=("a", "c")), "has no class 'c'"),
        ],
        ids=str,
    )  # fmt: skip
    def test_anything_else_is_one_sentence(
        self, columns: dict[str, Any], rule: SplitRule, said: str, tmp_path: Path
    ) -> None:
        file = self.write(tmp_path / "own.parquet", **columns)
        with pytest.raises(UserError, match=rf"^[^\n]*own\.parquet[^\n]*{re.escape(said)}[^\n]*$"):
            read_images(file, rule)

    def test_rows_without_an_image_say_why(self, tmp_path: Path) -> None:
        images = self.images("train")
        images[2]["bytes"] = None
        images[3] = {"bytes": None, "path": None}
        file = self.write(tmp_path / "own.parquet", image=images, label=["a", "b"] * 6)
        reasons = {one.path: one.reason for one in check(None, file, None).undecodable}
        assert reasons == {
            "train/0000002": "only its path is kept, 2.png; save the data set with its images in it",
            "train/0000003": "no image",
        }

    def test_damage_is_named(self, tmp_path: Path) -> None:
        file = tmp_path / "own.parquet"
        file.write_bytes(b"PAR1 no table PAR1")
        with pytest.raises(UserError, match=r"own\.parquet cannot be read \(.*\); fetch or save it again$"):
            read_images(file, SplitRule())
        saved = tmp_path / "saved"
        shutil.copytree(HERE / "saved", saved)
        (saved / "train" / "data-00000-of-00002.arrow").write_bytes(b"no arrow")
        with pytest.raises(UserError, match=r"data-00000-of-00002\.arrow cannot be read"):
            read_images(saved, SplitRule())
        (saved / "train" / "state.json").write_text('{"_data_files": [{"filename": "../test/x.arrow"}]}')
        with pytest.raises(UserError, match=r"names '\.\./test/x\.arrow', which is no name of a file in it"):
            read_images(saved, SplitRule())
        (saved / "dataset_dict.json").write_text("{")
        with pytest.raises(UserError, match=r"dataset_dict\.json is no JSON"):
            read_images(saved, SplitRule())

    def test_one_split_that_was_saved_alone_is_everything(self) -> None:
        layout = read_images(HERE / "saved" / "train", SplitRule())
        assert {split: origin.folder for split, origin in layout.origins.items()} == dict.fromkeys(
            ("train", "validation", "test"), "train"
        )


class TestMetadata:
    """`imagefolder` with a table of labels beside the images."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> Path:
        for split in ("train", "test"):
            (tmp_path / split).mkdir()
            for row in range(12):
                (tmp_path / split / f"{row:02}.png").write_bytes(png(split, row))
        return tmp_path

    @staticmethod
    def lines() -> str:
        return "file_name,label,text\n" + "".join(f"{row:02}.png,{'ab'[row % 2]},words\n" for row in range(12))

    def test_a_table_in_the_folder_of_each_split(self, place: Path) -> None:
        for split in ("train", "test"):
            (place / split / "metadata.csv").write_text(self.lines())
        layout = read_images(place, SplitRule())
        assert layout.classes == ("a", "b")
        assert layout.files["test"]["b"] == tuple(f"test/{row:02}.png" for row in range(1, 12, 2))
        assert {split: origin.drawn for split, origin in layout.origins.items()} == {
            "train": None,
            "validation": 0.15,
            "test": None,
        }

    def test_one_table_beside_the_folders_and_as_json(self, place: Path) -> None:
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

    def test_a_table_without_labels_leaves_folders_of_classes_as_they_are(self, tmp_path: Path) -> None:
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
            ('{"file_name": "train/00.png", "label": ["a", "b"]}', "'label' has several labels, and an image can have one"),
            ('{"file_name": "train/00.png", "label": null}', "'label' is null; a name or a whole number belongs here"),
            ('{"file_name": "train/00.png", "label": 0.5}', "'label' is 0.5; a name or a whole number belongs here"),
            ('{"file_name": "train/00.png"', "this is no JSON ("),
            ("[]", "an object belongs here"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_read_is_refused_at_its_line(self, place: Path, line: str, said: str) -> None:
        first = '{"file_name": "train/01.png", "label": "a"}\n'
        (place / "metadata.jsonl").write_text(first + line)
        with pytest.raises(UserError, match=rf"^[^\n]*metadata\.jsonl:2: {re.escape(said)}[^\n]*$"):
            read_images(place, SplitRule())


def test_columns_of_a_csv_have_other_names_where_the_suite_says_so(tmp_path: Path) -> None:
    for row in range(12):
        (tmp_path / f"{row}.png").write_bytes(png("train", row))
    (tmp_path / "birds.csv").write_text("file,kind\n" + "".join(f"{row}.png,{'ab'[row % 2]}\n" for row in range(12)))
    found = source(tmp_path / "birds.csv", tmp_path / "cache", {"image": "file", "label": "kind"})
    assert found.classes == ("a", "b")
    with pytest.raises(UserError, match=r"birds\.csv:1: there is no column 'path'"):
        read_images(tmp_path / "birds.csv", SplitRule())
    for name in "ab":
        (tmp_path / "folders" / name).mkdir(parents=True)
    with pytest.raises(UserError, match=r"`label` names a column of a table, and there is none here; leave it out$"):
        read_images(tmp_path / "folders", SplitRule(label="kind"))

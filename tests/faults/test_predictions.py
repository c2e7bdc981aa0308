"""Files of predictions are damaged, or hold what is none: named, set aside, and made again by a run."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import builders
from tests.finished import done
from tests.narrow import present
from tests.session.runs import make_run, seeds
from tlbench.core.errors import UserError
from tlbench.results import predictions
from tlbench.results.record import Record
from tlbench.results.run_folder import RunFolder
from tlbench.results.store import DamagedPredictionsError, Store
from tlbench.session.compare import compare
from tlbench.session.differences import differences
from tlbench.session.report import load

LABELS = np.zeros(200, np.int32)


def answers(correct: int = 186) -> predictions.Answers:
    """Those of `builders.accuracy`."""
    right = np.arange(200) < correct
    return np.stack([right, ~right], axis=1).astype(np.float32), LABELS


def with_predictions(folder: Path, *records: Record) -> RunFolder:
    run = make_run(folder, records)
    for record in records:
        Store(folder).write_predictions(record.cell_id, {"test": answers()})
    return run


def file_of(folder: Path, record: Record) -> Path:
    return folder / "predictions" / f"{record.cell_id}.npz"


def archive(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def zipped(*names: str) -> bytes:
    """An archive of members that are no arrays."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name in names:
            file.writestr(name, "no array")
    return buffer.getvalue()


def test_a_flipped_bit_anywhere_is_noticed_or_changes_nothing() -> None:
    whole = predictions.encode({"test": answers()})
    expected, refused = answers(), 0
    for place in range(0, len(whole), 5):
        for bit in (1, 6):
            damaged = bytearray(whole)
            damaged[place] ^= 1 << bit
            try:
                found = predictions.decode(bytes(damaged), "test")
            except ValueError:
                refused += 1
                continue
            assert found is not None
            np.testing.assert_array_equal(found[0], expected[0])
            np.testing.assert_array_equal(found[1], expected[1])
    assert refused > 50


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not a zip file"),
        (b"PK", "not a zip file"),
        (archive(labels=LABELS), "an array is missing"),
        (archive(probabilities=answers()[0][:50], labels=LABELS), r"shapes \(50, 2\) and \(200,\)"),
        (archive(probabilities=answers()[0][:, 0], labels=LABELS), r"shapes \(200,\) and \(200,\)"),
        (archive(probabilities=np.zeros((0, 2)), labels=LABELS[:0]), r"shapes \(0, 2\) and \(0,\)"),
        (archive(probabilities=answers()[0] * np.nan, labels=LABELS), "not finite"),
        (archive(probabilities=answers()[0].astype(str), labels=LABELS), "types <U32 and int32"),
        (archive(probabilities=answers()[0], labels=LABELS - 1), "a label is not one of 2 classes"),
        (archive(probabilities=answers()[0].astype(object), labels=LABELS), "allow_pickle"),
        (zipped("probabilities.npy", "labels.npy"), "a member is not an array"),
    ],
    ids=lambda part: part if isinstance(part, str) else "file",  # the bytes have the time in them
)
def test_what_is_no_predictions_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        predictions.decode(content, "test")


def test_predictions_of_another_training_are_not_taken_for_those_of_the_record(tmp_path: Path) -> None:
    record = builders.record()
    store = Store(with_predictions(tmp_path, record).path)
    store.write_predictions(record.cell_id, {"test": answers(180)})
    with pytest.raises(DamagedPredictionsError, match="180 of 200 are correct, but the record says 186 of 200"):
        store.read_right(record)


def test_a_damaged_file_is_named_and_stays_until_a_run_wants_it_again(tmp_path: Path) -> None:
    records = seeds(0, 1)
    run = with_predictions(tmp_path / "run", *records)
    store, file = Store(run.path), file_of(run.path, records[0])
    assert done(store) == {record.cell_id for record in records}
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(UserError, match=r"contains no predictions .*; run the suite again to make them again"):
        differences(run, [record.cell_id for record in records])
    (damaged,) = store.damaged_predictions(records).values()
    assert present(damaged).path == file
    (aside,) = store.set_aside([present(damaged)])
    assert aside.path == run.path / "set_aside" / file.name
    assert not file.exists()
    assert done(store) == {records[1].cell_id}
    assert store.damaged_predictions(records) == {records[0].cell_id: None}
    store.write_predictions(records[0].cell_id, {"test": answers()})
    assert store.damaged_predictions(records) == {}
    assert done(store) == {record.cell_id for record in records}


def test_a_file_that_was_found_sound_is_read_again_only_where_it_is_another_one_or_the_record_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, read = builders.record(), list[str]()
    run = with_predictions(tmp_path / "run", record)
    store, file, read_predictions = Store(run.path), file_of(run.path, record), Store.read_predictions

    def noted(self: Store, cell_id: str, split: predictions.Evaluated = "test") -> predictions.Answers | None:
        read.append(split)
        return read_predictions(self, cell_id, split)

    monkeypatch.setattr(Store, "read_predictions", noted)
    for _ in range(3):
        assert Store(run.path).damaged_predictions([record]) == {}
    assert read == ["test", "validation"]
    other = record.model_copy(update={"accuracy": builders.accuracy(185)})
    content = file.read_bytes()
    assert store.damaged_predictions([other]).keys() == {record.cell_id}
    file.write_bytes(content)
    assert store.damaged_predictions([record]) == {}
    file.write_bytes(content[:99] + bytes([content[99] ^ 1]) + content[100:])
    assert store.damaged_predictions([record]).keys() == {record.cell_id}


def test_predictions_whose_validation_part_alone_is_damaged_are_damaged(tmp_path: Path) -> None:
    record = builders.record()
    store = Store(with_predictions(tmp_path, record).path)
    probabilities, labels = answers()
    nothing = {"validation_probabilities": probabilities * np.nan, "validation_labels": labels}
    file_of(tmp_path, record).write_bytes(archive(probabilities=probabilities, labels=labels, **nothing))
    (damaged,) = filter(None, store.damaged_predictions([record]).values())
    assert "not finite" in damaged.reason


def test_a_comparison_and_a_report_go_on_without_damaged_predictions_and_say_so(tmp_path: Path) -> None:
    records = seeds(0, 1)
    base, new = with_predictions(tmp_path / "base", *records), with_predictions(tmp_path / "new", *records)
    file_of(new.path, records[0]).write_bytes(b"PK\x03\x04")
    comparison = compare(base, new)
    assert any("contains no predictions" in note for note in comparison.notes)
    assert len(comparison.cells) == 2
    said: list[str] = []
    file_of(base.path, records[1]).write_bytes(b"PK\x03\x04")
    rows = load(base, say=said.append).rows
    assert [row.answers() is None for row in rows] == [False, True]
    assert "contains no predictions" in said[0]

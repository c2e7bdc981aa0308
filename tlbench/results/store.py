"""The records of a run on disk: one JSON file per cell, with its predictions beside it."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tlbench.core.files import OddFileError, link_or_copy, move_aside, read_file, state_of, write_atomically
from tlbench.core.text import one_line
from tlbench.results.believable import check
from tlbench.results.encoding import UnreadableError, decode, encode
from tlbench.results.migrations import RecordTooNewError
from tlbench.results.predictions import ARRAYS, Answers, Evaluated
from tlbench.results.predictions import MOST_BYTES as MOST_PREDICTIONS
from tlbench.results.predictions import decode as decode_predictions
from tlbench.results.predictions import encode as encode_predictions
from tlbench.results.record import Accuracy, Record
from tlbench.results.run_folder import RECORDS, record_files

PREDICTIONS, MODELS = "predictions", "models"
MOST_BYTES = 64 * 2**20
"""Largest size of a record in bytes; one with 1,000 classes has about 5 MB."""

_sound: dict[Path, tuple[tuple[int, ...], tuple[int, int] | None]] = {}
"""Files of predictions that this process has verified: their state, and the numbers of correct and of all images."""


@dataclass(frozen=True)
class Damaged:
    """A file that cannot be read: where it is, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Records:
    """The records of a run in the order of cell ids, and the files that cannot be read."""

    records: tuple[Record, ...]
    damaged: tuple[Damaged, ...]


class DamagedPredictionsError(UnreadableError):
    """Predictions could not be read.

    Attributes:
        file: the file, and why.
    """

    def __init__(self, file: Damaged) -> None:
        super().__init__(f"{file.reason}; run the suite again to make them again")
        self.file = file


class Store:
    """Reads and writes the records of a run.

    Files are written atomically. Reading moves nothing: a file that cannot be read is reported, and the others still
    count. Who owns the folder moves it to ``set_aside/`` before the cell is trained again.

    Args:
        folder: the folder of the run.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._records = folder, folder / RECORDS
        self._predictions = folder / PREDICTIONS
        self._set_aside = folder / "set_aside"
        self.models = folder / MODELS

    def write(self, record: Record) -> Path:
        """Write or replace the record of a cell. A failed record does not replace one that is `ok`.

        Returns:
            The file.
        """
        path = self._records / f"{record.cell_id}.json"
        if record.status != "ok" and self._is_ok(path):
            return path
        write_atomically(path, encode(record))
        return path

    def read_all(self) -> Records:
        """Read all records in the order of cell ids.

        Raises:
            RecordTooNewError: a record has a newer schema, or fields of a newer tlbench.
            OSError: the records cannot be listed, or one of them may not be read.
        """
        records, damaged = [], []
        for path in record_files(self._folder):
            try:
                records.append(_read_or_say(path))
            except UnreadableError as error:
                damaged.append(Damaged(path, str(error)))
        return Records(tuple(records), tuple(damaged))

    def set_aside(self, files: Iterable[Damaged]) -> list[Damaged]:
        """Move damaged files to ``set_aside/``, for who owns the folder. Returns them with their new places."""
        return [Damaged(move_aside(file.path, self._set_aside), file.reason) for file in files]

    def read(self, cell_id: str) -> Record | None:
        """The record of a cell; None if it does not exist or cannot be read."""
        with suppress(OSError, UnreadableError, RecordTooNewError):
            return _read(self._records / f"{cell_id}.json")
        return None

    def take_over(self, record: Record, other: "Store") -> None:
        """Copy a record of another run with its predictions and model; the record last, because it declares the copy
        complete.
        """
        predictions = f"{record.cell_id}.npz"
        if (file := other._predictions / predictions).exists():
            write_atomically(self._predictions / predictions, read_file(file, MOST_PREDICTIONS))
        if (model := other.model_file(record)) is not None:
            link_or_copy(model, self.models / model.name)
        self.write(record)

    def sample(self, most: int) -> list[Record]:
        """At most `most` records, spread evenly; unreadable ones are skipped and stay where they are."""
        files, found = record_files(self._folder), []
        for path in files[:: max(1, -(-len(files) // most))]:
            with suppress(OSError, UnreadableError, RecordTooNewError):
                found.append(_read(path))
        return found

    def _is_ok(self, path: Path) -> bool:
        try:
            return _read(path).status == "ok"
        except (FileNotFoundError, UnreadableError, RecordTooNewError):
            return False

    def model_file(self, record: Record) -> Path | None:
        """The file of a saved model; None if the record has none, or if the file is missing or has another size."""
        if record.saved_model is None:
            return None
        path = self.models / Path(record.saved_model.file).name
        return path if path.is_file() and path.stat().st_size == record.saved_model.bytes else None

    def write_predictions(self, cell_id: str, predictions: Mapping[Evaluated, Answers]) -> Path:
        """Write the predictions of a cell, by split."""
        path = self._predictions / f"{cell_id}.npz"
        write_atomically(path, encode_predictions(predictions))
        return path

    def has_predictions(self, cell_id: str) -> bool:
        """Whether there are predictions of a cell. They stay where its record was removed to train it again."""
        return (self._predictions / f"{cell_id}.npz").exists()

    def read_predictions(self, cell_id: str, split: Evaluated = "test") -> Answers | None:
        """Read the predictions of a cell for a split.

        Returns:
            None if there are none (for validation: in records before tlbench 0.2 and of original classifiers).

        Raises:
            UnreadableError: the file is damaged or has other content.
        """
        path = self._predictions / f"{cell_id}.npz"
        if not path.exists():
            return None
        try:
            return decode_predictions(read_file(path, MOST_PREDICTIONS), split)
        except ValueError as error:
            raise UnreadableError(f"{path} contains no predictions ({one_line(str(error))})") from error

    def read_right(self, record: Record) -> NDArray[np.bool_]:
        """Whether the cell predicts each test image correctly (N,).

        Raises:
            UnreadableError: there are no predictions, or they are damaged or do not belong to the record. A run makes
                them again.
        """
        predictions = self.read_predictions_of(record)
        if predictions is None:
            raise UnreadableError(f"cell {record.cell_id} has no predictions in {self._predictions}")
        return _right(predictions)

    def damaged_predictions(self, records: Iterable[Record]) -> dict[str, Damaged | None]:
        """Find cells whose predictions are lost.

        Args:
            records: the records to check. Files that this process has verified are read again only if they have
                changed.

        Returns:
            By cell id: the damaged file; None if it was moved aside earlier.
        """
        lost = self.lost_predictions()
        found: dict[str, Damaged | None] = {}
        for record in records:
            path = (self._predictions / f"{record.cell_id}.npz").absolute()
            of = record.accuracy
            state = state_of(path), None if of is None else (of.correct, of.images)
            if _sound.get(path) == state:
                continue
            try:
                kept = [self.read_predictions_of(record, split) for split in ARRAYS]
                if any(kept):
                    _sound[path] = state
                elif record.cell_id in lost:
                    found[record.cell_id] = None
            except DamagedPredictionsError as error:
                found[record.cell_id] = error.file
        return found

    def read_predictions_of(self, record: Record, split: Evaluated = "test") -> Answers | None:
        """Read predictions as `read_predictions`, and check that those for the test images belong to the record.

        Raises:
            DamagedPredictionsError: they are damaged or belong to another record.
        """
        path = self._predictions / f"{record.cell_id}.npz"
        try:
            predictions = self.read_predictions(record.cell_id, split)
            if split == "test" and predictions is not None and record.accuracy is not None:
                _fit(predictions, record.accuracy, path)
        except UnreadableError as error:
            raise DamagedPredictionsError(Damaged(path, str(error))) from error
        return predictions

    def lost_predictions(self) -> set[str]:
        """Cells whose predictions were moved aside and have not been made again."""
        aside = {path.name.partition(".")[0] for path in self._set_aside.glob("*.npz")}
        return {cell_id for cell_id in aside if not (self._predictions / f"{cell_id}.npz").exists()}


def _read_or_say(path: Path) -> Record:
    """Read a record; the message of RecordTooNewError names the file."""
    try:
        return _read(path)
    except RecordTooNewError as error:
        raise RecordTooNewError(f"{path}: {error}") from error


def _read(path: Path) -> Record:
    try:
        text = read_file(path, MOST_BYTES)
        record = decode(text, path.stem)
        check(record, text)
    except OddFileError as error:
        raise UnreadableError(str(error)) from error
    except UnreadableError:
        raise
    except ValueError as error:
        raise UnreadableError(one_line(str(error))) from error
    return record


def _right(predictions: Answers) -> NDArray[np.bool_]:
    probabilities, labels = predictions
    right: NDArray[np.bool_] = probabilities.argmax(axis=1) == labels
    return right


def _fit(predictions: Answers, accuracy: Accuracy, path: Path) -> None:
    """Check that predictions have as many correct images as the record."""
    right = _right(predictions)
    if (int(right.sum()), len(right)) != (accuracy.correct, accuracy.images):
        raise UnreadableError(
            f"{path} does not contain the predictions of this record ({right.sum()} of {len(right)} are correct, but "
            f"the record says {accuracy.correct} of {accuracy.images})"
        )

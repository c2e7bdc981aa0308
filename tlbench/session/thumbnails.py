"""The test images that a model got wrong, small, where the data set is at hand. They are never looked for unasked."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tlbench.core.errors import UserError
from tlbench.datasets.source import DataSource
from tlbench.reporting.document import Thumbnail
from tlbench.reporting.report import Report, RunRecord
from tlbench.results.record import Record
from tlbench.results.run_folder import RunFolder
from tlbench.results.store import Store, UnreadableError
from tlbench.session.folder import Say
from tlbench.session.kept import decoded_again, own_folder
from tlbench.session.report import run_names

MOST, SIDE, QUALITY = 16, 72, 70
"""Images of a model, pixels of the longer side, and JPEG's quality: about 2 KB each."""

NOT_THERE = "its images are not the run's, or not there; --data names the folder in which {} lies"


def with_thumbnails(report: Report, folders: Sequence[RunFolder], data: Path | None, say: Say) -> Report:
    """The report with the mistakes of its best models as pictures. folders: of its runs, as they were loaded.

    Images are decoded as the run had them: from `data`, or where the suite says. Where they are not there any more, or
    are others now, that is said, and the report has none of that data set.
    """
    by_run = dict(zip(run_names(folders), folders, strict=True))
    return replace(report, mistakes=partial(_mistakes, by_run, data, say))


def _mistakes(by_run: Mapping[str, RunFolder], data: Path | None, say: Say, row: RunRecord) -> tuple[Thumbnail, ...]:
    record, folder = row.record, by_run[row.run]
    try:
        predictions = Store(folder.path).read_predictions_of(record)
        source = _images(record, folder, data)
    except (UserError, UnreadableError, OSError) as error:
        say(f"note: no thumbnails of {record.cell.dataset.label}: {error}")
        return ()
    if predictions is None or source is None:
        why = "its predictions were not kept" if predictions is None else NOT_THERE.format(record.cell.dataset.name)
        say(f"note: no thumbnails of {record.cell.dataset.label}: {why}")
        return ()
    probabilities, labels = predictions
    answers = probabilities.argmax(axis=1)
    sure = probabilities.max(axis=1)
    wrong = np.flatnonzero(answers != labels)
    surest = wrong[np.argsort(-sure[wrong], kind="stable")][:MOST]
    pictures, _ = source.splits["test"].open(1.0)
    return tuple(
        Thumbnail(
            _jpeg(np.asarray(pictures[place : place + 1])[0]),
            f"{source.classes[labels[place]]}, taken for {source.classes[answers[place]]} ({sure[place]:.0%})",
        )
        for place in map(int, surest)
    )


def _images(record: Record, folder: RunFolder, data: Path | None) -> DataSource | None:
    """The data set as the run had it; None where it is not there, or holds other images."""
    name = record.cell.dataset.name
    path = own_folder(name, folder, data)
    if path is None and not (data is not None and (data / name).is_dir()):
        return None
    return decoded_again(record, path, data)


def _jpeg(pixels: NDArray[np.uint8]) -> bytes:
    image = Image.fromarray(pixels)
    image.thumbnail((SIDE, SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()

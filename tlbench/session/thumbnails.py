"""Thumbnails of the test images that a model classifies wrongly. Only made on request, since they need the data set."""

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
from tlbench.results.encoding import UnreadableError
from tlbench.results.record import Record
from tlbench.results.run_folder import RunFolder
from tlbench.results.store import Store
from tlbench.session.folder import Say
from tlbench.session.kept import decoded_again
from tlbench.session.report import run_names

MOST, SIDE, QUALITY = 16, 72, 70
"""The number of thumbnails for a model, their longer side in pixels, and their JPEG quality: about 2 KB each."""

NOT_THERE = "its images are not the run's, or not there; --data names the folder in which {} lies"


def with_thumbnails(report: Report, folders: Sequence[RunFolder], data: Path | None, say: Say) -> Report:
    """Add thumbnails of the mistakes of its best models to a report.

    Images are decoded with the settings of the run. Without its images, a data set has no thumbnails, and a note says
    so.

    Args:
        report: the report.
        folders: the runs of the report, in the order in which they were loaded.
        data: the user's folder of data sets; None: images are looked up where the suite names them.
        say: receives the notes.
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
    """The data set as the run used it; None if it is not found or its images have changed."""
    lies_there = data is not None and (data / record.cell.dataset.name).is_dir()
    return decoded_again(record, folder, data, by_name=lies_there)


def _jpeg(pixels: NDArray[np.uint8]) -> bytes:
    image = Image.fromarray(pixels)
    image.thumbnail((SIDE, SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()

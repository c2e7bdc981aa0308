"""Describe what the cells of a plan share, and what they took in earlier runs. Pure."""

from collections.abc import Container, Iterable, Sequence

from tlbench.core.cell import ORIGINAL_CLASSES, Cell
from tlbench.core.text import counted
from tlbench.costs.work import uses_features
from tlbench.datasets.registry import classes_of
from tlbench.datasets.source import DataSource
from tlbench.execution.groups import chains, grouped
from tlbench.execution.inputs import data_key
from tlbench.execution.job import Job
from tlbench.measuring.jobs import StepJob, key_of, steps_of
from tlbench.results.record import Record, WeightsProvenance


def shared_work(cells: Sequence[Cell], untimed: Container[str] = ()) -> list[str]:
    """Sentences about the work that is done once for several cells, assuming that no stand-ins are needed.

    Args:
        cells: the cells that are not done.
        untimed: the ids of cells that are trained and only lack step times.
    """
    trained = [cell for cell in cells if cell.kind == "trained" and cell.id not in untimed]
    groups = grouped([job_of(cell) for cell in trained], None)
    decoded = {data_key(cell) for cell in trained}
    lines = chains([group for group in groups if any(uses_features(job.cell) for job in group.jobs)])
    measured = {measured_key(cell, step) for cell in cells if cell.timing for step in steps_of(cell)}
    sentences = []
    if trained:
        frozen = f", frozen layers run over the images of {counted(len(lines), 'pair')} of backbone and data"
        sentences.append(
            f"Training: {counted(len(decoded), 'set')} of images decoded once, {counted(len(groups), 'model')} built "
            f"and traced{frozen if lines else ''}."
        )
    if measured:
        asked = sum(len(steps_of(cell)) for cell in cells if cell.timing)
        sentences.append(f"Step times: {counted(len(measured), 'measurement')} for the {asked} that the cells ask for.")
    return sentences


def estimates(cells: Sequence[Cell], records: Iterable[Record]) -> list[str]:
    """One sentence about the time and disk space that these cells took in earlier runs; none without records."""
    known = {one.cell_id: one for one in records}
    found = [known[cell.id] for cell in cells if cell.id in known]
    if not found:
        return []
    seconds = sum(sum(one.phases.values()) for one in found)
    kept = dict(kept for kept in map(_features, found) if kept)
    return [
        f"Earlier, {len(found)} of these cells took {seconds:.0f} s, added up, without step times; "
        f"{sum(kept.values()) / 1e6:.1f} MB of features were kept."
    ]


def measured_key(cell: Cell, step: StepJob) -> str:
    """The key under which a step's time will be measured. An unknown number of classes is assumed to be small."""
    known = classes_of(cell.dataset) or ()
    return key_of(cell, step, len(known) if cell.kind == "trained" else ORIGINAL_CLASSES)


def job_of(cell: Cell) -> Job:
    """A job for the cell that assumes its images and weights will be found."""
    data = DataSource(cell.dataset.label, (), "real", "", data_key(cell), {})
    known = "as asked" if cell.weights != "random" else None
    return Job(cell, data, WeightsProvenance(source=cell.weights, fallback=False, sha256=known), None)


def _features(record: Record) -> tuple[tuple[object, ...], int] | None:
    """A key of the features that were cached for a record, and their size in bytes; None without such features."""
    cell, path, data = record.cell, record.path, record.data
    if path is None or data is None or path.whole is not None:
        return None
    changes = cell.training.augmentation
    views = {"train": changes.views or 1} if changes else {}
    images = sum(sum(counts.values()) * views.get(split, 1) for split, counts in data.counts.items())
    return (
        cell.backbone.label,
        cell.image_size,
        cell.resize,
        data.fingerprint,
        path.shapes,
    ), path.bytes_per_image * images

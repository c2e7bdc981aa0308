"""The rows of tables: which records share one, and its columns. Pure."""

from collections.abc import Sequence
from statistics import mean, stdev

from tlbench.core.cell import Timing, Weights
from tlbench.core.cell_settings import said
from tlbench.core.text import DASH, counted, percent
from tlbench.regression.contrasts import Recipe
from tlbench.reporting import numbers
from tlbench.reporting.answer import end
from tlbench.reporting.plots import Reading
from tlbench.reporting.report import RunRecord, first_of_each
from tlbench.reporting.views import relative
from tlbench.reporting.views.names import setting, without_imagenet
from tlbench.reporting.views.relative import PLACES, Place, TimeColumns, timed_at
from tlbench.results.measured import StepTiming
from tlbench.results.record import RecipeKey, Record

UNSTABLE = "~"


def by_row(records: Sequence[RunRecord]) -> list[list[RunRecord]]:
    """Group the records by row: those of a row differ in seed and run, and have equal images and stand-ins."""
    rows: dict[RecipeKey, list[RunRecord]] = {}
    for row in records:
        rows.setdefault(row.record.recipe_key, []).append(row)
    return list(rows.values())


def tuning_cost(records: Sequence[Record]) -> str:
    """The mean time of a cell's tuning in seconds."""
    seconds = [record.search.seconds for record in records if record.search]
    return f"{mean(seconds):.1f}" if seconds else DASH


WITHOUT_IMAGENET: dict[Weights, str] = {
    "random": "what is compared here is not transfer learning.",
    "drawn": "tlbench pretrained them on drawn pictures of other classes, and that is what transfers here.",
}
"""What a comparison with stand-ins for the weights shows, by the kind of weights."""


def stand_in(record: Record) -> Weights | None:
    """The kind of weights that are used instead of those asked for; None if there are no stand-ins."""
    return record.weights.source if record.weights and record.weights.fallback else None


def dagger(record: Record) -> str:
    """A mark after a model's name if its weights are stand-ins."""
    return " †" if stand_in(record) else ""


def top1(records: Sequence[Record], reading: Reading | None) -> str:
    """The mean top-1 over the seeds, with its interval and the seeds' standard deviation.

    A solved head has no seed: its spread is that over resamples of its training images.

    Args:
        records: one for each seed.
        reading: their accuracy in the recommendation, so that a model has one interval in a report; None if not there.
    """
    seeds = [record.accuracy for record in records if record.accuracy]
    if not seeds:
        return DASH
    said = percent(Recipe(tuple(records)).top1) if reading is None else with_interval(reading)
    if len(seeds) > 1:
        return f"{said} ± {stdev(seed.top1 for seed in seeds) * 100:.1f} ({len(seeds)} seeds)"
    resampled = seeds[0].resampled
    return f"{said} ± {stdev(resampled) * 100:.1f} ({len(resampled)} resamples)" if resampled else said


def with_interval(reading: Reading) -> str:
    """An accuracy with its interval: ``85.3% (80–89)``."""
    if reading.low is None or reading.high is None:
        return reading.text
    return f"{reading.text} ({end(reading.low)}–{end(reading.high)})"


def balanced_accuracy(records: Sequence[Record]) -> str:
    """The mean over seeds of the balanced accuracy, which is the mean recall of the classes."""
    seeds = [record.accuracy.balanced for record in records if record.accuracy]
    return percent(mean(seeds)) if seeds else DASH


def time_of(rows: Sequence[RunRecord], place: Place, how: TimeColumns, *, brief: bool = False) -> str:
    """The step time of a row at `place`; with the name of the run if several runs were timed there.

    The cells of a row differ in their seed, and share one measurement. `brief` is as in `step_time`.
    """
    by_run = times_by_run(rows, place, how, brief=brief)
    several = place[0] in how.of_several_runs
    return ", ".join(f"{text} [{run}]" if several else text for run, text in by_run.items()) or DASH


def times_by_run(rows: Sequence[RunRecord], place: Place, how: TimeColumns, *, brief: bool = False) -> dict[str, str]:
    """The step times of a row at `place`, by the name of the run."""
    by_run: dict[str, str] = {}
    for row in rows:
        if timing := timed_at(row, place):
            by_run.setdefault(row.run, step_time(timing, row.record.cell.timing, marks=how.marks, brief=brief))
    return by_run


def step_time(step: StepTiming, timing: Timing | None, *, marks: bool = True, brief: bool = False) -> str:
    """A step time in ms: ``25.9 (24.1–29.0)``; a dash and the number of steps if they are too few.

    Args:
        step: the measurement.
        timing: the protocol, which determines whether the median or the mean is shown.
        marks: whether unstable times are marked with ``~``.
        brief: whether the interval is left out, ``26``, because a relative time with an interval is beside it.
    """
    if not step.has_number:
        return f"{DASH} ({counted(len(step.samples), 'step')})"
    text = numbers.milliseconds(step.shown(timing) * 1000)
    if brief:
        text = numbers.two_digits(step.shown(timing) * 1000)
    elif step.low is not None and step.high is not None:
        text += f" ({numbers.milliseconds(step.low * 1000)}–{numbers.milliseconds(step.high * 1000)})"
    return text if step.stable or not marks else f"{UNSTABLE}{text}"


def cells(
    rows: Sequence[RunRecord],
    columns: Sequence[tuple[str, str]],
    how: TimeColumns,
    *,
    reading: Reading | None = None,
    standing: str = "",
    tuned: bool = False,
    balanced: bool = False,
) -> list[str]:
    """A row of a table, in the order of `headings`.

    Args:
        rows: the records of the row.
        columns: the settings that have a column.
        how: how times are shown.
        reading: its accuracy in the recommendation, if it is there.
        standing: whether it may be the best, in a word.
        tuned: whether there is a column for the cost of tuning.
        balanced: whether there is a column for the balanced accuracy.
    """
    records = [row.record for row in rows]
    once = [row.record for row in first_of_each(rows)]
    first, counts = records[0], next((record.counts for record in records if record.counts), None)
    return [
        first.cell.backbone.label + _own_weights(first, columns) + dagger(first),
        first.cell.strategy.label,
        *(said(setting(first)[key]) for _, key in columns),
        top1(once, reading),
        standing,
        *([balanced_accuracy(once)] if balanced else []),
        *([tuning_cost(once)] if tuned else []),
        numbers.size(counts.size_mb if counts else None),
        numbers.count(counts.params if counts else None),
        numbers.count(counts.trainable if counts else None),
        str(counts.depth) if counts else DASH,
        *(text for place in PLACES for text in times(rows, place, how)),
    ]


def _own_weights(record: Record, columns: Sequence[tuple[str, str]]) -> str:
    """A mark after a model's name if the suite asks for other weights than ImageNet's and no column says so."""
    without = without_imagenet(record)
    return f" ({without})" if without and "weights" not in [key for _, key in columns] else ""


def times(rows: Sequence[RunRecord], place: Place, how: TimeColumns) -> list[str]:
    """The relative time, if it has a column, and the time in ms."""
    if place not in how.anchors:
        return [time_of(rows, place, how)]
    text = relative.text(rows, place)
    return [text, time_of(rows, place, how, brief=text != DASH)]


def headings(
    columns: Sequence[tuple[str, str]], how: TimeColumns, *, tuned: bool = False, balanced: bool = False
) -> list[str]:
    """The headings of a table, similar to those of the Keras applications table.

    Args:
        columns: the settings that have a column.
        how: how times are shown.
        tuned: whether there is a column for the cost of tuning.
        balanced: whether there is a column for the balanced accuracy, because the classes are not balanced.
    """
    return [
        "Model",
        "Strategy",
        *(heading for heading, _ in columns),
        "Top-1",
        "Best?",
        *(["Balanced accuracy"] if balanced else []),
        *(["Tuning (s)"] if tuned else []),
        "Size (MiB)",
        "Params",
        "Trainable",
        "Depth",
        *how.headings(),
    ]

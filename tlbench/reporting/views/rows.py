"""Which records share a table row, and what the row says. Pure."""

from collections.abc import Sequence
from statistics import mean, stdev

from tlbench.core.cell import Timing, Weights
from tlbench.core.text import counted, percent
from tlbench.regression.contrasts import Recipe
from tlbench.reporting import numbers
from tlbench.reporting.answer import end
from tlbench.reporting.numbers import DASH
from tlbench.reporting.plots import Reading
from tlbench.reporting.report import RunRecord, first_of_each
from tlbench.reporting.views import relative
from tlbench.reporting.views.names import said, setting
from tlbench.reporting.views.relative import PLACES, Place, TimeColumns, timed_at
from tlbench.results.measured import StepTiming
from tlbench.results.record import Record
from tlbench.statistics.bootstrap import FEWEST

UNSTABLE = "~"


def by_row(records: Sequence[RunRecord]) -> list[list[RunRecord]]:
    """Those that share a row: all of the cell but its seed is equal, and so are its images and what stands in."""
    rows: dict[tuple[str, tuple[str, ...]], list[RunRecord]] = {}
    for row in records:
        rows.setdefault((row.record.cell.model_dump_json(exclude={"seed"}), row.record.rests_on), []).append(row)
    return list(rows.values())


def tuning_cost(records: Sequence[Record]) -> str:
    """Seconds of a cell's search, mean over the seeds."""
    seconds = [record.search.seconds for record in records if record.search]
    return f"{mean(seconds):.1f}" if seconds else DASH


WITHOUT_IMAGENET: dict[Weights, str] = {
    "random": "what is compared here is not transfer learning.",
    "drawn": "tlbench pretrained them on drawn pictures of other classes, and that is what transfers here.",
}
"""What a comparison is worth where other weights stand in, by their kind."""


def stand_in(record: Record) -> Weights | None:
    """The kind of weights that stand in for those that were asked for; None where none do."""
    return record.weights.source if record.weights and record.weights.fallback else None


def dagger(record: Record) -> str:
    """What stands behind a model's name where other weights than those that were asked for stand in."""
    return " †" if stand_in(record) else ""


def top1(records: Sequence[Record], reading: Reading | None) -> str:
    """The mean top-1 over the seeds, with its interval and the seeds' standard deviation.

    A solved head has no seed: its spread is that over resamples of its training images.

    Args:
        records: one for each seed.
        reading: what the answer says of them, so that a model has one interval in a report; None where it says nothing.
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
    """The mean over seeds of the mean recall of the classes."""
    seeds = [record.accuracy.balanced for record in records if record.accuracy]
    return percent(mean(seeds)) if seeds else DASH


def time_of(rows: Sequence[RunRecord], place: Place, how: TimeColumns, *, brief: bool = False) -> str:
    """Step time at `place`; with its run's name where `how` is of several runs that were timed there.

    The cells of a row differ in their seed, and share one measurement. `brief`: as `step_time`.
    """
    by_run = times_by_run(rows, place, how, brief=brief)
    several = place[0] in how.of_several_runs
    return ", ".join(f"{text} [{run}]" if several else text for run, text in by_run.items()) or DASH


def times_by_run(rows: Sequence[RunRecord], place: Place, how: TimeColumns, *, brief: bool = False) -> dict[str, str]:
    """The same by the run's name, of those that were timed there."""
    by_run: dict[str, str] = {}
    for row in rows:
        if timing := timed_at(row, place):
            by_run.setdefault(row.run, step_time(timing, row.record.cell.timing, marks=how.marks, brief=brief))
    return by_run


def step_time(step: StepTiming, timing: Timing | None, *, marks: bool = True, brief: bool = False) -> str:
    """``25.9 (24.1–29.0)`` in milliseconds: median with its interval; ``~`` before an unstable one where it is marked.

    Protocol `keras` has the mean, as the table at keras.io. brief: ``26``, since a relative time with its interval
    stands beside it. From fewer than `FEWEST` steps there is no number.
    """
    if len(step.samples) < FEWEST:
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
    """One row of a table, in the order of `headings`.

    reading: its accuracy, as the answer has it. standing: whether it may be the best, in a word.
    """
    records = [row.record for row in rows]
    once = [row.record for row in first_of_each(rows)]
    first, counts = records[0], next((record.counts for record in records if record.counts), None)
    return [
        first.cell.backbone.label + dagger(first),
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


def times(rows: Sequence[RunRecord], place: Place, how: TimeColumns) -> list[str]:
    """The relative time where it has a column, and milliseconds."""
    if place not in how.anchors:
        return [time_of(rows, place, how)]
    text = relative.text(rows, place)
    return [text, time_of(rows, place, how, brief=text != DASH)]


def headings(
    columns: Sequence[tuple[str, str]], how: TimeColumns, *, tuned: bool = False, balanced: bool = False
) -> list[str]:
    """The columns of the Keras applications table, accuracy first, with the strategy, what trains, and relative times.

    tuned: with what tuning cost. balanced: with the balanced accuracy, for a data set whose classes are not.
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

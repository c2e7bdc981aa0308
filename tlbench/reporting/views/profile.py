"""The view of ``report --profile``: the time of cells, and the share of it that is arithmetic. Pure."""

import operator
from collections import Counter
from collections.abc import Callable, Sequence
from functools import reduce

from tlbench.core.text import DASH
from tlbench.reporting.document import Note, Table, compact
from tlbench.reporting.report import RunRecord
from tlbench.reporting.views.names import labels_of
from tlbench.results.record import Record
from tlbench.results.trained import TrainingPath

PHASES = ("build", "features", "train", "evaluate")
SPENT = ["Cell", "Trained on", "Wall (s)", *(f"{name.capitalize()} (s)" for name in PHASES)]
USED = [
    "Cell",
    "Arithmetic (s)",
    "Share",
    "At the timed inference step",
    "Kernel",
    "Kernel, a step",
    "Faults a step",
]
MEANINGS = {
    "Arithmetic (s)": "Arithmetic: images that went through the frozen part over its throughput, and training steps "
    "times the median time of one.",
    "Share": "Share: arithmetic over wall time. A dash stands where there was but one batch or epoch, or tuning.",
    "At the timed inference step": "At the timed inference step: the share if an image took the frozen part as long as "
    "the timed step of the whole model, which Keras runs; over 100% where the frozen part is run faster than that.",
    "Kernel": "Kernel: its share of the CPU time, of all phases and of a training step. A dash stands in older "
    "records.",
    "Faults a step": "Faults: pages that the kernel had to give, which make its share large where memory is given back "
    "and asked for again.",
}
"""The meaning of columns, by their headings."""


def blocks(rows: Sequence[RunRecord]) -> list[Table | Note]:
    """Two tables with a row for each trained cell, and the meaning of their columns.

    The first has the time by phase; the second has the share of arithmetic and of the kernel, if any is known.
    """
    trained = [row for row in rows if row.record.status == "ok" and row.record.path]
    names, records = labels_of(trained), [row.record for row in trained]
    spent = Table.of(SPENT, map(_spent, names, records), range(2, len(SPENT)))
    used = compact(Table.of(USED, map(_used, names, records), range(1, len(USED))))
    shown = {column.heading for column in used.columns}
    legend = " ".join(meaning for heading, meaning in MEANINGS.items() if heading in shown)
    return [spent, used, Note((legend,))] if legend else [spent]


def arithmetic(record: Record) -> float | None:
    """The seconds of the forward passes of the frozen part and the training steps of the rest, without anything else.

    None if one of the two times was not measured.
    """
    return _arithmetic(record, lambda path: path.forward)


def arithmetic_at_step(record: Record) -> float | None:
    """The same with the timed inference step of the whole model in place of the frozen part's own time."""
    if record.timings is None or not record.timings.inference.has_number:
        return None
    seconds = record.timings.inference.median / record.timings.inference.batch_size
    return _arithmetic(record, lambda path: seconds)


def _arithmetic(record: Record, forward: Callable[[TrainingPath], float | None]) -> float | None:
    """As `arithmetic`, with `forward` seconds per image in the frozen part of a phase."""
    train = record.cell.train
    if record.path is None or train is None or record.data is None or record.search:
        return None
    phases = [(phase.name, phase.path) for phase in record.training] or [("", record.path)]
    epochs = Counter(epoch.phase or phases[-1][0] for epoch in record.history if epoch.epoch > 0)
    steps = -(-sum(record.data.counts["train"].values()) // train.batch_size)
    total = 0.0
    for name, path in phases:
        seconds, many = forward(path), epochs[name] * steps
        if (path.computed and seconds is None) or (many and path.step is None):
            return None
        total += path.computed * (seconds or 0.0) + many * (path.step or 0.0)
    return total if epochs else None


def _spent(name: str, record: Record) -> list[str]:
    assert record.path is not None
    return [
        name,
        "images" if record.path.whole else "features",
        f"{sum(record.phases.values()):.2f}",
        *(f"{record.phases.get(phase, 0.0):.2f}" for phase in PHASES),
    ]


def _used(name: str, record: Record) -> list[str]:
    wall, least, at_step = sum(record.phases.values()), arithmetic(record), arithmetic_at_step(record)
    return [
        name,
        DASH if least is None else f"{least:.2f}",
        DASH if least is None else f"{least / wall:.0%}",
        DASH if at_step is None else f"{at_step / wall:.0%}",
        *_usage(record),
    ]


def _usage(record: Record) -> list[str]:
    assert record.path is not None
    step, whole = record.path.step_usage, reduce(operator.add, record.usage.values()) if record.usage else None
    return [
        DASH if whole is None else f"{whole.kernel:.0%}",
        DASH if step is None else f"{step.kernel:.0%}",
        DASH if step is None else f"{step.faults:,.0f}",
    ]

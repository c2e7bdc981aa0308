"""Entries, sides and comparisons that are made by hand."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tests import builders
from tlbench.core.cell import Cell
from tlbench.regression.comparison import Comparison, compare
from tlbench.regression.entries import Entry
from tlbench.regression.gates import Gates
from tlbench.regression.side import Side, entry
from tlbench.regression.verdicts import Judgement
from tlbench.results.measured import Timings
from tlbench.results.record import Failure, Record

RIGHT = np.arange(200) % 10 != 0
FAILED = Failure(type="ValueError", message="no such layer", advice="Choose another.")


def timed(base: float = 0.02, session: str | None = None, **changes: Any) -> Timings:
    """Step times whose rounds wobble by 1 %; two processes of 20 rounds."""
    wobble = 1 + 0.01 * np.sin(np.arange(40) * (1 + 7 * changes.pop("phase", 0)))
    rounds = tuple((float(base * one),) for one in wobble)
    step = builders.step("inference", base, rounds=rounds, session=session, draws=(20, 20), drift=0.01, **changes)
    return builders.timings().model_copy(update={"steps": (step,)})


def made(right: np.ndarray = RIGHT, of: Cell | None = None, **changes: Any) -> Entry:
    fields: dict[str, Any] = {"timings": timed()} | changes
    accuracy = builders.accuracy(int(right.sum()), len(right))
    record: Record = builders.record(of or builders.cell(), accuracy=accuracy, **fields)
    return unknown(entry(record, right))


def unknown(of: Entry) -> Entry:
    """The entry as an older baseline has it, so that copies of it count as measurements of their own."""
    return of.model_copy(update={"measured": ()})


def side(*entries: Entry, **changes: Any) -> Side:
    return Side(name=changes.pop("name", "side"), entries=entries, **changes)


def judged(base: Sequence[Entry], new: Sequence[Entry], **gates: Any) -> Comparison:
    return compare(side(*base, name="base"), side(*new, name="new"), Gates(**gates))


def number(found: Comparison, name: str) -> Judgement:
    (judgement,) = [each for each in found.judgements if each.name == name]
    return judgement

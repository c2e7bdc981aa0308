"""What a metric is: which numbers two entries give, what is known of their change, and how they are written. Pure."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from tlbench.core.cell import Cell
from tlbench.core.text import three_digits
from tlbench.regression.entries import Entry
from tlbench.regression.verdicts import Evidence, Judgement, Verdict
from tlbench.results.record import Record
from tlbench.statistics.multiple import holm
from tlbench.statistics.ranks import Shift

Pair = tuple[Entry, Entry]
"""A cell of the base and the same cell of the new side, both with their numbers."""
Gate = Callable[[Cell], float]
"""The change that matters in a cell, a share as the suite has it."""


@dataclass(frozen=True)
class Finding:
    """One number of a cell on both sides, in `unit`.

    With `evidence`, the verdict follows once it is corrected for the metric's other numbers, and `reason` names the
    method. Without, `verdict` is final: `not comparable`, `new`, `missing` or `inconclusive` for a `reason`, or that of
    an exact number; `effect` is as shown then, and `decide` what would decide it. seeds: how many trainings of the cell
    stand behind it.
    """

    cell: Cell
    name: str
    unit: str = ""
    base: float | None = None
    new: float | None = None
    evidence: Evidence | None = None
    verdict: Verdict = "not comparable"
    reason: str = ""
    effect: float | None = None
    decide: str = ""
    seeds: int = 1


@dataclass(frozen=True)
class Followed:
    """One number of an entry that `tlbench history` follows over many runs. of_step: taken where steps were timed."""

    name: str
    unit: str
    value: float
    of_step: bool = False


def of_shift(shift: Shift, gate: float, decide: str, agreed: str = "", more: int = 0) -> Evidence:
    """The evidence of a test; an interval that could not be found has no ends."""
    low = -math.inf if shift.low is None else shift.low
    high = math.inf if shift.high is None else shift.high
    return Evidence(shift.estimate, low, high, shift.p, gate, agreed, decide, more)


Known = tuple[Finding, Evidence]
"""A finding, and the evidence it has."""


def of_measurements(found: Sequence[Known]) -> list[float]:
    """The p-values after Holm's correction, where cells that share a measurement are one test: theirs are equal."""
    keys = [(finding.name, finding.base, finding.new, evidence) for finding, evidence in found]
    distinct = list(dict.fromkeys(keys))
    adjusted = dict(zip(distinct, holm([evidence.p for *_, evidence in distinct]), strict=True))
    return [adjusted[key] for key in keys]


class Metric(ABC):
    """Numbers of one kind. An instance is an entry of METRICS, under its `name`.

    scale: ``ratio`` for changes that are shares of the base, as in ``5%``: the evidence is of logarithms of ratios.
    ``points``: differences of shares, as in ``2pp``. better: which numbers are, for evidence has more as worse.
    gate: the change that matters where no suite says otherwise, as a share; None where every change does. level: the
    chance of any false alarm over a suite's numbers of this metric. exact: the numbers have no noise, so that every
    difference is a change, and a table has one column for all of them. repeats: measuring the same cells again draws
    their noise anew, so that it can confirm what it was. machine_bound: numbers of different machines
    are different numbers. plural: what a cell's numbers are called together, where there are several.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    scale: ClassVar[Literal["ratio", "points"]] = "ratio"
    better: ClassVar[Literal["less", "more"]] = "less"
    gate: ClassVar[float | None] = None
    level: ClassVar[float] = 0.01
    exact: ClassVar[bool] = False
    repeats: ClassVar[bool] = True
    machine_bound: ClassVar[bool] = False
    plural: ClassVar[str] = ""

    def of_record(self, record: Record) -> Mapping[str, float]:
        """Numbers of a record with status ``ok`` that `Entry` has no field for; `Entry.extra` and baselines keep them.

        `kept` gives them back.
        """
        return {}

    def kept(self, entry: Entry, key: str) -> tuple[float, ...]:
        """What `of_record` gave under `key`, one number a run, the newest first; empty where it gave none."""
        return entry.extra.get(self.name, {}).get(key, ())

    def block(self, cell: Cell) -> str:
        """Cells with equal keys are compared together: each alone, unless the metric says otherwise."""
        return cell.id

    def tests(self, entries: Sequence[Entry]) -> int:
        """How many numbers of a side are judged together."""
        return len({self.block(entry.cell) for entry in entries})

    def blocks(self, pairs: Sequence[Pair]) -> list[list[Pair]]:
        """Pairs that are compared together, by the `block` of their new side."""
        blocks: dict[str, list[Pair]] = {}
        for pair in pairs:
            blocks.setdefault(self.block(pair[1].cell), []).append(pair)
        return list(blocks.values())

    @abstractmethod
    def compare(self, pairs: Sequence[Pair], gate: Gate, tests: int) -> Iterable[Finding]:
        """What is known of each number of all `pairs` of a suite; nothing of those that lack the numbers.

        Where few runs or seeds of a cell say little of its noise, the suite's other cells say more. tests: what `tests`
        says of the new side.
        """

    def corrected(self, found: Sequence[Known]) -> list[float]:
        """The p-values after correction for all numbers of the suite: Holm's."""
        return holm([evidence.p for _, evidence in found])

    def followed(self, entry: Entry) -> Iterable[Followed]:
        """The numbers of an entry to follow over many runs."""
        return ()

    def shown(self, effect: float) -> float:
        """An effect of `Evidence`, for which more is worse, as people read it: new against base, a share."""
        signed = -effect if self.better == "more" else effect
        return math.expm1(signed) if self.scale == "ratio" else signed

    def written(self, value: float) -> str:
        """A number without its unit."""
        return three_digits(value)

    def written_change(self, judgement: Judgement) -> str:
        """The effect with its interval: ``+1.2% (-0.5 to +3.0)``, ``-3.4 points``. Raises ValueError without one."""
        if judgement.effect is None:
            raise ValueError(f"{judgement.name} of {judgement.cell.label} has no effect")
        effect = _hundredths(judgement.effect) + ("%" if self.scale == "ratio" else " points")
        if judgement.low is None or judgement.high is None:
            return effect
        return f"{effect} ({_end(judgement.low)} to {_end(judgement.high)})"

    def written_gate(self) -> str:
        """The default gate as a suite has it: ``5%``, ``2pp``; empty where every change matters."""
        return "" if self.gate is None else f"{100 * self.gate:g}{'%' if self.scale == 'ratio' else 'pp'}"


def _end(value: float) -> str:
    return "?" if math.isinf(value) or value <= -1 else _hundredths(value)


def _hundredths(value: float) -> str:
    """``+1.2`` of 0.012; what rounds to nothing has no sign."""
    shown = f"{value * 100:+.1f}"
    return "0.0" if shown in {"-0.0", "+0.0"} else shown

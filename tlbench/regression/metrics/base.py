"""The interface of metrics: which numbers of two entries to compare, and how to show them. Pure."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from tlbench.core.cell import Cell
from tlbench.core.text import tenths, three_digits
from tlbench.regression.entries import Entry
from tlbench.regression.verdicts import Evidence, Judgement, Verdict
from tlbench.results.record import Record
from tlbench.statistics.multiple import holm
from tlbench.statistics.ranks import Shift

Pair = tuple[Entry, Entry]
"""The entries of a cell that succeeded on both sides: base, new."""
Gate = Callable[[Cell], float]
"""The change that matters for a cell, as a fraction."""
NOT_AGAIN = "not measured again"
"""Why a number that the base has and the new side lacks is not comparable. Its finding has no `new`."""
ELSEWHERE = "taken on another machine"


@dataclass(frozen=True)
class Finding:
    """A number of a cell on both sides, before correction for multiple tests.

    Attributes:
        cell: the cell.
        name: the name of the number.
        unit: the unit of `base` and `new`.
        base: the number of the base.
        new: the number of the new side.
        evidence: the evidence for a change; None if `verdict` is final.
        verdict: the final verdict: of an exact number, or because there is a `reason` not to judge.
        reason: why, or the method behind the evidence.
        effect: the change to show for a final verdict.
        decide: what would decide a final verdict of ``inconclusive``.
        seeds: the number of trainings behind the number.
        bare: the change before it was set off against the machine's speed; None if it was not.
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
    bare: float | None = None


@dataclass(frozen=True)
class Followed:
    """A number that `tlbench history` follows over runs; `of_step`: measured on the machine that timed the steps."""

    name: str
    unit: str
    value: float
    of_step: bool = False


def of_shift(shift: Shift, gate: float, decide: str, agreed: str = "", more: int = 0) -> Evidence:
    """The evidence of a test. A missing interval becomes an infinite one."""
    low = -math.inf if shift.low is None else shift.low
    high = math.inf if shift.high is None else shift.high
    return Evidence(shift.estimate, low, high, shift.p, gate, agreed, decide, more)


Known = tuple[Finding, Evidence]
"""A finding with its evidence."""


def of_measurements(found: Sequence[Known]) -> list[float]:
    """P-values after Holm's correction, where cells that share a measurement count as one test."""
    keys = [(finding.name, finding.base, finding.new, evidence) for finding, evidence in found]
    distinct = list(dict.fromkeys(keys))
    adjusted = dict(zip(distinct, holm([evidence.p for *_, evidence in distinct]), strict=True))
    return [adjusted[key] for key in keys]


class Metric(ABC):
    """A kind of numbers. An instance is registered in METRICS under its `name`.

    Attributes:
        name: the name, which is also that of its gate.
        summary: what it measures, for `tlbench list metrics`.
        scale: ``ratio``: changes are relative to the base (``5%``), and evidence is about logarithms of ratios;
            ``points``: changes are differences of fractions (``2pp``).
        better: whether less or more is better.
        gate: the default gate as a fraction; None if every change matters.
        level: the chance of any false alarm over all numbers of this metric in a suite.
        exact: whether the numbers have no noise, so that every difference is a change. Tables have one column for all
            of them.
        repeats: whether measuring again gives new noise, so that it can confirm a regression.
        machine_bound: whether numbers of different machines are not comparable.
        plural: what several numbers of a cell are called together.
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
        """Numbers of a successful record for which `Entry` has no field.

        They are stored in `Entry.extra` and in baselines; `kept` returns them.
        """
        return {}

    def kept(self, entry: Entry, key: str) -> tuple[float, ...]:
        """The numbers that `of_record` returned under `key`, one per run, the newest first; empty without any."""
        return entry.extra.get(self.name, {}).get(key, ())

    def block(self, cell: Cell) -> str:
        """A key that is the same for cells to be compared together; by default each cell is compared alone."""
        return cell.id

    def tests(self, entries: Sequence[Entry]) -> int:
        """The number of tests for the cells of a side, which share the level."""
        return len({self.block(entry.cell) for entry in entries})

    def blocks(self, pairs: Sequence[Pair]) -> list[list[Pair]]:
        """The pairs grouped by the `block` of their new side."""
        blocks: dict[str, list[Pair]] = {}
        for pair in pairs:
            blocks.setdefault(self.block(pair[1].cell), []).append(pair)
        return list(blocks.values())

    @abstractmethod
    def compare(self, pairs: Sequence[Pair], gate: Gate, tests: int) -> Iterable[Finding]:
        """Compare the numbers of all pairs of a suite, together because cells help to estimate each other's noise.

        Args:
            pairs: the cells that succeeded on both sides.
            gate: the gate of each cell.
            tests: the result of `tests` for the new side.

        Returns:
            A finding for each number that the base has, which has no `new` and the reason `NOT_AGAIN` if the new side
            lacks it.
        """

    def corrected(self, found: Sequence[Known]) -> list[float]:
        """The p-values after correction over all numbers of the suite, by Holm's method."""
        return holm([evidence.p for _, evidence in found])

    def followed(self, entry: Entry) -> Iterable[Followed]:
        """The numbers of an entry that `tlbench history` follows over runs."""
        return ()

    def shown(self, effect: float) -> float:
        """An effect in `Evidence`, where more is worse, as people read it: new relative to base, as a fraction."""
        signed = -effect if self.better == "more" else effect
        return math.expm1(signed) if self.scale == "ratio" else signed

    def written(self, value: float) -> str:
        """Format a number, without its unit."""
        return three_digits(value)

    def written_change(self, judgement: Judgement) -> str:
        """Format the effect with its interval: ``+1.2% (-0.5 to +3.0)`` or ``-3.4 points``.

        Raises:
            ValueError: the judgement has no effect.
        """
        if judgement.effect is None:
            raise ValueError(f"{judgement.name} of {judgement.cell.label} has no effect")
        effect = _hundredths(judgement.effect) + ("%" if self.scale == "ratio" else " points")
        if judgement.low is None or judgement.high is None:
            return effect
        return f"{effect} ({_end(judgement.low)} to {_end(judgement.high)})"

    def written_gate(self) -> str:
        """Format the default gate as in a suite: ``5%`` or ``2pp``; empty if every change matters."""
        return "" if self.gate is None else f"{100 * self.gate:g}{'%' if self.scale == 'ratio' else 'pp'}"


def _end(value: float) -> str:
    return "?" if math.isinf(value) or value <= -1 else _hundredths(value)


def _hundredths(value: float) -> str:
    """Format a fraction in hundredths, ``+1.2`` for 0.012; zero has no sign."""
    rounded = tenths(value * 100)
    return f"{rounded:+.1f}" if rounded else "0.0"

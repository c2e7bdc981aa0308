"""Verdicts on changes, from an effect and its uncertainty. Pure."""

from dataclasses import dataclass
from typing import Literal

from tlbench.core.cell import Cell
from tlbench.core.text import OneLine
from tlbench.core.value import Value

Verdict = Literal[
    "regressed",
    "newly failing",
    "missing",
    "inconclusive",
    "not comparable",
    "fixed",
    "new",
    "improved",
    "unchanged",
    "same measurement",
]
WORST_FIRST: tuple[Verdict, ...] = (
    "regressed",
    "newly failing",
    "missing",
    "inconclusive",
    "fixed",
    "new",
    "improved",
    "unchanged",
    "same measurement",
    "not comparable",
)
JUDGED: frozenset[Verdict] = frozenset({"regressed", "improved", "unchanged", "inconclusive"})
ROUNDING = 1e-9
"""Tolerance for rounding errors: 0.90 - 0.88 must not exceed a gate of 0.02."""
OUTCOME = "outcome"
"""The metric of judgements about whether a cell succeeded at all."""


@dataclass(frozen=True)
class Evidence:
    """The evidence for a change of a number. More is always worse: effects on accuracy have the opposite sign.

    Attributes:
        effect: the estimated change.
        low: the lower end of its 95 % interval.
        high: the upper end.
        p: the two-sided p-value of no change.
        gate: the change that matters, in the unit of the effect.
        agreed: why the effect cannot be trusted yet, e.g. since the processes do not agree; else empty.
        decide: what would decide an inconclusive case.
        more: how many rounds one more process should take; 0 if that is not known.
        premature: why it is too early for any verdict, e.g. since there is only one process per side; else empty.
    """

    effect: float
    low: float
    high: float
    p: float
    gate: float
    agreed: str = ""
    decide: str = ""
    more: int = 0
    premature: str = ""


class Judgement(Value):
    """The verdict on a number of a cell.

    Attributes:
        cell: the cell.
        label: a name for the cell that no other one of the comparison has; empty for `Cell.label`.
        seeds: the number of trainings behind the number.
        metric: the name of the metric, or `OUTCOME`.
        name: the name of the number.
        unit: the unit of `base` and `new`.
        base: the number of the base.
        new: the number of the new side.
        effect: the change as the metric shows it: relative to the base, or a difference of fractions.
        bare: the change before it was set off against the machine's speed; None if it was not.
        low: the lower end of its 95 % interval.
        high: the upper end.
        gate: the change that matters.
        adjusted: the p-value after the metric's correction over the suite.
        verdict: the verdict.
        reason: why, in a few words.
        decide: what would decide an inconclusive case.
    """

    cell: Cell
    label: str = ""
    seeds: int = 1
    metric: str
    name: str
    unit: str = ""
    base: float | None = None
    new: float | None = None
    effect: float | None = None
    bare: float | None = None
    low: float | None = None
    high: float | None = None
    gate: float | None = None
    adjusted: float | None = None
    verdict: Verdict
    reason: OneLine = ""
    decide: str = ""

    @property
    def of(self) -> str:
        """The name of the cell."""
        return self.label or self.cell.label

    @property
    def lost(self) -> bool:
        """Whether the base has the number and the new side lacks it, so that nothing can be said about it."""
        return self.verdict == "not comparable" and self.base is not None and self.new is None

    @property
    def unjudged(self) -> bool:
        """Whether both sides have the number, and still nothing can be said about its change."""
        return self.verdict == "not comparable" and self.base is not None and self.new is not None

    @property
    def trifling(self) -> bool:
        """Whether it could not be judged at all, as an accuracy of one seed, and moved by no more than the gate."""
        if self.verdict != "inconclusive" or self.adjusted is not None or self.effect is None or self.gate is None:
            return False
        return abs(self.effect) <= self.gate + ROUNDING


def verdict_of(evidence: Evidence, adjusted: float, level: float) -> tuple[Verdict, str]:
    """The verdict, and the reason if it is ``inconclusive``.

    ``regressed`` and ``improved`` need an effect beyond the gate that is significant at `level` after correction;
    ``unchanged`` needs an interval within the gate.
    """
    if evidence.premature:
        return "inconclusive", evidence.premature
    gate = evidence.gate + ROUNDING
    beyond = abs(evidence.effect) > gate
    if beyond and adjusted < level:
        if evidence.agreed:
            return "inconclusive", evidence.agreed
        return ("regressed" if evidence.effect > 0 else "improved"), ""
    if -gate <= evidence.low and evidence.high <= gate:
        return "unchanged", ""
    if beyond:
        return "inconclusive", "it may be chance"
    return "inconclusive", "the interval reaches beyond the gate"


def worst(verdicts: list[Verdict]) -> Verdict:
    """The verdict to show first; ``not comparable`` if there is no other."""
    return min(verdicts, key=WORST_FIRST.index, default="not comparable")

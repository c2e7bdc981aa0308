"""From an effect and how sure it is to a verdict. Pure."""

from dataclasses import dataclass
from typing import Literal

from tlbench.core.cell import Cell, Value
from tlbench.core.text import OneLine

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
    "not comparable",
)
JUDGED: frozenset[Verdict] = frozenset({"regressed", "improved", "unchanged", "inconclusive"})
ROUNDING = 1e-9
"""0.90 less 0.88 is no more than 0.02, whatever binary fractions make of it."""
OUTCOME = "outcome"
"""The metric of a judgement of whether a cell gave its numbers at all."""


@dataclass(frozen=True)
class Evidence:
    """What is known of one number's change, where more is worse (an accuracy's effect has its sign turned).

    effect: the estimate, low to high its 95 % interval; p: two-sided, of no change. gate: the change that matters, in
    the unit of `effect`. agreed: why the effect cannot count as shown yet, empty where it can (one process a side is
    one draw, however long it was timed). decide: what would decide it, should the evidence not do; more: how many more
    rounds that is, 0 where rounds alone do not help.
    """

    effect: float
    low: float
    high: float
    p: float
    gate: float
    agreed: str = ""
    decide: str = ""
    more: int = 0


class Judgement(Value):
    """One number of one cell, judged.

    metric: a name of METRICS, or OUTCOME. base, new: the numbers, in `unit`. effect, low, high: new against base as the
    metric shows it, a relative change as a share, or a difference of shares. adjusted: the p-value after the metric's
    correction over the suite.
    """

    cell: Cell
    seeds: int = 1
    metric: str
    name: str
    unit: str = ""
    base: float | None = None
    new: float | None = None
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    gate: float | None = None
    adjusted: float | None = None
    verdict: Verdict
    reason: OneLine = ""
    decide: str = ""


def verdict_of(evidence: Evidence, adjusted: float, level: float) -> tuple[Verdict, str]:
    """The verdict and, where it is `inconclusive`, why.

    `regressed` and `improved` take an effect beyond the gate that is significant at `level` after correction;
    `unchanged` an interval within the gate.
    """
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
    """The one to show first; `not comparable` where there is no other."""
    return min(verdicts, key=WORST_FIRST.index, default="not comparable")

"""Compare positive numbers from runs at different times, with one or several runs per side. Pure.

Effects are logarithms of ratios, new over base.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tlbench.regression.metrics.base import of_shift
from tlbench.regression.verdicts import Evidence
from tlbench.statistics.moderated import Spread
from tlbench.statistics.ranks import Shift
from tlbench.statistics.runs import of_runs
from tlbench.statistics.student import quantile

MOST = 30
"""The largest number of runs per side that is recommended."""


@dataclass(frozen=True)
class Runs:
    """A positive number of a cell, with one value per run on each side."""

    base: tuple[float, ...]
    new: tuple[float, ...]

    @property
    def share(self) -> float:
        """The variance of the difference of the means, as a multiple of the variance of one run."""
        return 1 / len(self.base) + 1 / len(self.new)


def shifts(cells: Sequence[Runs], known: Spread) -> list[Shift]:
    """The difference of the mean logarithms, new minus base, of each cell; see `statistics.runs.of_runs`.

    Raises:
        ValueError: a number is not positive, or a side has none.
    """
    return of_runs([([*map(math.log, cell.base)], [*map(math.log, cell.new)]) for cell in cells], known)


def evidence(
    shift: Shift, cell: Runs, known: Spread, gate: float, level: float, tests: int, other: str = ""
) -> Evidence:
    """The evidence for a shift.

    Args:
        shift: the shift.
        cell: the runs it comes from.
        known: the variance between runs.
        gate: the change that matters, in the unit of the shift.
        level: the level of significance.
        tests: the number of tests that share this level.
        other: what else, besides more runs, would decide it.
    """
    needed = runs_needed(shift, cell, known, gate, level, tests)
    runs = f"{needed} runs a side" if needed else f"more than {MOST} runs a side"
    return of_shift(shift, gate, f"{runs}{f', or {other}' if other else ''}")


def runs_needed(shift: Shift, cell: Runs, known: Spread, gate: float, level: float, tests: int) -> int:
    """The runs per side that would decide, if effect and variance are as they seem now; 0 if more than `MOST`.

    An effect beyond the gate must become significant at level / tests, Holm's first threshold. For an effect within the
    gate, the interval must come to lie within it.
    """
    if shift.low is None or shift.high is None:
        return 0
    freedom = known.freedom + len(cell.base) + len(cell.new) - 2
    deviation = (shift.high - shift.low) / 2 / _t(freedom, 0.05) / math.sqrt(cell.share)
    distance = abs(shift.estimate)
    for runs in range(min(len(cell.base), len(cell.new)) + 1, MOST + 1):
        error, freedom = deviation * math.sqrt(2 / runs), known.freedom + 2 * (runs - 1)
        if distance > gate and _t(freedom, level / max(tests, 1)) * error < distance:
            return runs
        if distance <= gate and distance + _t(freedom, 0.05) * error <= gate:
            return runs
    return 0


def _t(freedom: float, two_sided: float) -> float:
    """The quantile of Student's t for a two-sided level."""
    return quantile(freedom, 1 - two_sided / 2)

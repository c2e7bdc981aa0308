"""Runs at different times, one or several a side: evidence of positive numbers that vary from run to run. Pure.

All effects are logarithms of ratios, new over base.
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
"""Runs a side beyond which nobody is sent."""


@dataclass(frozen=True)
class Runs:
    """One number of a cell, positive, once for each run of a side."""

    base: tuple[float, ...]
    new: tuple[float, ...]

    @property
    def share(self) -> float:
        """Variance of the difference of both means, as a multiple of one run's."""
        return 1 / len(self.base) + 1 / len(self.new)


def shifts(cells: Sequence[Runs], known: Spread) -> list[Shift]:
    """How far new lies above base in each of a suite's cells, in logarithms; see `statistics.runs.of_runs`.

    Raises ValueError where a number is not positive or a side has none.
    """
    return of_runs([([*map(math.log, cell.base)], [*map(math.log, cell.new)]) for cell in cells], known)


def evidence(
    shift: Shift, cell: Runs, known: Spread, gate: float, level: float, tests: int, other: str = ""
) -> Evidence:
    """The evidence of a shift. gate: in its unit. level, tests: what its p-value is held against, as one of how many.

    other: what would decide it beside more runs.
    """
    needed = runs_needed(shift, cell, known, gate, level, tests)
    runs = f"{needed} runs a side" if needed else f"more than {MOST} runs a side"
    return of_shift(shift, gate, f"{runs}{f', or {other}' if other else ''}")


def runs_needed(shift: Shift, cell: Runs, known: Spread, gate: float, level: float, tests: int) -> int:
    """How many runs a side would decide it, were the effect and the spread what they seem now; 0 beyond `MOST`.

    An effect beyond the gate has to fall below the level that Holm holds the smallest p-value against; of one within
    the gate the interval has to lie within it.
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
    """Student's quantile that is exceeded, in either direction, with this chance."""
    return quantile(freedom, 1 - two_sided / 2)

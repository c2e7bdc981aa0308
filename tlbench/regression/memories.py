"""Does a cell need more memory? Pure.

The peak of a process is one number a run, whose noise is that of allocators and threads: a few percent on identical
code (docs/methodology.md). It is judged by ranks where there are several runs a side, else against that noise.
"""

import math
from collections.abc import Sequence

from tlbench.regression.verdicts import Evidence
from tlbench.statistics.ranks import mann_whitney

FEW_RUNS = 4
NOISE = 0.05
"""How far peaks of identical code were seen apart, rounded up."""


def evidence(base: Sequence[int], new: Sequence[int], gate: float) -> Evidence:
    """From peaks in bytes, one a run. Effects are logarithms of ratios, new over base."""
    limit = math.log1p(gate)
    if len(base) >= FEW_RUNS and len(new) >= FEW_RUNS:
        shift = mann_whitney([math.log(one) for one in base], [math.log(one) for one in new])
        low = -math.inf if shift.low is None else shift.low
        high = math.inf if shift.high is None else shift.high
        return Evidence(shift.estimate, low, high, shift.p, limit, "", "more runs a side")
    effect = math.log(_middle(new) / _middle(base))
    noise = math.log1p(NOISE)
    p = 0.0 if abs(effect) > noise else 1.0
    return Evidence(effect, effect - noise, effect + noise, p, limit, "", f"{FEW_RUNS} runs a side")


def _middle(peaks: Sequence[int]) -> float:
    ordered = sorted(peaks)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2

"""The smallest p-value that a test can attain, and how many values it needs to reach a level. Pure.

A test whose smallest p-value is above the level can never reject, so check before choosing one. All p-values are
two-sided and for values without ties; ties only make the smallest p-value larger.
"""

import math

from tlbench.statistics.finite import finite


def least_signed_rank(count: int) -> float:
    """The smallest p-value of `signed_rank` for `count` differences: all have the same sign, 2 of 2^n patterns.

    The same holds for `mcnemar` with `count` discordant examples.

    Raises:
        ValueError: there are no differences.
    """
    finite(count, "the number of differences")
    if count < 1:
        raise ValueError(f"{count} differences: at least one is needed")
    return min(1.0, 2 * 0.5**count)


def signed_rank_pairs(level: float, tests: int = 1) -> int:
    """The pairs (or discordant examples) that `signed_rank` (or `mcnemar`) needs to be able to reject.

    Holm's method compares the smallest of several p-values with level / tests.

    Raises:
        ValueError: unless 0 < level <= 1 and tests >= 1.
    """
    return next(count for count in range(1, _most(level, tests)) if least_signed_rank(count) < level / tests)


def _most(level: float, tests: int) -> int:
    """An upper bound on the values needed: each at least halves the smallest p-value."""
    finite([level, tests], "level and tests")
    if not 0 < level <= 1 or tests < 1:
        raise ValueError(f"a level of {level} over {tests} tests: it must lie between 0 and 1, and a test is needed")
    return 4 + math.ceil(math.log2(tests / level))

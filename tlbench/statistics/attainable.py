"""What a test can say at best: the smallest p-value it can give, and how many values a level takes. Pure.

A test that cannot fall below the level it is held against is not a strict test but none; ask here before choosing one.
All p-values are two-sided and of values without ties; ties can only make the smallest p-value larger.
"""

import math

from tlbench.statistics.finite import finite


def least_signed_rank(count: int) -> float:
    """The p-value of `signed_rank` where all of `count` differences have one sign: 2 of 2^n patterns of signs.

    That of `mcnemar` too, where `count` is that of the discordant examples.
    Raises ValueError without differences.
    """
    finite(count, "the number of differences")
    if count < 1:
        raise ValueError(f"{count} differences: at least one is needed")
    return min(1.0, 2 * 0.5**count)


def signed_rank_pairs(level: float, tests: int = 1) -> int:
    """Pairs, or discordant examples, with which `signed_rank` or `mcnemar` can fall below `level` as one of `tests`.

    Holm holds the smallest p-value against level / tests.

    Raises ValueError unless 0 < level <= 1 and tests >= 1.
    """
    return next(count for count in range(1, _most(level, tests)) if least_signed_rank(count) < level / tests)


def _most(level: float, tests: int) -> int:
    """More values than any test here takes: each halves the smallest p-value, at least."""
    finite([level, tests], "level and tests")
    if not 0 < level <= 1 or tests < 1:
        raise ValueError(f"a level of {level} over {tests} tests: it must lie between 0 and 1, and a test is needed")
    return 4 + math.ceil(math.log2(tests / level))

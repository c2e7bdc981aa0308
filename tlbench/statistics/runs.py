"""Compare a cell's number between two sides with one or several runs each, at different times. Pure."""

from collections.abc import Sequence

from tlbench.statistics.finite import Numbers, finite
from tlbench.statistics.moderated import Spread, difference, shrunk, spread, together
from tlbench.statistics.ranks import Shift

Values = Sequence[float] | Numbers


def of_runs(cells: Sequence[tuple[Values, Values]], known: Spread) -> list[Shift]:
    """The difference of the means, new minus base, of each cell by a moderated t-test.

    With one run per side only the known variance counts. With several, a cell's own variance is combined with it by
    degrees of freedom, so that every run adds power; a rank test of four runs against four could not get below 0.0286.
    If all cells together vary more than the known variance, their pooled variance replaces it, but not its degrees of
    freedom, because cells of one run share the machine's state and are not independent.

    Args:
        cells: base and new of each cell, with one value per run: the logarithm of a time or of memory.
        known: the variance of such values between runs of identical code, with its degrees of freedom.

    Raises:
        ValueError: a value is not finite, or a side of a cell has none.
    """
    sides = [(finite(base, "base runs"), finite(new, "new runs")) for base, new in cells]
    own = [together([spread(base), spread(new)]) for base, new in sides]
    prior = Spread(max(known.variance, together(own).variance), known.freedom)
    shifts = []
    for (base, new), seen in zip(sides, own, strict=True):
        likely = shrunk(seen, prior)
        of_difference = Spread(likely.variance * (1 / len(base) + 1 / len(new)), likely.freedom)
        shifts.append(difference(float(base.mean()), float(new.mean()), of_difference))
    return shifts

"""Several runs a side, at different times: has a cell's number changed? Pure."""

from collections.abc import Sequence

from tlbench.statistics.finite import Numbers, finite
from tlbench.statistics.moderated import Spread, difference, shrunk, spread, together
from tlbench.statistics.ranks import Shift

Values = Sequence[float] | Numbers


def of_runs(cells: Sequence[tuple[Values, Values]], known: Spread) -> list[Shift]:
    """For each cell, given as (base, new) with one value a run, how far the mean of new lies above that of base.

    Values are logarithms of times or of memory. `known`: the variance of such a value between runs of identical code,
    with the degrees of freedom it was measured with. One run a side is judged by it alone. With several, a cell's own
    variance joins it by its degrees of freedom (the moderated t-test), so that each run adds to what can be seen and
    none takes away, as a rank test of few runs does (four against four cannot fall below 0.0286). Where the suite's
    cells, all together, vary more than `known`, their pooled variance takes its place, but not its degrees of freedom:
    cells of one run share the machine's hour and are not independent witnesses of its spread.
    Raises ValueError where a value is not finite or a side of a cell has none.
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

"""Correction for multiple tests. Pure."""

from collections.abc import Sequence

from tlbench.statistics.finite import finite


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted by Holm's method, in the order given: comparing each with 5 % limits any false alarm to 5 %.

    Source: S. Holm, A Simple Sequentially Rejective Multiple Test Procedure, Scandinavian Journal of Statistics 6
    (1979), 65-70. Equals statsmodels' multipletests(method="holm").

    Raises:
        ValueError: a p-value is not finite.
    """
    finite(p_values, "p-values")
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted

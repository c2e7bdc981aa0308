"""Student's quantiles, beside an independent calculation with fifty digits."""

import math

import pytest

from tlbench.statistics.student import quantile

# mpmath 1.4.1, 50 digits: the root of the regularised incomplete beta function.
KNOWN = [
    (1, 0.975, 12.706204736174694),
    (3, 0.975, 3.1824463052837086),
    (4, 0.99, 3.746947387979196),
    (10, 0.975, 2.2281388519862744),
    (100, 0.975, 1.9839715185235518),
]


@pytest.mark.parametrize(("freedom", "probability", "value"), KNOWN)
def test_all_digits_are_right_with_every_version_of_scipy(freedom: float, probability: float, value: float) -> None:
    assert quantile(freedom, probability) == pytest.approx(value, rel=1e-15)
    assert quantile(freedom, 1 - probability) == pytest.approx(-value, rel=4e-14)  # 1 - 0.975 is not 0.025


def test_without_limit_it_is_the_normal_distribution_s() -> None:
    assert quantile(math.inf, 0.975) == pytest.approx(1.959963984540054, rel=1e-15)
    assert quantile(1e12, 0.975) == pytest.approx(1.959963984542426, rel=1e-14)
    assert quantile(7, 0.5) == pytest.approx(0, abs=1e-15)


def test_far_out_it_stays_exact() -> None:
    """The density is tiny there: the step is taken on the smaller tail."""
    assert quantile(5, 1 - 1e-9) == pytest.approx(-quantile(5, 1e-9), rel=1e-7)
    assert math.isinf(quantile(5, 1.0))

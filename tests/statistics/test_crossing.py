"""From which size on: by hand, against numpy's interpolation, and what cannot be said."""

import math

import numpy as np
import pytest

from tlbench.statistics.crossing import Crossing, crossing


def exact(differences: list[float]) -> list[tuple[float, float]]:
    return [(value, value) for value in differences]


def test_between_two_sizes_it_is_a_line_over_their_logarithms() -> None:
    differences = [-0.02, -0.01, 0.03]
    found = crossing([10, 30, 100], differences, exact(differences))
    expected = math.exp(np.interp(0.0, differences[1:], np.log([30, 100])))
    assert found == Crossing(pytest.approx(expected), pytest.approx(expected), pytest.approx(expected))  # type: ignore[arg-type]
    assert expected == pytest.approx(30 * (100 / 30) ** 0.25)


@pytest.mark.parametrize(
    ("differences", "size"),
    [
        ([0.01, 0.02, 0.03], 0.0),
        ([-0.01, -0.02, -0.03], math.inf),
        ([0.02, 0.02, -0.01], math.inf),  # above at first is not above to stay
        ([0.01, -0.01, 0.01], 30 * (100 / 30) ** 0.5),
        ([0.01, 0.0, 0.01], 30.0),  # as good is not above
        ([0.0, 0.0, 0.0], math.inf),
    ],
)
def test_it_is_the_size_from_which_it_stays(differences: list[float], size: float) -> None:
    assert crossing([10, 30, 100], differences, exact(differences)).size == pytest.approx(size)


def test_the_interval_is_that_of_a_line_with_one_uncertain_end() -> None:
    """One end exact, the other normal: the quantiles of the crossing are those of the end."""
    found = crossing([10, 1000], [-0.02, 0.04], [(-0.02, -0.02), (0.02, 0.06)])

    def at(right: float) -> float:
        return math.exp(math.log(10) + 0.02 / (0.02 + right) * math.log(100))

    assert found.low == pytest.approx(at(0.06), rel=0.02)
    assert found.high == pytest.approx(at(0.02), rel=0.03)


def test_wide_intervals_exclude_nothing() -> None:
    found = crossing([10, 100], [-0.001, 0.001], [(-0.1, 0.1), (-0.1, 0.1)])
    assert (found.low, found.high, found.unknown) == (0.0, math.inf, True)
    sure = crossing([10, 100], [-0.05, 0.05], [(-0.06, -0.04), (0.04, 0.06)])
    assert 10 < sure.low < sure.size < sure.high < 100


def test_intervals_cover_the_true_crossing() -> None:
    """Noise of one point at four sizes, a difference that crosses at 55: 95 of 100 intervals contain it."""
    sizes = np.array([10.0, 30.0, 100.0, 250.0])
    truth, draw = 0.03 * np.log(sizes / 55), np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        seen = truth + 0.01 * draw.standard_normal(4)
        found = crossing(sizes.tolist(), seen.tolist(), [(x - 0.0196, x + 0.0196) for x in seen])
        covered += found.low <= 55 <= found.high
    assert covered >= 180


@pytest.mark.parametrize(
    ("sizes", "differences"), [([10], [0.1]), ([10, 10], [0.1, 0.1]), ([0, 10], [0.1, 0.1]), ([10, 20], [0.1])]
)
def test_what_is_no_curve_is_refused(sizes: list[float], differences: list[float]) -> None:
    with pytest.raises(ValueError, match="two or more, rising"):
        crossing(sizes, differences, exact(differences))

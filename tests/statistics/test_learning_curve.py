"""Start, slope and asymptote: by hand, and against numpy."""

import numpy as np
import pytest

from tlbench.statistics.learning_curve import LearningCurve, flat, of_epochs


def test_a_line_that_levels_off_by_hand() -> None:
    """From 0.1 by 0.1 an epoch to 0.5: nine tenths of the way are 0.46, gone after 3.6 epochs."""
    found = of_epochs([0.1, 0.2, 0.3, 0.4, 0.5, 0.5, 0.5, 0.4])
    assert (found.start, found.asymptote, found.rising) == (0.1, pytest.approx(0.5), False)
    assert found.slope == pytest.approx(0.36 / 3.6)


def test_a_step_is_as_steep_as_an_epoch_can_show() -> None:
    found = of_epochs([0.2, 0.8, 0.8, 0.8, 0.7, 0.7])
    assert found.slope == pytest.approx(0.6)
    assert found.asymptote == pytest.approx(0.8)


def test_the_asymptote_is_the_best_three_epochs_and_not_the_luckiest_one() -> None:
    curve = [0.1, 0.9, 0.3, 0.5, 0.6, 0.55, 0.4]
    found = of_epochs(curve)
    assert found.asymptote == pytest.approx(max(np.mean(curve[i : i + 3]) for i in range(5)))
    assert found.asymptote < 0.61


def test_a_curve_that_falls_or_stays_has_no_slope() -> None:
    assert of_epochs([0.9, 0.8, 0.8, 0.8, 0.8, 0.8]).slope == 0.0
    assert of_epochs([0.5] * 6).slope == 0.0
    assert not of_epochs([0.5] * 6).rising


def test_a_curve_whose_last_epochs_are_its_best_may_go_higher() -> None:
    assert of_epochs([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]).rising
    assert not of_epochs([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.3]).rising


@pytest.mark.parametrize(
    "curve", [[0.8, 1, 1, 1, 1, 1], [0.2, 0.8, 0.9, 0.9, 0.9, 0.9], [0.1, 0.7, 0.3, 0.5, 0.6, 0.4, 0.4]]
)
def test_a_curve_that_has_come_to_its_plateau_is_not_rising(curve: list[float]) -> None:
    assert not of_epochs(curve).rising


@pytest.mark.parametrize("rate", [0.1, 0.3, 1.0])
def test_an_exponential_reaches_nine_tenths_where_its_rate_says(rate: float) -> None:
    epochs = np.arange(1, 200)
    found = of_epochs((0.8 - 0.6 * np.exp(-rate * (epochs - 1))).tolist())
    assert found.asymptote == pytest.approx(0.8, abs=1e-3)
    assert found.slope == pytest.approx(0.54 * rate / np.log(10), rel=0.05)


def test_too_few_epochs_and_numbers_that_are_none() -> None:
    with pytest.raises(ValueError, match="5 epochs: at least 6"):
        of_epochs([0.1] * 5)
    with pytest.raises(ValueError, match="must be finite"):
        of_epochs([0.1] * 6 + [float("nan")])


def test_what_is_not_trained_by_epochs_has_no_slope() -> None:
    assert flat(0.8) == LearningCurve(0.8, None, 0.8, False)

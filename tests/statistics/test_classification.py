"""Measures of a classifier against examples worked by hand and against scipy."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import f1_score

from tlbench.statistics.classification import confusion, expected_calibration_error, macro_f1, mcnemar, top_k

PROBABILITIES = np.array([[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.2, 0.7, 0.1], [0.1, 0.1, 0.8], [0.5, 0.3, 0.2]])
LABELS = np.array([0, 1, 0, 2, 1])


def test_confusion_has_true_classes_in_rows() -> None:
    assert confusion(PROBABILITIES, LABELS).tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 1]]


def test_macro_f1_by_hand() -> None:
    # Classes 0 and 1: precision 1/2, recall 1/2; class 2: 1 and 1.
    assert macro_f1(confusion(PROBABILITIES, LABELS)) == pytest.approx((0.5 + 0.5 + 1) / 3)


def test_a_class_never_predicted_counts_zero() -> None:
    always_first = np.array([[1.0, 0.0]] * 4)
    assert macro_f1(confusion(always_first, np.array([0, 0, 1, 1]))) == pytest.approx((2 / 3 + 0) / 2)


@pytest.mark.parametrize("predicted", [[0, 0, 0, 1], [0, 0, 2, 1], [0, 0, 0, 0]])
def test_classes_that_do_not_occur_count_as_in_scikit_learn(predicted: list[int]) -> None:
    """One of four classes neither occurs nor is predicted, another one may be predicted all the same."""
    true = np.array([0, 0, 0, 1])
    matrix = confusion(np.eye(4)[predicted], true)
    assert macro_f1(matrix) == pytest.approx(f1_score(true, predicted, average="macro", zero_division=0))


def test_without_examples_f1_is_zero() -> None:
    assert macro_f1(np.zeros((3, 3), int)) == 0.0


def test_top_k() -> None:
    assert [top_k(PROBABILITIES, LABELS, k) for k in (1, 2, 3)] == pytest.approx([0.6, 1.0, 1.0])


@pytest.mark.parametrize("k", [1, 2, 5, 9])
def test_top_k_is_that_of_all_classes_in_order_where_many_are_equally_probable(k: int) -> None:
    draw = np.random.default_rng(k)
    probabilities, labels = draw.integers(0, 4, (300, 9)).astype(np.float32) / 4, draw.integers(0, 9, 300)
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    assert top_k(probabilities, labels, k) == (order == labels[:, None]).any(axis=1).mean()


def test_calibration_error_by_hand() -> None:
    # Two bins, (0, 0.5] and (0.5, 1]: the first holds 0.5 (wrong), the second 0.8, 0.6, 0.7, 0.8 (three right).
    assert expected_calibration_error(PROBABILITIES, LABELS, bins=2) == pytest.approx(
        1 / 5 * abs(0 - 0.5) + 4 / 5 * abs(3 / 4 - 2.9 / 4)
    )


def test_a_calibrated_classifier_has_almost_no_calibration_error_and_a_boastful_one_has() -> None:
    generator = np.random.default_rng(0)
    sure = generator.uniform(0.5, 1, 50_000)
    labels = (generator.uniform(size=50_000) > sure).astype(int)
    assert expected_calibration_error(np.stack([sure, 1 - sure], 1), labels) < 0.01
    boastful = np.stack([np.full(50_000, 0.99), np.full(50_000, 0.01)], 1)
    assert expected_calibration_error(boastful, labels) == pytest.approx(0.99 - 0.75, abs=0.01)


@given(st.integers(0, 200), st.integers(0, 200))
def test_mcnemar_equals_the_exact_binomial_test(first: int, second: int) -> None:
    expected = 1.0 if first + second == 0 else stats.binomtest(first, first + second).pvalue
    assert mcnemar(first, second) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("fewer", "trials"), [(0, 1), (3, 9), (500, 1000), (480, 1013)])
def test_mcnemar_is_to_the_bit_the_sum_of_binomial_coefficients(fewer: int, trials: int) -> None:
    tail = sum(math.comb(trials, k) for k in range(fewer + 1))
    assert mcnemar(trials - fewer, fewer) == min(1.0, 2 * tail / 2**trials)

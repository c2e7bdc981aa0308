"""Rank tests against scipy, and what their intervals promise."""

import itertools

import numpy as np
import pytest
from scipy import stats

from tlbench.statistics.paired import paired_interval, two_proportions
from tlbench.statistics.ranks import signed_rank


@pytest.mark.parametrize("count", [5, 12, 40, 150])
def test_signed_rank_equals_scipys_exact_test(count: int) -> None:
    values = np.random.default_rng(count).normal(0.2, 1, count)
    expected = stats.wilcoxon(values, method="exact").pvalue
    assert signed_rank(values.tolist()).p == pytest.approx(expected, rel=1e-9)


def test_many_pairs_take_the_normal_distribution() -> None:
    values = np.random.default_rng(1).normal(0.1, 1, 300)
    expected = stats.wilcoxon(values, method="approx", correction=False).pvalue
    assert signed_rank(values.tolist()).p == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("distinct", [10**9, 300, 2, 1])
def test_estimate_and_interval_of_many_pairs_are_those_that_sorting_all_averages_gives(distinct: int) -> None:
    """Hollander, Wolfe and Chicken (2014), (3.30) and (3.34)."""
    count = 501
    values = np.random.default_rng(2).integers(0, distinct, count) / 7
    averages = np.sort(np.add.outer(values, values)[np.tri(count, dtype=bool)] / 2)
    cut = int(count * (count + 1) / 4 - stats.norm.ppf(0.975) * (count * (count + 1) * (2 * count + 1) / 24) ** 0.5)
    found = signed_rank(values.tolist())
    expected = (np.median(averages), averages[cut - 1], averages[-cut])
    assert (found.estimate, found.low, found.high) == pytest.approx(expected, rel=1e-14)


def test_signed_rank_with_ties_counts_every_pattern_of_signs() -> None:
    values = [1, 1, -1, 2, 3, 3, -2]
    ranks = stats.rankdata(np.abs(values))
    seen = sum(rank for rank, value in zip(ranks, values, strict=True) if value > 0)
    middle = ranks.sum() / 2
    sums = [
        sum(rank for rank, sign in zip(ranks, signs, strict=True) if sign)
        for signs in itertools.product((0, 1), repeat=7)
    ]
    expected = np.mean([abs(one - middle) >= abs(seen - middle) for one in sums])
    assert signed_rank(values).p == pytest.approx(expected)


def test_zeros_say_nothing_and_no_differences_are_no_test() -> None:
    assert signed_rank([0.0, 0.0, 0.0]).p == 1.0
    assert signed_rank([0.0, 1, 2, 3, 4, 5]).p == signed_rank([1, 2, 3, 4, 5]).p
    with pytest.raises(ValueError, match="no differences"):
        signed_rank([])


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    generator = np.random.default_rng(0)
    paired = [signed_rank(generator.normal(0, 1, 15).tolist()) for _ in range(1000)]
    assert (
        np.mean([one.low is not None and one.high is not None and one.low <= 0 <= one.high for one in paired]) >= 0.93
    )


def test_too_few_values_have_no_interval() -> None:
    assert signed_rank([1.0, 2.0, 3.0]).low is None


def test_two_proportions_equal_the_pooled_score_test_and_newcombes_example() -> None:
    low, high, p = two_proportions((48, 80), (56, 70))
    # R. G. Newcombe (1998), table II, row (a) of method 10: 56/70 less 48/80 is 0.2 (0.0524 to 0.3339).
    assert (low, high) == (pytest.approx(0.0524, abs=5e-4), pytest.approx(0.3339, abs=5e-4))
    table = [[48, 32], [56, 14]]
    assert p == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue)


def test_the_paired_interval_covers_a_known_loss() -> None:
    generator, covered = np.random.default_rng(3), 0
    for _ in range(1000):
        differences = generator.choice([-1, 0, 1], 400, p=[0.02, 0.93, 0.05])
        low, high = paired_interval(differences)
        covered += low <= 0.03 <= high
    assert 930 <= covered <= 980

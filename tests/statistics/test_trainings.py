"""The seed is the unit: differences of trainings against scipy's tests in the corners, and simulated suites between."""

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from tests.narrow import present
from tests.statistics.simulations import easy, equal_recipes, rate, suites_of_trainings, trained
from tlbench.statistics.moderated import Spread, common, difference, of_sum, shrunk, spread
from tlbench.statistics.ranks import Shift
from tlbench.statistics.trainings import Images, Trainings, both, compare, of_accuracies, of_answers, without_seeds

SUITES = 1000


def test_one_seed_a_side_is_shown_and_never_judged() -> None:
    sides = [of_accuracies([0.9], 1000), of_accuracies([0.5], 1000), of_accuracies([0.9, 0.8], 1000)]
    assert compare(sides, [(0, 1), (0, 2), (2, 1)], "fixed") == [None, None, None]


@pytest.mark.parametrize("seeds", [2, 3, 8])
def test_two_recipes_that_vary_alike_on_fixed_images_are_students_test(seeds: int) -> None:
    first = 0.8 + 0.01 * np.random.default_rng(seeds).normal(size=seeds)
    second = first[::-1] + 0.015
    shift = compare([of_accuracies(first.tolist(), 1000), of_accuracies(second.tolist(), 1000)], [(0, 1)], "fixed")[0]
    assert shift is not None
    assert shift.p == pytest.approx(stats.ttest_ind(first, second).pvalue)


def test_trainings_that_do_not_vary_leave_the_paired_test_of_images() -> None:
    draw = np.random.default_rng(0)
    first, second = (np.repeat(draw.random((500, 1)) < share, 3, axis=1) for share in (0.7, 0.8))
    shift = compare([of_answers(first), of_answers(second)], [(0, 1)])[0]
    expected = stats.ttest_rel(second[:, 0].astype(float), first[:, 0].astype(float))
    assert shift is not None
    assert shift.low == pytest.approx(expected.confidence_interval(0.95).low, abs=0.0005)
    assert shift.high == pytest.approx(expected.confidence_interval(0.95).high, abs=0.0005)
    assert shift.low < expected.confidence_interval(0.95).low  # three equal trainings do not prove that all are equal


def test_few_seeds_count_for_as_few_beside_many_images() -> None:
    """Satterthwaite would give 4 / (1 / 2 + 1 / 998) = 8 degrees of freedom, as if the images told of the seeds."""
    total = both(Spread(1.0, 2), Spread(1.0, 998))
    assert (total.variance, total.freedom) == pytest.approx((2, 2 / (1 / 2 + 1 / 998)))
    assert both(Spread(0.0, 2), Spread(0.0, 998)).variance == 0


def least(of: Trainings) -> float:
    """The variance of an accuracy if images are independent: from all pairs of trainings, and one disagreement more."""
    right = present(of.right)
    pairs = list(combinations(right.T, 2))
    disagreeing = sum(float((one != other).sum()) for one, other in pairs) / max(1, len(pairs))
    return (disagreeing + 1) / (len(right) + 2) / 2 / len(right)


def afresh(first: Trainings, second: Trainings, seeds: list[Spread]) -> tuple[float, float]:
    """Estimate and p-value of two that kept their answers, everything computed from the numbers 0 and 1."""
    a, b = (np.asarray(each.right, float) for each in (first, second))
    seen = float((b.mean(axis=1) - a.mean(axis=1)).var(ddof=1))
    noise = sum(float(side.var(axis=1, ddof=1).mean()) / side.shape[1] for side in (a, b) if side.shape[1] > 1)
    over_images = Spread(max(0.0, seen - noise) / len(a), len(a) - 1)
    shift = difference(
        float(first.accuracies.mean()), float(second.accuracies.mean()), both(of_sum(seeds), over_images)
    )
    return shift.estimate, shift.p


def test_what_is_computed_once_for_all_couples_is_what_each_couple_alone_would_give() -> None:
    draw = np.random.default_rng(3)
    recipes = [of_answers(draw.random((701, 3)) < share) for share in (0.7, 0.72, 0.75, 0.8)]
    head = draw.random((701, 1)) < 0.8
    recipes.append(without_seeds(of_answers(head.astype(int)), [0.79, 0.8, 0.82, 0.81]))
    own = [spread(each.accuracies) for each in recipes]
    of_one = [*(shrunk(one, common(own)) for one in own[:4]), present(recipes[4].resampled)]
    of_means = [
        Spread(max(one.variance, least(recipe)) / len(recipe.accuracies), one.freedom)
        for one, recipe in zip(of_one, recipes, strict=True)
    ]
    couples = list(combinations(range(5), 2))
    shifts = map(present, compare(recipes, couples))
    found = [(shift.estimate, shift.p) for shift in shifts]
    expected = [afresh(recipes[a], recipes[b], [of_means[a], of_means[b]]) for a, b in couples]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_equal_answers_differ_by_nothing() -> None:
    right = np.random.default_rng(0).random((200, 3)) < 0.8
    sides = [of_answers(right), of_answers(right.copy())]
    assert compare(sides, [(0, 1)], "fixed") == [Shift(0.0, 0.0, 0.0, 1.0)]
    on_other_images = present(compare(sides, [(0, 1)])[0])
    assert (on_other_images.estimate, on_other_images.p) == (0.0, 1.0)
    assert present(on_other_images.low) < 0 < present(on_other_images.high)


@pytest.mark.parametrize("images", ["fixed", "drawn"])
@pytest.mark.parametrize("correct", [(51, 49), (60, 58), (1, 0)])
def test_seeds_that_happen_to_be_equally_good_prove_nothing(correct: tuple[int, int], images: Images) -> None:
    """51 and 51 of 60 right against 49 and 49: p was 0, and the interval had no width."""

    def answers(number: int, seed: int) -> NDArray[np.bool_]:
        return np.stack([np.random.default_rng([seed, one]).permutation(60) < number for one in (0, 1)], axis=1)

    kept = [of_answers(answers(number, side)) for side, number in enumerate(correct)]
    counted = [of_accuracies(each.accuracies.tolist(), 60) for each in kept]
    for sides in (kept, counted):
        shift = present(compare(sides, [(0, 1)], images)[0])
        assert shift.p > 0.05
        assert present(shift.low) < 0 < present(shift.high)


def test_equally_good_trainings_with_tied_seeds_are_rarely_called_different() -> None:
    """60 images, two seeds a side, as a small suite has: before, more than 5 % had a p-value of 0."""
    found = []
    for draw in range(400):
        generator = np.random.default_rng([8, draw])
        right = trained(generator, np.broadcast_to(easy(generator, 1, 60), (2, 60)), 2, np.zeros(2))
        found.append(present(compare([of_answers(each) for each in right], [(0, 1)], "fixed")[0]).p < 0.05)
    assert rate(found).share <= 0.05


def test_a_lost_answer_file_widens_the_interval() -> None:
    generator = np.random.default_rng(0)
    right = trained(generator, np.broadcast_to(easy(generator, 1, 1000), (2, 1000)), 3, np.full(2, 0.01))
    kept = [of_answers(each) for each in right]
    counted = [of_accuracies(each.accuracies.tolist(), 1000) for each in kept]
    same, others, fixed = (
        compare(kept, [(0, 1)])[0],
        compare(counted, [(0, 1)])[0],
        compare(counted, [(0, 1)], "fixed")[0],
    )
    assert same is not None
    assert others is not None
    assert present(same.high) - present(same.low) < present(others.high) - present(others.low)
    assert present(fixed).p == pytest.approx(present(compare(kept, [(0, 1)], "fixed")[0]).p, rel=0.5)


def test_other_seeds_of_the_suite_tell_how_much_seeds_vary() -> None:
    draw = np.random.default_rng(5)
    pair = [of_accuracies([0.79, 0.80, 0.81], 1000), of_accuracies([0.84, 0.85, 0.86], 1000)]
    others = [of_accuracies((0.8 + 0.01 * draw.normal(size=3)).tolist(), 1000) for _ in range(46)]
    alone, among = compare(pair, [(0, 1)], "fixed")[0], compare([*pair, *others], [(0, 1)], "fixed")[0]
    assert alone is not None
    assert among is not None
    assert present(among.high) - present(among.low) < present(alone.high) - present(alone.low)


def test_the_same_images_are_needed() -> None:
    few, many = of_answers(np.eye(2)), of_answers(np.ones((3, 2)))
    with pytest.raises(ValueError, match="the same images"):
        compare([few, many], [(0, 1)])
    with pytest.raises(ValueError, match="the same images"):
        compare([of_accuracies([0.5, 0.6], 10), of_accuracies([0.5, 0.6], 20)], [(0, 1)], "fixed")
    assert compare([of_accuracies([0.5, 0.6], 10), of_accuracies([0.5, 0.6], 20)], [(0, 1)])[0] is not None


def test_a_solved_head_varies_as_its_resamples_do() -> None:
    """The variance of the difference by hand, its degrees of freedom after Welch and Satterthwaite."""
    seeds, resampled = np.array([0.84, 0.85, 0.87]), 0.8 + 0.01 * np.random.default_rng(0).normal(size=20)
    solved = without_seeds(of_accuracies([0.82], 500), resampled.tolist())
    (shift,) = compare([solved, of_accuracies(seeds.tolist(), 500)], [(0, 1)], "fixed")
    parts = np.array([resampled.var(ddof=1), seeds.var(ddof=1) / 3])
    freedom = parts.sum() ** 2 / (parts**2 / [19, 2]).sum()
    half = stats.t.ppf(0.975, freedom) * parts.sum() ** 0.5
    assert shift is not None
    assert shift.estimate == pytest.approx(seeds.mean() - 0.82)
    assert (shift.low, shift.high) == (pytest.approx(shift.estimate - half), pytest.approx(shift.estimate + half))
    assert shift.p == pytest.approx(2 * stats.t.sf(shift.estimate / parts.sum() ** 0.5, freedom))


def test_one_seed_beside_a_solved_head_is_not_judged_and_two_solved_heads_are() -> None:
    one, other = (without_seeds(of_accuracies([share], 500), [share - 0.01, share, share]) for share in (0.8, 0.9))
    assert compare([one, of_accuracies([0.9], 500)], [(0, 1)]) == [None]
    assert present(compare([one, other], [(0, 1)])[0]).p < 0.05


def test_answers_of_a_solved_head_and_of_seeds_are_paired() -> None:
    draw = np.random.default_rng(0)
    head = draw.random((500, 1)) < 0.8
    seeds = np.repeat(head | (draw.random((500, 1)) < 0.2), 3, axis=1)
    solved = without_seeds(of_answers(head), [float(head.mean())] * 20)
    (shift,) = compare([solved, of_answers(seeds)], [(0, 1)])
    expected = stats.ttest_rel(seeds[:, 0].astype(float), head[:, 0].astype(float))
    assert present(present(shift).low) == pytest.approx(expected.confidence_interval(0.95).low, abs=0.001)


def test_resamples_keep_the_level_where_both_sides_vary_alike_over_training_images() -> None:
    """Images of which each side's accuracy has the same variance, half of it shared; seeds vary beside."""
    alarms = 0
    for run in range(400):
        draw = np.random.default_rng(run)
        shared, own, other = 0.01 * np.sqrt(0.5) * draw.normal(size=3)
        head = 0.8 + shared + own
        solved = without_seeds(of_accuracies([head], 1000), (head + 0.01 * draw.normal(size=20)).tolist())
        seeds = of_accuracies((0.8 + shared + other + 0.005 * draw.normal(size=3)).tolist(), 1000)
        alarms += present(compare([solved, seeds], [(0, 1)], "fixed")[0]).p < 0.05
    assert alarms <= 400 * 0.05 + 2 * (400 * 0.05 * 0.95) ** 0.5


def test_resamples_stand_for_no_seeds_and_a_few_of_them() -> None:
    with pytest.raises(ValueError, match="2 trainings, 20 resamples"):
        without_seeds(of_accuracies([0.8, 0.9], 100), [0.8] * 20)
    with pytest.raises(ValueError, match="1 trainings, 1 resamples"):
        without_seeds(of_accuracies([0.8], 100), [0.8])


def test_what_is_no_accuracy_is_refused() -> None:
    calls: tuple[Callable[[], Trainings], ...] = (
        lambda: of_accuracies([], 10),
        lambda: of_accuracies([1.2], 10),
        lambda: of_answers([[2, 0]]),
        lambda: of_answers([1, 0]),
    )
    for call in calls:
        with pytest.raises(ValueError, match="are needed"):
            call()


def test_identical_cells_stay_below_the_level_at_the_spread_that_fooled_the_first_version() -> None:
    """18 of 60 suites were false alarms at 1.3 points."""
    assert suites_of_trainings(60, 0.013, 3)[0].hits <= 4


def test_large_losses_are_found_at_a_spread_of_one_point() -> None:
    assert suites_of_trainings(40, 0.01, 5, 4, losses=(0.05,))[1][0.05].hits >= 36


def test_two_trainings_of_one_recipe_are_not_better_than_each_other() -> None:
    seen = equal_recipes(100, 600, 0.013, 3)
    assert seen.two.low <= 0.05 < seen.mcnemar.low


@pytest.mark.slow
@pytest.mark.parametrize("factor", [1.0, 3.0])
@pytest.mark.parametrize("spread", [0.0, 0.005, 0.01, 0.015, 0.02])
@pytest.mark.parametrize(("cells", "seeds"), [(24, 3), (24, 5), (4, 3), (4, 5)])
def test_false_regressions_in_at_most_5_of_100_suites(cells: int, seeds: int, spread: float, factor: float) -> None:
    assert suites_of_trainings(SUITES, spread, seeds, cells, factor)[0].share <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize("alike", [True, False])
@pytest.mark.parametrize("images", [400, 600, 5000])
def test_equal_recipes_are_told_apart_at_the_stated_level(images: int, alike: bool) -> None:
    assert equal_recipes(2 * SUITES, images, 0.013, 3, alike=alike).two.low <= 0.05
    assert equal_recipes(SUITES, images, 0.013, 3, 6, alike).any.low <= 0.05

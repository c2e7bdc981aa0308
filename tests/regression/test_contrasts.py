"""Recipes on the same images by all their seeds; two trained models by McNemar; adjusted for many."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from scipy.stats import binomtest

from tests import builders
from tlbench.core.cell import Named
from tlbench.regression.contrasts import Recipe, best_against_rest, contrast, recipes
from tlbench.results.record import Record
from tlbench.statistics.multiple import holm


def cell(seed: int, correct: int = 0, fingerprint: str = "f", strategy: str = "frozen") -> Record:
    data = builders.data().model_copy(update={"fingerprint": fingerprint * 64})
    of = builders.cell(seed=seed, strategy=Named(name=strategy))
    return builders.record(of, data=data, accuracy=builders.accuracy(correct))


def one(*records: Record) -> list[Recipe]:
    return [Recipe((record,)) for record in records]


def test_of_one_seed_only_images_on_which_two_models_disagree_count() -> None:
    first, second = cell(0), cell(1)
    right = {
        first.cell_id: np.array([True] * 80 + [True] * 12 + [False] * 3 + [False] * 5),
        second.cell_id: np.array([True] * 80 + [False] * 12 + [True] * 3 + [False] * 5),
    }
    a, b = one(first, second)
    (found,) = contrast([(a, b)], [a, b], right)
    assert (found.only_first, found.only_second) == (12, 3)
    assert found.difference == pytest.approx(0.09)
    assert found.p == pytest.approx(binomtest(3, 15).pvalue)
    assert (found.of_models, found.verdict) == (True, "first model is better")


def test_one_model_against_several_that_lie_on_both_sides_of_it_does_not_depend_on_the_order() -> None:
    drawn = np.random.default_rng(0)
    for _ in range(300):
        several, alone = [cell(seed, strategy="full") for seed in range(3)], cell(0)
        right = {record.cell_id: drawn.random(12) < 0.6 for record in (*several, alone)}
        one_side, other = Recipe((alone,)), Recipe(tuple(several))
        (found,) = contrast([(other, one_side)], [other, one_side], right)
        (turned,) = contrast([(one_side, other)], [other, one_side], right)
        backwards = Recipe(tuple(several[::-1]))
        (again,) = contrast([(backwards, one_side)], [backwards, one_side], right)
        assert (turned.difference, turned.p, turned.only_first) == (-found.difference, found.p, found.only_second)
        assert (again.difference, again.p, again.only_first) == (found.difference, found.p, found.only_first)


@pytest.mark.parametrize("order", [(150, 190), (190, 150)])
def test_a_model_is_compared_with_the_seed_that_is_least_clearly_different_and_shows_its_numbers(
    order: tuple[int, int],
) -> None:
    several = [cell(seed, correct, strategy="full") for seed, correct in enumerate(order)]
    alone = cell(0, 155)
    right = {
        record.cell_id: np.arange(200) < record.accuracy.correct for record in (*several, alone) if record.accuracy
    }
    (found,) = best_against_rest(recipes([*several, alone]), right)
    assert found.of_models
    assert (found.first.top1, found.second.top1) == (0.75, 0.775)
    assert found.difference == pytest.approx(found.first.top1 - found.second.top1)
    assert (found.only_first, found.only_second, found.verdict) == (0, 5, "not to be told apart")


def test_a_model_between_the_seeds_of_a_recipe_is_neither_better_nor_worse() -> None:
    """Each seed alone would be told apart from it, one upwards and one downwards."""
    several = [cell(seed, correct, strategy="full") for seed, correct in enumerate((110, 190))]
    alone = cell(0, 155)
    right = {
        record.cell_id: np.arange(200) < record.accuracy.correct for record in (*several, alone) if record.accuracy
    }
    one_by_one = [contrast([(a, b)], [a, b], right)[0].p for a, b in (one(seed, alone) for seed in several)]
    assert max(one_by_one) < 1e-6
    (found,) = best_against_rest(recipes([*several, alone]), right)
    assert (found.p, found.verdict) == (1.0, "not to be told apart")


def trained(
    names: Sequence[str], shares: Sequence[float], seeds: int, spread: float, draw: int
) -> tuple[list[Recipe], Mapping[str, np.ndarray]]:
    """Recipes trained with each seed on 600 images; the luck of a training moves its whole accuracy by `spread`."""
    generator = np.random.default_rng(draw)
    records, right = [], {}
    for name, share in zip(names, shares, strict=True):
        for seed in range(seeds):
            answers = generator.random(600) < share + generator.normal(0, spread)
            record = cell(seed, int(answers.sum()), strategy=name)
            records.append(record)
            right[record.cell_id] = answers
    return recipes(records), right


def test_seeds_of_a_recipe_are_grouped_and_a_real_difference_is_found() -> None:
    tested, right = trained(["frozen", "full"], [0.8, 0.9], seeds=4, spread=0.01, draw=0)
    (found,) = best_against_rest(tested, right)
    assert [len(found.first.records), len(found.second.records)] == [4, 4]
    assert (found.first.cell.strategy.name, found.of_models, found.verdict) == ("full", False, "first recipe is better")
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.difference < found.high
    first, second = ([right[record.cell_id].mean() for record in each.records] for each in (found.first, found.second))
    assert found.difference == pytest.approx(np.mean(first) - np.mean(second))


def test_the_luck_of_trainings_is_not_taken_for_a_better_recipe() -> None:
    """Equal recipes whose seeds spread by 3 points: McNemar's test of one seed tells them apart all the time."""
    alarms = {1: 0, 3: 0}
    for draw in range(100):
        for seeds in alarms:
            tested, right = trained(["frozen", "full"], [0.85, 0.85], seeds, spread=0.03, draw=draw)
            alarms[seeds] += best_against_rest(tested, right)[0].adjusted < 0.05
    assert alarms[1] > 25
    assert alarms[3] <= 10


def test_the_best_of_each_data_set_is_tested_against_its_others() -> None:
    records = [cell(0, 180, strategy="a"), cell(0, 190, strategy="b"), cell(0, 150, strategy="c")]
    records += [cell(0, 100, "e", "d"), cell(0, 110, "e", "f")]
    right = {record.cell_id: np.arange(200) < record.accuracy.correct for record in records if record.accuracy}
    found = best_against_rest(recipes(records), right)
    names = [(each.first.cell.strategy.name, each.second.cell.strategy.name) for each in found]
    assert names == [("b", "a"), ("b", "c"), ("f", "d")]
    assert found[0].p == pytest.approx(2 / 2**10)
    assert found[0].adjusted == pytest.approx(2 * 2 / 2**10)  # Holm over all four pairs, of which two are clearer


def test_recipes_that_saw_other_images_are_refused() -> None:
    a, b = one(cell(0), cell(1, fingerprint="e"))
    with pytest.raises(ValueError, match="tested on different images"):
        contrast([(a, b)], [a, b], {})


# Computed by hand: sorted 0.01, 0.02, 0.03, 0.04 times 4, 3, 2, 1, then never falling.
def test_holm_by_hand() -> None:
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_holm_keeps_false_alarms_at_five_percent() -> None:
    generator = np.random.default_rng(0)
    alarms = sum(min(holm(list(generator.uniform(size=24)))) < 0.05 for _ in range(2000))
    assert alarms <= 0.05 * 2000 + 3 * (0.05 * 0.95 * 2000) ** 0.5

"""Which recipe leads, which may be as good, within which limits."""

import math

import numpy as np
import pytest

from tests import builders
from tlbench.core.cell import Named
from tlbench.regression.best import Contest, Limited, Pick, contest
from tlbench.regression.contrasts import Recipe, Right, best_against_rest
from tlbench.results.record import Record

IMAGES = 200


def trained(strategy: str, correct: int, seed: int = 0, fingerprint: str = "f") -> Record:
    data = builders.data().model_copy(update={"fingerprint": fingerprint})
    of = builders.cell(strategy=Named(name=strategy), seed=seed)
    return builders.record(of, data=data, accuracy=builders.accuracy(correct, IMAGES))


def of(corrects: list[int], costs: list[tuple[float, ...]]) -> Contest:
    recipes = [Recipe((trained(f"s{number}", correct),)) for number, correct in enumerate(corrects)]
    return contest(recipes, costs, nested)


def nested(record: Record) -> Right:
    """The first images are those that are right, so that a better one has all right that a worse one has."""
    assert record.accuracy is not None
    right: Right = np.arange(IMAGES) < record.accuracy.correct
    return right


def names(found: Contest) -> list[str]:
    return [one.recipe.cell.strategy.name for one in found.contenders]


def within(found: Contest, limits: list[float | None]) -> Pick | None:
    """Who leads among those whose costs are within `limits`, one a cost, None for no limit."""
    return found.pick(
        [
            place
            for place, contender in enumerate(found.contenders)
            if all(limit is None or cost <= limit for cost, limit in zip(contender.costs, limits, strict=True))
        ]
    )


def test_the_highest_leads_and_what_it_clearly_beats_is_no_rival() -> None:
    # Answers are nested, so that 5 images that only the leader has right are p = 1/32 > 0.05/3, and 8 are 1/256.
    found = of([182, 190, 185, 150], [(1.0,), (1.0,), (1.0,), (1.0,)])
    assert names(found) == ["s1", "s2", "s0", "s3"]
    pick = found.pick()
    assert pick is not None
    assert (pick.leader, pick.rivals) == (0, (1,))
    assert found.of_models
    assert found.paired


def test_a_model_beats_only_what_pairs_tells_from_it() -> None:
    """Of six, 7 images that only the leader has right are p = 0.0078 one-sided, below 0.05/5, and 0.078 after Holm."""
    corrects = [190, 183, 183, 183, 183, 183]
    tested = [Recipe((trained(f"s{number}", correct),)) for number, correct in enumerate(corrects)]
    found = contest(tested, [(1.0,)] * 6, nested)
    assert found.beaten[0] == frozenset()
    contrasts = best_against_rest(tested, {each.records[0].cell_id: nested(each.records[0]) for each in tested})
    assert {each.verdict for each in contrasts} == {"not to be told apart"}
    many = contest([tested[0], *(Recipe((trained(f"t{n}", 178),)) for n in range(5))], [(1.0,)] * 6, nested)
    assert len(many.beaten[0]) == 5
    assert not contest(many_of(many), [(1.0,)] * 6, nested, elsewhere=2000).beaten[0]


def many_of(found: Contest) -> list[Recipe]:
    return [one.recipe for one in found.contenders]


def test_within_limits_another_leads_with_rivals_of_its_own() -> None:
    found = of([190, 188, 170, 140], [(9.0, 1.0), (5.0, 1.0), (1.0, 1.0), (1.0, 2.0)])
    pick = within(found, [6.0, None])
    assert pick is not None
    assert (pick.leader, pick.rivals) == (1, ())
    small = within(found, [1.0, 2.0])
    assert small is not None
    assert (small.leader, small.rivals) == (2, ())
    assert within(found, [0.5, None]) is None
    assert within(found, [None, None]) == found.pick()


def test_a_cost_that_is_not_known_is_within_no_limit() -> None:
    found = of([190, 180], [(math.inf,), (3.0,)])
    pick = within(found, [100.0])
    assert pick is not None
    assert pick.leader == 1


def test_of_equal_ones_the_cheaper_leads() -> None:
    found = of([180, 180, 180], [(3.0,), (1.0,), (2.0,)])
    assert names(found) == ["s1", "s2", "s0"]
    assert within(found, [2.0]) == found.pick([0, 1])


def test_whoever_leads_within_any_limits_has_been_compared() -> None:
    draw = np.random.default_rng(0)
    corrects = draw.integers(150, 199, 30).tolist()
    costs = [tuple(row) for row in draw.integers(1, 6, (30, 3)).astype(float)]
    found = of(corrects, costs)
    for limits in draw.integers(1, 7, (200, 3)).astype(float):
        pick = within(found, limits.tolist())
        assert pick is None or pick.leader in found.beaten


def test_who_leads_within_each_limit_on_one_cost_is_picked_where_another_one_does() -> None:
    """Against all limits, one after the other."""
    draw = np.random.default_rng(1)
    costs = np.where(draw.random((60, 2)) < 0.1, math.inf, draw.integers(1, 25, (60, 2)))
    found = of(draw.integers(120, 199, 60).tolist(), [tuple(row) for row in costs.tolist()])
    for cost in (0, 1):
        expected: list[Limited] = []
        for limit in sorted({one.costs[cost] for one in found.contenders} - {math.inf}):
            pick = within(found, [limit if cost == at else None for at in (0, 1)])
            assert pick is not None
            if not expected or expected[-1].pick.leader != pick.leader:
                expected.append(Limited(limit, sum(one.costs[cost] <= limit for one in found.contenders), pick))
        assert list(found.leaders(cost)) == expected
        assert len(expected) > 2


def test_seeds_make_recipes_of_models_and_lost_answers_are_told() -> None:
    groups = [
        Recipe(tuple(trained(name, correct + seed, seed) for seed in range(3)))
        for name, correct in (("a", 190), ("b", 120))
    ]
    found = contest(groups, [(1.0,), (1.0,)], lambda _: None)
    pick = found.pick()
    assert pick is not None
    assert pick.rivals == ()
    assert not found.of_models
    assert not found.paired


def test_other_images_are_another_contest() -> None:
    mixed = [Recipe((trained("a", 180),)), Recipe((trained("b", 180, fingerprint="g"),))]
    with pytest.raises(ValueError, match="same images"):
        contest(mixed, [(1.0,), (1.0,)], lambda _: None)

"""What a budget is spent on: exact, with accuracies and costs that a test makes up."""

import math
import random
from collections.abc import Mapping, Sequence

from tests import builders
from tlbench.core.cell import Cell, Named
from tlbench.costs.budget import WORST, State, contenders, next_rung

COST = {"frozen": 1.0, "partial": 4.0, "full": 10.0}


def matrix(backbones: int, strategies: Sequence[str] = tuple(COST), seeds: Sequence[int] = (0,)) -> list[Cell]:
    return [
        builders.cell(
            backbone=Named(name="MobileNet", args={"alpha": number}), strategy=Named(name=strategy), seed=seed
        )
        for number in range(backbones)
        for strategy in strategies
        for seed in seeds
    ]


def costs(cells: Sequence[Cell]) -> dict[str, float]:
    """A backbone of a higher number is dearer."""
    return {cell.id: COST[cell.strategy.name] * (1 + 0.1 * number(cell)) for cell in cells}


def number(cell: Cell) -> int:
    return int(str(cell.backbone.args["alpha"]))


def names(cells: Sequence[Cell]) -> list[str]:
    return [f"{number(cell)} {cell.strategy.name} {cell.seed}" for cell in cells]


def spend(cells: Sequence[Cell], truth: Mapping[str, float], budget: float) -> tuple[list[str], float]:
    """Run rung after rung: what was run in this order, and what it took."""
    seconds, scores = costs(cells), dict[str, float]()
    order, spent = list[str](), 0.0
    while rung := next_rung(cells, State(scores, seconds), budget - spent):
        assert not scores.keys() & {cell.id for cell in rung.cells}
        for cell in rung.cells:
            spent += seconds[cell.id]
            scores[cell.id] = truth[cell.id]
        order += names(rung.cells)
    return order, spent


def test_the_cheapest_recipe_of_every_backbone_comes_first_the_cheapest_backbone_first() -> None:
    cells = matrix(4)
    rung = next_rung(list(reversed(cells)), State({}, costs(cells)), 100.0)
    assert rung is not None
    assert rung.number == 0
    assert names(rung.cells) == ["0 frozen 0", "1 frozen 0", "2 frozen 0", "3 frozen 0"]


def test_the_better_half_goes_on_to_dearer_recipes_the_best_first() -> None:
    cells = matrix(4)
    frozen = {cell.id: 0.5 + 0.1 * number(cell) for cell in cells if cell.strategy.name == "frozen"}
    rung = next_rung(cells, State(frozen, costs(cells)), 100.0)
    assert rung is not None
    assert rung.number == 1
    assert names(rung.cells) == ["3 partial 0", "3 full 0", "2 partial 0", "2 full 0"]


def test_further_seeds_come_after_all_recipes_and_only_for_what_is_best() -> None:
    cells = matrix(4, seeds=(0, 1))
    truth = {cell.id: 0.5 + 0.1 * number(cell) for cell in cells}
    order, _ = spend(cells, truth, budget=47.0)
    assert order[:8] == [*(f"{one} frozen 0" for one in range(4)), "3 partial 0", "3 full 0", "2 partial 0", "2 full 0"]
    assert order[8:10] == ["3 frozen 1", "3 partial 1"]


def test_a_cell_that_does_not_fit_leaves_its_room_to_cheaper_ones() -> None:
    cells = matrix(2)
    frozen = {cell.id: 0.5 + 0.1 * number(cell) for cell in cells if cell.strategy.name == "frozen"}
    rung = next_rung(cells, State(frozen, costs(cells)), 5.0)
    assert rung is not None
    assert names(rung.cells) == ["1 partial 0"]  # 4.4 s; full takes 11
    assert next_rung(cells, State(frozen, costs(cells)), 3.9) is None


def test_a_budget_without_end_runs_every_cell_once() -> None:
    cells = matrix(5, seeds=(0, 1, 2))
    truth = {cell.id: random.Random(cell.id).random() for cell in cells}
    order, spent = spend(cells, truth, math.inf)
    assert sorted(order) == sorted(names(cells))
    assert spent == sum(costs(cells).values())


def test_a_budget_is_never_overspent_by_prediction_and_the_same_twice() -> None:
    cells = matrix(6, seeds=(0, 1))
    for budget in (0.5, 3.0, 17.0, 60.0):
        truth = {cell.id: random.Random(f"{budget}{cell.id}").random() for cell in cells}
        order, spent = spend(cells, truth, budget)
        assert spent <= budget
        assert spend(cells, truth, budget) == (order, spent)


def test_a_backbone_of_which_nothing_worked_is_not_gone_on_with() -> None:
    cells = matrix(2)
    scores = {cell.id: WORST if number(cell) else 0.6 for cell in cells if cell.strategy.name == "frozen"}
    rung = next_rung(cells, State(scores, costs(cells)), 100.0)
    assert rung is not None
    assert {number(cell) for cell in rung.cells} == {0}


def test_what_few_images_cannot_tell_apart_is_not_dropped() -> None:
    cells = matrix(4, ("frozen", "full"))
    heads = [cell for cell in cells if cell.strategy.name == "frozen"]
    scores = {cell.id: score for cell, score in zip(heads, (0.84, 0.80, 0.79, 0.60), strict=True)}

    def kept(images: int) -> list[int]:
        state = State(scores, costs(cells), dict.fromkeys(scores, images))
        rung = next_rung(cells, state, 1000.0)
        assert rung is not None
        return [number(cell) for cell in rung.cells]

    # The better half ends at 80 %, of which the standard error is 4 points with 100 images and 0.4 with 10,000.
    assert kept(100) == [0, 1, 2]
    assert kept(10_000) == [0, 1]


def test_each_data_set_has_a_better_half_of_its_own() -> None:
    """A hard data set is not starved by an easy one, whose accuracies are all higher."""
    cells = [
        cell.model_copy(update={"dataset": Named(name=name)}) for name in ("cats_dogs", "intel") for cell in matrix(4)
    ]
    easier = {"cats_dogs": 0.5, "intel": 0.9}
    frozen = {
        cell.id: easier[cell.dataset.name] + 0.01 * number(cell) for cell in cells if cell.strategy.name == "frozen"
    }
    rung = next_rung(cells, State(frozen, costs(cells)), 1000.0)
    assert rung is not None
    chosen = [(cell.dataset.name, number(cell)) for cell in rung.cells]
    assert chosen[::2] == [("cats_dogs", 3), ("intel", 3), ("cats_dogs", 2), ("intel", 2)]


def test_data_sets_have_contenders_of_their_own() -> None:
    cells = [builders.cell(dataset=Named(name=name), strategy=Named(name="full")) for name in ("cats_dogs", "intel")]
    assert len(contenders(cells, State({}, {}))) == 2


def test_random_weights_of_a_strategy_make_no_contender_of_their_own() -> None:
    """Else rung 0 would train each backbone from scratch, which is the dearest of its recipes."""
    scratch = builders.cell(strategy=Named(name="scratch")).model_copy(update={"weights": "random"})
    assert contenders([scratch, builders.cell()], State({}, {scratch.id: 9.0, builders.cell().id: 1.0})) == [
        [builders.cell(), scratch]
    ]


def test_halving_finds_the_best_where_cheap_recipes_tell_and_spends_a_part_of_all() -> None:
    """Fine-tuning adds 2 points with a spread of 1 to a head whose accuracy tells backbones apart by 3 points."""
    cells, found, share = matrix(8), 0, []
    every = sum(costs(cells).values())
    for run in range(200):
        luck = random.Random(run)
        level = {backbone: 0.6 + 0.03 * place for place, backbone in enumerate(luck.sample(range(8), 8))}
        gain = {"frozen": 0.0, "partial": 0.01, "full": 0.02}
        truth = {cell.id: level[number(cell)] + gain[cell.strategy.name] + luck.gauss(0, 0.01) for cell in cells}
        best = max(cells, key=lambda cell: truth[cell.id])
        order, spent = spend(cells, truth, budget=0.5 * every)
        share.append(spent / every)
        chosen = max(order, key=lambda name: truth[{names([cell])[0]: cell.id for cell in cells}[name]])
        found += chosen == names([best])[0]
    assert found >= 190
    assert max(share) <= 0.5

"""Accuracy against the number of training images, and where a strategy overtakes the frozen backbone. Pure."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from tlbench.regression.contrasts import Recipe
from tlbench.regression.gains import Gain
from tlbench.statistics.crossing import Crossing, crossing


@dataclass(frozen=True)
class Curve:
    """One recipe at several numbers of training images, fewest first. sizes: images a class, mean over the classes."""

    sizes: tuple[float, ...]
    recipes: tuple[Recipe, ...]


@dataclass(frozen=True)
class Overtaking:
    """Gains of a strategy over frozen by training images a class.

    crossing: from how many on the gain stays above 0; None where a gain has but one seed, so that nothing is judged.
    """

    sizes: tuple[float, ...]
    gains: tuple[Gain, ...]
    crossing: Crossing | None


def images_a_class(recipe: Recipe) -> float:
    """Training images that were used, a class."""
    data = recipe.records[0].data
    assert data is not None
    counts = data.counts["train"].values()
    return sum(counts) / len(counts)


def curves(tested: Sequence[Recipe]) -> list[Curve]:
    """Recipes that differ in nothing but their training images; those that were trained on several numbers of them."""
    groups: dict[Hashable, dict[float, Recipe]] = {}
    for recipe in tested:
        if recipe.cell.kind == "trained":
            groups.setdefault(_but_images(recipe), {}).setdefault(images_a_class(recipe), recipe)
    several = [dict(sorted(group.items())) for group in groups.values() if len(group) > 1]
    return [Curve(tuple(group), tuple(group.values())) for group in several]


def overtakings(gains: Sequence[Gain]) -> list[Overtaking]:
    """For each strategy that was trained beside frozen on several numbers of images, where it overtakes."""
    by_recipe = {id(gain.recipe): gain for gain in gains}
    found = []
    for curve in curves([gain.recipe for gain in gains]):
        along = tuple(by_recipe[id(recipe)] for recipe in curve.recipes)
        found.append(Overtaking(curve.sizes, along, _crossing(curve.sizes, along)))
    return found


def _crossing(sizes: Sequence[float], gains: Sequence[Gain]) -> Crossing | None:
    intervals = [(gain.shift.low, gain.shift.high) for gain in gains if gain.shift]
    known = [(low, high) for low, high in intervals if low is not None and high is not None]
    return crossing(sizes, [gain.difference for gain in gains], known) if len(known) == len(gains) else None


def _but_images(recipe: Recipe) -> Hashable:
    cell, fallbacks = recipe.cell, recipe.records[0].fallbacks
    limit = cell.limit.model_copy(update={"train": None})
    return (cell.model_copy(update={"seed": 0, "limit": limit}).canonical(), fallbacks)

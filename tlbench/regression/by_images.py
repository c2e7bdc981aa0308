"""Learning curves over the number of training images, and where a strategy overtakes the frozen backbone. Pure."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from tlbench.regression.contrasts import Recipe
from tlbench.regression.gains import Gain
from tlbench.statistics.crossing import Crossing, crossing


@dataclass(frozen=True)
class Curve:
    """A recipe at several numbers of training images per class (the mean over classes), in ascending order."""

    sizes: tuple[float, ...]
    recipes: tuple[Recipe, ...]


@dataclass(frozen=True)
class Overtaking:
    """The gains of a strategy over `frozen` by the number of training images.

    Attributes:
        sizes: training images per class.
        gains: the gain at each size.
        crossing: the size from which on the gain stays above 0; None if a gain has a single seed and is not judged.
    """

    sizes: tuple[float, ...]
    gains: tuple[Gain, ...]
    crossing: Crossing | None


def images_a_class(recipe: Recipe) -> float:
    """The training images per class, as a mean over the classes."""
    data = recipe.records[0].data
    assert data is not None
    counts = data.counts["train"].values()
    return sum(counts) / len(counts)


def curves(tested: Sequence[Recipe]) -> list[Curve]:
    """Group recipes that differ only in their training images; only groups with several numbers of them.

    A number that stands for several sets of images is left out, since it is not known which belongs to the others.
    """
    groups: dict[Hashable, dict[float, list[Recipe]]] = {}
    for recipe in tested:
        if recipe.cell.kind == "trained":
            groups.setdefault(_but_images(recipe), {}).setdefault(images_a_class(recipe), []).append(recipe)
    found = []
    for group in groups.values():
        certain = {size: alike[0] for size, alike in sorted(group.items()) if len({one.images for one in alike}) == 1}
        if len(certain) > 1:
            found.append(Curve(tuple(certain), tuple(certain.values())))
    return found


def overtakings(gains: Sequence[Gain]) -> list[Overtaking]:
    """For each strategy with gains at several numbers of images, where it overtakes `frozen`."""
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
    """What recipes of a curve have in common; of the images, the numbers of those that test."""
    cell, record = recipe.cell, recipe.records[0]
    assert record.data is not None
    alike = cell.model_copy(update={"limit": cell.limit.model_copy(update={"train": None})}).apart_from("seed")
    numbers = tuple(sorted(record.data.counts.get("test", {}).items()))
    return (alike, numbers, record.basis.weights, record.basis.stand_ins)

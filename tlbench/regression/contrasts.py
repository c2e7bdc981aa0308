"""Test differences in accuracy between two recipes, or two trained models, on the same test images. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from tlbench.core.cell import Cell
from tlbench.results.record import RecipeKey, Record
from tlbench.statistics.classification import mcnemar
from tlbench.statistics.multiple import holm
from tlbench.statistics.trainings import Trainings, compare, of_accuracies, of_answers, without_seeds

Right = NDArray[np.bool_]
"""For each test image, whether the cell predicted it correctly."""
LEVEL = 0.05


@dataclass(frozen=True)
class Recipe:
    """A recipe: the records of cells that differ only in the seed.

    A solved head does not depend on the seed, so it has one record; resamples of its training images show its variance.
    """

    records: tuple[Record, ...]

    @property
    def cell(self) -> Cell:
        """The cell of its first seed."""
        return self.records[0].cell

    @property
    def top1(self) -> float:
        """The mean test accuracy over the seeds."""
        tested = [record.accuracy for record in self.records if record.accuracy]
        return sum(one.correct for one in tested) / sum(one.images for one in tested)

    @property
    def resampled(self) -> tuple[float, ...]:
        """Test accuracies on resamples of the training images, for a recipe without seeds; else empty."""
        accuracy = self.records[0].accuracy
        return accuracy.resampled if len(self.records) == 1 and accuracy else ()

    @property
    def judged(self) -> bool:
        """Whether the variance between trainings is known."""
        return len(self.records) > 1 or bool(self.resampled)

    def trainings(self, right: Sequence[Right] | None) -> Trainings:
        """The trainings for `compare`; `right`: the answers of each record, in order, or None if they are unknown."""
        accuracies = [record.accuracy for record in self.records if record.accuracy]
        shares = [accuracy.top1 for accuracy in accuracies]
        all_seeds = (
            of_accuracies(shares, accuracies[0].images) if right is None else of_answers(np.stack(right, axis=1))
        )
        return without_seeds(all_seeds, self.resampled) if self.resampled else all_seeds

    @property
    def kept_heads(self) -> int:
        """The number of seeds whose fine-tuning was thrown away (`Record.kept_head`)."""
        return sum(record.kept_head for record in self.records)

    @property
    def images(self) -> str:
        """The fingerprint of the images that it was tested on; empty if unknown."""
        return self.records[0].data.fingerprint if self.records[0].data else ""


@dataclass(frozen=True)
class Contrast:
    """The difference between two recipes on the same test images.

    With several seeds on both sides (or solved heads), recipes are compared: interval and p-value take the variance
    over seeds and over images into account. With a single seed on one side, two trained models are compared by
    McNemar's exact test, which says nothing about the recipes. If the other side has several seeds, its model that is
    least clearly better, or worse, is compared, and is all that the side holds: the order of the seeds does not matter.

    Attributes:
        first: a recipe.
        second: the other one.
        difference: the mean top-1 accuracy of the first minus that of the second.
        p: the two-sided p-value of no difference.
        low: the lower end of the 95 % interval of the difference; None for models.
        high: the upper end.
        only_first: the number of images that only the first model predicts correctly; None for recipes.
        only_second: likewise for the second model.
        adjusted: the p-value after Holm's correction over all pairs that could have been shown.
    """

    first: Recipe
    second: Recipe
    difference: float
    p: float
    low: float | None = None
    high: float | None = None
    only_first: int | None = None
    only_second: int | None = None
    adjusted: float = 1.0

    @property
    def of_models(self) -> bool:
        """Whether trained models are compared instead of recipes."""
        return self.only_first is not None

    @property
    def verdict(self) -> str:
        """The result in words."""
        if self.adjusted >= LEVEL:
            return "not to be told apart"
        what = "model" if self.of_models else "recipe"
        return f"{'first' if self.difference > 0 else 'second'} {what} is better"


def recipes(records: Sequence[Record]) -> list[Recipe]:
    """Group records into recipes: same images, weights and stand-ins, and cells that differ only in the seed."""
    groups: dict[RecipeKey, list[Record]] = {}
    for record in records:
        if record.accuracy and record.data:
            groups.setdefault(record.recipe_key, []).append(record)
    return [Recipe(tuple(group)) for group in groups.values()]


def best_against_rest(tested: Sequence[Recipe], right: Mapping[str, Right]) -> list[Contrast]:
    """For each set of test images, the contrasts of the best recipe with all others.

    P-values are corrected over all pairs, not only those returned, because the best one was chosen by the data.

    Args:
        tested: the recipes.
        right: the answers by cell id.
    """
    couples = [
        (first, second) for first, second in combinations(_best_first(tested), 2) if first.images == second.images
    ]
    best = {recipe.images: recipe for recipe in reversed(_best_first(tested))}
    contrasts = contrast(couples, tested, right)
    return [each for (first, _), each in zip(couples, contrasts, strict=True) if first is best[first.images]]


def _best_first(tested: Sequence[Recipe]) -> list[Recipe]:
    """The recipes by test images, in the order of their first appearance, then by accuracy."""
    images = list(dict.fromkeys(recipe.images for recipe in tested))
    return sorted(tested, key=lambda recipe: (images.index(recipe.images), -recipe.top1))


def contrast(
    couples: Sequence[tuple[Recipe, Recipe]], tested: Sequence[Recipe], right: Mapping[str, Right]
) -> list[Contrast]:
    """Test the difference of each couple.

    Args:
        couples: the pairs of recipes to test.
        tested: all recipes; their seeds help to estimate the variance between seeds.
        right: the answers by cell id.

    Raises:
        ValueError: the recipes of a couple were tested on different images.
    """
    for first, second in couples:
        if first.images != second.images:
            raise ValueError(f"{first.cell.label} and {second.cell.label} were tested on different images")
    known = {id(recipe): recipe for recipe in (*tested, *(recipe for couple in couples for recipe in couple))}
    trainings = [recipe.trainings([right[record.cell_id] for record in recipe.records]) for recipe in known.values()]
    places = {identity: place for place, identity in enumerate(known)}
    indices = [(places[id(first)], places[id(second)]) for first, second in couples]
    contrasts = []
    for couple, shift in zip(couples, compare(trainings, indices), strict=True):
        if shift is None:
            firsts, seconds = ([Recipe((record,)) for record in recipe.records] for recipe in couple)
            models = [_of_models(one, other, right) for one, other in product(firsts, seconds)]
            contrasts.append(_weakest(models))
        else:
            low, high = (None if end is None else -end for end in (shift.high, shift.low))
            contrasts.append(Contrast(*couple, -shift.estimate, shift.p, low, high))
    adjusted = holm([each.p for each in contrasts])
    return [replace(each, adjusted=p) for each, p in zip(contrasts, adjusted, strict=True)]


def _weakest(models: Sequence[Contrast]) -> Contrast:
    """The contrast that counts where one side has a single seed: all models must be better, or all must be worse.

    The p-value of either direction is the largest over the models (as in `statistics.best.leads`), that of the two
    directions together twice the smaller one. Of those that are equally clear the one with the smallest difference is
    shown. Neither the order of the seeds nor that of the two recipes matters.
    """
    in_order = sorted(models, key=_size)
    ends = []
    for sign in (1, -1):
        one_sided = [each.p / 2 if sign * each.difference > 0 else 1 - each.p / 2 for each in in_order]
        weakest = max(range(len(in_order)), key=one_sided.__getitem__)
        ends.append((one_sided[weakest], weakest))
    p, place = min(ends)
    return replace(in_order[place], p=min(1.0, 2 * p))


def _size(models: Contrast) -> tuple[float, int, list[str]]:
    """How far two models are apart, in any order of the two; the same for no two pairs of models."""
    apart = (models.only_first or 0) + (models.only_second or 0)
    return abs(models.difference), apart, sorted(each.cell.id for each in (models.first, models.second))


def _of_models(first: Recipe, second: Recipe, right: Mapping[str, Right]) -> Contrast:
    """The contrast of two recipes with one training each."""
    a, b = (right[recipe.records[0].cell_id] for recipe in (first, second))
    only_first, only_second = int((a & ~b).sum()), int((b & ~a).sum())
    difference = float(a.mean() - b.mean())
    p = mcnemar(only_first, only_second)
    return Contrast(first, second, difference, p, only_first=only_first, only_second=only_second)

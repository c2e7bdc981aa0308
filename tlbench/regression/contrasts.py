"""Which differences in accuracy are real: two recipes, or two trained models, on the same test images. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from tlbench.core.cell import Cell
from tlbench.results.record import Record
from tlbench.statistics.classification import mcnemar
from tlbench.statistics.multiple import holm
from tlbench.statistics.trainings import compare, of_answers

Right = NDArray[np.bool_]
"""For each test image, whether the cell predicted it right."""
LEVEL = 0.05


@dataclass(frozen=True)
class Recipe:
    """Cells that differ in nothing but the seed: one recipe, trained so many times."""

    records: tuple[Record, ...]

    @property
    def cell(self) -> Cell:
        """The cell of its first seed."""
        return self.records[0].cell

    @property
    def top1(self) -> float:
        """Mean over the seeds."""
        return float(np.mean([record.accuracy.top1 for record in self.records if record.accuracy]))

    @property
    def images(self) -> str:
        """Fingerprint of the images it was tested on; empty where they are not known."""
        return self.records[0].data.fingerprint if self.records[0].data else ""


@dataclass(frozen=True)
class Contrast:
    """Two recipes on the same test images; `difference`: top-1, first less second, means over the seeds.

    With several seeds a side, `low` to `high` is its 95 % interval and `p` from the variance over seeds and over
    images, so that it holds for other seeds and other images. With one seed on either side two trained models are
    compared, by McNemar's exact test on images that `only_first` (`only_second`) of them predicts right; that tells
    nothing of two recipes. `adjusted`: Holm's over all pairs that could have been shown.
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
        """Whether two trained models are compared, and not two recipes."""
        return self.only_first is not None

    @property
    def verdict(self) -> str:
        """In words."""
        if self.adjusted >= LEVEL:
            return "not to be told apart"
        what = "model" if self.of_models else "recipe"
        return f"{'first' if self.difference > 0 else 'second'} {what} is better"


def recipes(records: Sequence[Record]) -> list[Recipe]:
    """Records that saw the same images and differ in nothing but the seed, together."""
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        if record.accuracy and record.data:
            key = (record.data.fingerprint, record.cell.model_copy(update={"seed": 0}).canonical())
            groups.setdefault(key, []).append(record)
    return [Recipe(tuple(group)) for group in groups.values()]


def best_against_rest(tested: Sequence[Recipe], right: Mapping[str, Right]) -> list[Contrast]:
    """For each set of test images, the recipe with the highest mean top-1 beside each other one.

    The best was chosen by its luck too, so p-values are corrected over all pairs, not over those shown alone. `right`
    is by cell id.
    """
    couples = [
        (first, second) for first, second in combinations(_best_first(tested), 2) if first.images == second.images
    ]
    best = {recipe.images: recipe for recipe in reversed(_best_first(tested))}
    return [each for each in contrast(couples, tested, right) if each.first is best[each.first.images]]


def _best_first(tested: Sequence[Recipe]) -> list[Recipe]:
    """By images, in the order in which they first come, then by accuracy."""
    images = list(dict.fromkeys(recipe.images for recipe in tested))
    return sorted(tested, key=lambda recipe: (images.index(recipe.images), -recipe.top1))


def contrast(
    couples: Sequence[tuple[Recipe, Recipe]], tested: Sequence[Recipe], right: Mapping[str, Right]
) -> list[Contrast]:
    """Test each couple, with what the seeds of all `tested` recipes say of how much seeds vary; `right` by cell id.

    Raises ValueError for recipes that saw different images.
    """
    for first, second in couples:
        if first.images != second.images:
            raise ValueError(f"{first.cell.label} and {second.cell.label} were tested on different images")
    known = {id(recipe): recipe for recipe in (*tested, *(recipe for couple in couples for recipe in couple))}
    answers = [np.stack([right[record.cell_id] for record in recipe.records], axis=1) for recipe in known.values()]
    places = {identity: place for place, identity in enumerate(known)}
    indices = [(places[id(first)], places[id(second)]) for first, second in couples]
    contrasts = []
    for couple, (a, b), shift in zip(couples, indices, compare(list(map(of_answers, answers)), indices), strict=True):
        if shift is None:
            contrasts.append(_of_models(*couple, answers[a][:, 0], answers[b][:, 0]))
        else:
            low, high = (None if end is None else -end for end in (shift.high, shift.low))
            contrasts.append(Contrast(*couple, -shift.estimate, shift.p, low, high))
    adjusted = holm([each.p for each in contrasts])
    return [replace(each, adjusted=p) for each, p in zip(contrasts, adjusted, strict=True)]


def _of_models(first: Recipe, second: Recipe, a: Right, b: Right) -> Contrast:
    only_first, only_second = int((a & ~b).sum()), int((b & ~a).sum())
    difference = float(a.mean() - b.mean())
    p = mcnemar(only_first, only_second)
    return Contrast(first, second, difference, p, only_first=only_first, only_second=only_second)

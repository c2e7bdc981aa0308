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
from tlbench.statistics.trainings import Trainings, compare, of_accuracies, of_answers, without_seeds

Right = NDArray[np.bool_]
"""For each test image, whether the cell predicted it right."""
LEVEL = 0.05


@dataclass(frozen=True)
class Recipe:
    """Cells that differ in nothing but the seed: one recipe, trained so many times.

    A solved head is trained once: it has no seed. What other training images would have given stands in its place.
    """

    records: tuple[Record, ...]

    @property
    def cell(self) -> Cell:
        """The cell of its first seed."""
        return self.records[0].cell

    @property
    def top1(self) -> float:
        """Mean over the seeds: of all their images, the share that was predicted right."""
        tested = [record.accuracy for record in self.records if record.accuracy]
        return sum(one.correct for one in tested) / sum(one.images for one in tested)

    @property
    def resampled(self) -> tuple[float, ...]:
        """Test accuracies on resamples of the training images, of a recipe that has no seeds; else empty."""
        accuracy = self.records[0].accuracy
        return accuracy.resampled if len(self.records) == 1 and accuracy else ()

    @property
    def judged(self) -> bool:
        """Whether anything is known of what another training of it would have given."""
        return len(self.records) > 1 or bool(self.resampled)

    def trainings(self, right: Sequence[Right] | None) -> Trainings:
        """For `compare`. right: answers of each of its records, in their order; None where they were not kept."""
        accuracies = [record.accuracy for record in self.records if record.accuracy]
        shares = [accuracy.top1 for accuracy in accuracies]
        all_seeds = (
            of_accuracies(shares, accuracies[0].images) if right is None else of_answers(np.stack(right, axis=1))
        )
        return without_seeds(all_seeds, self.resampled) if self.resampled else all_seeds

    @property
    def images(self) -> str:
        """Fingerprint of the images it was tested on; empty where they are not known."""
        return self.records[0].data.fingerprint if self.records[0].data else ""


@dataclass(frozen=True)
class Contrast:
    """Two recipes on the same test images; `difference`: top-1, first less second, means over the seeds.

    With several seeds a side (or none to have, see `Recipe`), `low` to `high` is its 95 % interval and `p` from the
    variance over seeds and over images, so that it holds for other seeds and other images. With one seed on either side
    two trained models are compared, by McNemar's exact test on images that `only_first` (`only_second`) of them
    predicts right; that tells nothing of two recipes. `adjusted`: Holm's over all pairs that could have been shown.
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
    """Records that saw the same images, rest on the same stand-ins, and differ in nothing but the seed, together."""
    groups: dict[tuple[tuple[str, ...], str], list[Record]] = {}
    for record in records:
        if record.accuracy and record.data:
            key = (record.rests_on, record.cell.model_copy(update={"seed": 0}).canonical())
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
    trainings = [recipe.trainings([right[record.cell_id] for record in recipe.records]) for recipe in known.values()]
    places = {identity: place for place, identity in enumerate(known)}
    indices = [(places[id(first)], places[id(second)]) for first, second in couples]
    contrasts = []
    for couple, shift in zip(couples, compare(trainings, indices), strict=True):
        if shift is None:
            contrasts.append(_of_models(*couple, *(right[recipe.records[0].cell_id] for recipe in couple)))
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

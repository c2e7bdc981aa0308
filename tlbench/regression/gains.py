"""The gain in accuracy of each strategy over the frozen backbone, on the same images. Pure."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

from tlbench.core.cell import Cell
from tlbench.core.training import Training
from tlbench.regression.contrasts import LEVEL, Recipe, Right
from tlbench.results.record import Record
from tlbench.statistics.multiple import holm
from tlbench.statistics.ranks import Shift
from tlbench.statistics.trainings import compare

FROZEN = "frozen"
HOW_TRAINED = set(Training.model_fields) - {"epochs", "learning_rate"}
Answers = Callable[[Record], Right | None]
"""For each test image, whether the record's cell predicted it correctly; None if that is unknown."""


@dataclass(frozen=True)
class Gain:
    """The mean top-1 accuracy of a strategy minus that of `frozen`.

    Attributes:
        recipe: the strategy's recipe.
        frozen: the recipe with the frozen backbone.
        shift: the 95 % interval and p-value over seeds (or resamples of the training images) and test images, see
            `statistics.trainings.compare`; None if a side has one seed, so that the gain is shown but not judged.
        adjusted: the p-value after Holm's correction over all gains judged together.
    """

    recipe: Recipe
    frozen: Recipe
    shift: Shift | None
    adjusted: float | None = None

    @property
    def difference(self) -> float:
        """The observed gain."""
        return self.recipe.top1 - self.frozen.top1

    @property
    def verdict(self) -> str:
        """The result in words."""
        if self.shift is None or self.adjusted is None:
            return "one seed: not judged"
        if self.adjusted >= LEVEL:
            return "not to be told apart"
        return "better than frozen" if self.difference > 0 else "worse than frozen"


def gains(tested: Sequence[Recipe], answers: Answers) -> list[Gain]:
    """The gain of each recipe for which there is a frozen backbone with the same head and images, in order."""
    couples = beside(tested, FROZEN)
    known = {id(recipe): recipe for couple in couples for recipe in couple}
    places = {identity: place for place, identity in enumerate(known)}
    kept = [judged_answers(recipe, answers) for recipe in known.values()]
    trainings = [recipe.trainings(right) for recipe, right in zip(known.values(), kept, strict=True)]
    shifts = compare(trainings, [(places[id(first)], places[id(second)]) for first, second in couples])
    found = [Gain(recipe, frozen, shift) for (frozen, recipe), shift in zip(couples, shifts, strict=True)]
    return adjusted(found)


def adjusted(found: Sequence[Gain]) -> list[Gain]:
    """The same gains with p-values corrected by Holm's method over those that are judged."""
    levels = iter(holm([gain.shift.p for gain in found if gain.shift]))
    return [replace(gain, adjusted=next(levels)) if gain.shift else gain for gain in found]


def kept_answers(recipe: Recipe, answers: Answers) -> list[Right] | None:
    """The answers of all seeds; None if those of one are unknown."""
    kept = [right for record in recipe.records if (right := answers(record)) is not None]
    return kept if len(kept) == len(recipe.records) else None


def judged_answers(recipe: Recipe, answers: Answers) -> list[Right] | None:
    """As `kept_answers`, but None for recipes that are not judged anyway, to save reading their predictions."""
    return kept_answers(recipe, answers) if recipe.judged else None


def beside(tested: Sequence[Recipe], strategy: str) -> list[tuple[Recipe, Recipe]]:
    """Pair each recipe with a recipe of `strategy` that differs only in how it is trained.

    If there are several, the one without arguments that differs in the fewest settings of training is taken, among
    these the one with as many epochs, and then with the same learning rate.

    Returns:
        Pairs of the recipe of `strategy` and the other one.
    """
    references: dict[Hashable, list[Recipe]] = {}
    for recipe in tested:
        if recipe.cell.strategy.name == strategy:
            references.setdefault(_setting(recipe), []).append(recipe)
    pairs = []
    for recipe in (one for one in tested if one.cell.strategy.name != strategy):
        fitting = [one for one in references.get(_setting(recipe), ()) if same_start(one, recipe)]
        if fitting:
            pairs.append((_nearest(recipe.cell, fitting), recipe))
    return pairs


def same_start(first: Recipe, second: Recipe) -> bool:
    """Whether two recipes start from the same file of weights. What starts from random ones goes with any."""
    return len({one.records[0].start[0] for one in (first, second)} - {""}) <= 1


def other_epochs(first: Recipe, second: Recipe) -> bool:
    """Whether two recipes train with steps, and for other numbers of epochs."""
    epochs = {one.cell.training.epochs for one in (first, second)}
    return 0 not in epochs and len(epochs) > 1


def _setting(recipe: Recipe) -> Hashable:
    return (recipe.images, recipe.records[0].fallbacks, model_of(recipe))


def model_of(recipe: Recipe) -> Hashable:
    """A key that is the same for recipes of one model, which may differ in images and in how they are trained."""
    cell = recipe.cell
    device = (cell.precision, cell.backend, cell.jit)
    return (cell.backbone.label, cell.given_weights, cell.head, cell.image_size, cell.resize, *device, cell.recipe)


def _nearest(cell: Cell, fitting: Sequence[Recipe]) -> Recipe:
    def distance(one: Recipe) -> tuple[bool, int, bool, bool]:
        mine, other = cell.training, one.cell.training
        differing = {name for name in Training.model_fields if getattr(mine, name) != getattr(other, name)}
        fewest = len(differing & HOW_TRAINED)
        return bool(one.cell.strategy.args), fewest, "epochs" in differing, "learning_rate" in differing

    return min(fitting, key=distance)

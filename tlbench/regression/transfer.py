"""The benefit of pretrained weights: learning curves of strategies compared with training from scratch. Pure.

Curves are validation accuracies after each epoch; `statistics.learning_curve` defines the three numbers of a curve.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tlbench.core.cell import SCRATCH
from tlbench.regression.contrasts import Recipe
from tlbench.regression.gains import beside
from tlbench.results.record import Record
from tlbench.statistics.intervals import wilson
from tlbench.statistics.learning_curve import FEWEST_EPOCHS, LearningCurve, flat, of_epochs
from tlbench.statistics.moderated import Spread, difference, of_sum, spread
from tlbench.statistics.ranks import Shift

Number = Callable[[LearningCurve], float | None]
NUMBERS: dict[str, Number] = {
    "start": lambda curve: curve.start,
    "slope": lambda curve: curve.slope,
    "asymptote": lambda curve: curve.asymptote,
}


@dataclass(frozen=True)
class Learned:
    """A recipe and its learning curves, one per seed."""

    recipe: Recipe
    curves: tuple[LearningCurve, ...]

    def values(self, number: str) -> list[float]:
        """A number in `NUMBERS` of each curve that has it."""
        return [value for curve in self.curves if (value := NUMBERS[number](curve)) is not None]

    @property
    def stepped(self) -> bool:
        """Whether it is trained by gradient steps, so that its seeds differ."""
        return all(curve.slope is not None for curve in self.curves)

    @property
    def rising(self) -> bool:
        """Whether the curve of some seed is still rising at its end."""
        return any(curve.rising for curve in self.curves)


@dataclass(frozen=True)
class Benefit:
    """The difference between learning curves with pretrained weights and from scratch, as means over seeds.

    Attributes:
        transfer: the strategy with pretrained weights.
        scratch: training from scratch.
        shifts: the differences by number, without numbers that a side lacks. The 95 % interval (Welch's t) is over
            seeds and, for accuracies, over validation images as if they were independent; there is none if a side that
            takes gradient steps has a single seed.
    """

    transfer: Learned
    scratch: Learned
    shifts: dict[str, Shift]


def learned(recipe: Recipe) -> Learned | None:
    """The learning curves of a recipe; None if a seed has too few epochs to recognize a plateau."""
    curves = [_curve(record) for record in recipe.records]
    found = tuple(curve for curve in curves if curve is not None)
    return Learned(recipe, found) if len(found) == len(curves) else None


def benefits(tested: Sequence[Recipe]) -> list[Benefit]:
    """The benefit of each strategy with pretrained weights for which scratch was trained on the same images."""
    found = []
    for scratch, transfer in beside(tested, SCRATCH):
        first, second = learned(scratch), learned(transfer)
        if first and second:
            found.append(
                Benefit(second, first, {name: shift for name in NUMBERS if (shift := _shift(first, second, name))})
            )
    return found


def above_chance(recipe: Recipe) -> bool:
    """Whether the test accuracy is significantly above guessing the most frequent class (Wilson's interval)."""
    accuracy = recipe.records[0].accuracy
    assert accuracy is not None
    low, _ = wilson(round(recipe.top1 * accuracy.images), accuracy.images)
    return low > chance(recipe)


def chance(recipe: Recipe) -> float:
    """The share of the test images that guessing has right: that of their most frequent class."""
    data = recipe.records[0].data
    assert data is not None
    return 1 / len(data.classes) if data.majority is None else data.majority


def _curve(record: Record) -> LearningCurve | None:
    trained = [epoch.val_accuracy for epoch in record.history if epoch.epoch > 0]
    if trained:
        return of_epochs(trained) if len(trained) >= FEWEST_EPOCHS else None
    return flat(record.history[0].val_accuracy) if record.history else None


def _shift(scratch: Learned, transfer: Learned, number: str) -> Shift | None:
    first, second = scratch.values(number), transfer.values(number)
    if not (first and second):
        return None
    means = sum(first) / len(first), sum(second) / len(second)
    parts = [_of_mean(scratch, first), _of_mean(transfer, second)]
    if number != "slope":
        parts += [_of_images(mean, scratch.recipe) for mean in means]
    return difference(means[0], means[1], of_sum(parts))


def _of_images(accuracy: float, recipe: Recipe) -> Spread:
    """The binomial variance of an accuracy over validation images, which all seeds share."""
    data = recipe.records[0].data
    assert data is not None
    images = sum(data.counts["validation"].values())
    return Spread(accuracy * (1 - accuracy) / images, max(1, images - 1))


def _of_mean(of: Learned, values: Sequence[float]) -> Spread:
    seen = spread(values)
    return Spread(seen.variance / len(values), seen.freedom) if of.stepped else Spread(0.0, 1.0)

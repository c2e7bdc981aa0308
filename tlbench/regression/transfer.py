"""What ImageNet weights are worth: the learning curves of strategies beside those of the same model from scratch. Pure.

By validation accuracy after each epoch of gradient steps; `statistics.learning_curve` defines the three numbers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tlbench.regression.contrasts import Recipe
from tlbench.regression.gains import SCRATCH, beside
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
    """A recipe and its learning curves, one a seed."""

    recipe: Recipe
    curves: tuple[LearningCurve, ...]

    def values(self, number: str) -> list[float]:
        """One of `NUMBERS` of each curve that has it."""
        return [value for curve in self.curves if (value := NUMBERS[number](curve)) is not None]

    @property
    def stepped(self) -> bool:
        """Whether it is trained by steps, so that its seeds differ."""
        return all(curve.slope is not None for curve in self.curves)

    @property
    def rising(self) -> bool:
        """Whether more epochs may take any seed higher."""
        return any(curve.rising for curve in self.curves)


@dataclass(frozen=True)
class Benefit:
    """How much higher a number of transfer's curves is than of scratch's; means over seeds.

    shifts: by number, each with its 95 % interval (Welch's t) over the seeds of both (a solved head has none, and puts
    nothing into it) and, of accuracies, over other validation images, as if each side had its own. The interval is
    missing where a side that is trained by steps has one seed; a number that a side does not have is missing.
    """

    transfer: Learned
    scratch: Learned
    shifts: dict[str, Shift]


def learned(recipe: Recipe) -> Learned | None:
    """Its curves; None where a seed has too few epochs to tell a plateau."""
    curves = [_curve(record) for record in recipe.records]
    found = tuple(curve for curve in curves if curve is not None)
    return Learned(recipe, found) if len(found) == len(curves) else None


def benefits(tested: Sequence[Recipe]) -> list[Benefit]:
    """Each strategy that begins with ImageNet weights beside scratch on the same images, where both have curves."""
    found = []
    for scratch, transfer in beside(tested, SCRATCH):
        first, second = learned(scratch), learned(transfer)
        if first and second:
            found.append(
                Benefit(second, first, {name: shift for name in NUMBERS if (shift := _shift(first, second, name))})
            )
    return found


def above_chance(recipe: Recipe) -> bool:
    """Whether its test accuracy is above what guessing the most frequent class gives: Wilson's interval of its mean."""
    accuracy = recipe.records[0].accuracy
    assert accuracy is not None
    low, _ = wilson(round(recipe.top1 * accuracy.images), accuracy.images)
    return low > chance(recipe)


def chance(recipe: Recipe) -> float:
    """Share of the most frequent class in the test images."""
    data = recipe.records[0].data
    assert data is not None
    assert data.majority is not None
    return data.majority


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
    """The binomial variance of an accuracy over other validation images; all seeds saw the same ones."""
    data = recipe.records[0].data
    assert data is not None
    images = sum(data.counts["validation"].values())
    return Spread(accuracy * (1 - accuracy) / images, max(1, images - 1))


def _of_mean(of: Learned, values: Sequence[float]) -> Spread:
    seen = spread(values)
    return Spread(seen.variance / len(values), seen.freedom) if of.stepped else Spread(0.0, 1.0)

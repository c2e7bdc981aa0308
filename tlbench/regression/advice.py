"""Recommend a strategy: by the textbook rule, by what runs measured, and whether the two agree. Pure.

The rule asks two questions: are there few or many images, and are the classes similar to ImageNet's or not.
"""

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from tlbench.core.cell import SCRATCH
from tlbench.regression.by_images import images_a_class
from tlbench.regression.contrasts import LEVEL, Recipe
from tlbench.regression.gains import Answers, judged_answers, model_of
from tlbench.statistics.multiple import holm
from tlbench.statistics.trainings import compare

MANY = 1000
"""Images per class that count as many. The sources name no number; ImageNet has about this many per class."""
FAR = 3.0
"""Measurements with this many times more or fewer images are called far from the user's number."""
NEAR = 0.02
"""A loss of accuracy that is accepted for training fewer parameters: the gate of accuracy in comparisons."""


@dataclass(frozen=True)
class Rule:
    """A case of the rule: the strategy, by its name in tlbench, and the reason."""

    many: bool
    similar: bool
    strategy: str
    why: str


NOTES = "CS231n, Transfer Learning (cs231n.github.io/transfer-learning)"
YOSINSKI = "Yosinski et al. 2014, How transferable are features in deep neural networks?, NIPS 27"
SOURCES = (NOTES, YOSINSKI)
RULES = (
    Rule(
        many=False,
        similar=True,
        strategy="frozen",
        why="the backbone's features fit such classes already, and few images would be overfitted by more than a head",
    ),
    Rule(
        many=False,
        similar=False,
        strategy="partial",
        why="upper layers are specific to ImageNet's classes, lower ones fit any, and few images cannot train all of "
        "them; the notes put a linear classifier on a lower layer, to which partial is tlbench's nearest",
    ),
    Rule(
        many=True,
        similar=True,
        strategy="full",
        why="with many images all layers can be fine-tuned without overfitting",
    ),
    Rule(
        many=True,
        similar=False,
        strategy="full",
        why="there are images enough to train all layers, and to begin with ImageNet's weights still often helps",
    ),
)


@dataclass(frozen=True)
class Measured:
    """The accuracies of strategies on one data set with one backbone.

    Attributes:
        images: training images per class.
        recipes: all recipes by mean test accuracy, the best first.
        equal: the recipes that cannot be told apart from the best one, including that, among those that can be judged
            (several seeds, or a solved head); empty if fewer than two strategies can be.
        near: those in `equal` that were also seen to be at most `NEAR` below the best one. That two cannot be told
            apart may only mean that there are few seeds.
    """

    images: float
    recipes: tuple[Recipe, ...]
    equal: tuple[Recipe, ...]
    near: tuple[Recipe, ...]


@dataclass(frozen=True)
class Advice:
    """A recommendation.

    Attributes:
        images: training images per class that the user has.
        rule: what the rule says.
        measured: what was measured, by data set and backbone.
        looked: the number of recipes in the runs.
        choice: the strategy, with its arguments, that is most often the best or near it; if there are several, the one
            that trains least, then the rule's; None if nothing was judged.
        best_in: how often it is.
        judged: the number of data sets and backbones that could be judged.
    """

    images: float
    rule: Rule
    measured: tuple[Measured, ...]
    looked: int
    choice: str | None
    best_in: int
    judged: int

    @property
    def rule_in(self) -> tuple[int, int]:
        """How often the rule's strategy cannot be told from the best, and the judged comparisons that include it."""
        judged = [one for one in self.measured if one.equal]
        tried = [one for one in judged if _has([each for each in one.recipes if each.judged], self.rule.strategy)]
        return sum(_has(one.equal, self.rule.strategy) for one in tried), len(tried)

    @property
    def agree(self) -> bool | None:
        """Whether the measured choice is the rule's strategy; None if nothing was judged."""
        return None if self.choice is None else self.choice.partition(" ")[0] == self.rule.strategy

    @property
    def far(self) -> bool:
        """Whether some measurements are with far fewer or more images than the user has."""
        return any(abs(math.log(one.images / self.images)) > math.log(FAR) for one in self.measured)


def rule(images: float, similar: bool) -> Rule:
    """The rule's case for `images` training images per class."""
    return next(one for one in RULES if one.many == (images >= MANY) and one.similar == similar)


def advise(images: float, similar: bool, tested: Sequence[Recipe], answers: Answers) -> Advice:
    """Recommend a strategy.

    Args:
        images: training images per class.
        similar: whether the classes are similar to ImageNet's.
        tested: recipes of any runs. Those on stand-ins, and those that fine-tune random weights, are ignored, because
            they say nothing about real images and what transfers to them.
        answers: the answers to test images of each record.
    """
    measured = tuple(_measured(group, answers) for group in _nearest(images, tested))
    judged = [one for one in measured if one.equal]
    often = Counter(label for one in judged for label in _strategies(one.near))
    least: dict[str, int] = {}
    for one in judged:
        for recipe in one.near:
            label = recipe.cell.strategy.label
            least[label] = max(least.get(label, 0), _trainable(recipe))
    by_rule = rule(images, similar)
    choice = min(
        often,
        key=lambda label: (-often[label], least[label], label.partition(" ")[0] != by_rule.strategy, label),
        default=None,
    )
    best_in = often[choice] if choice else 0
    return Advice(images, by_rule, measured, len(tested), choice, best_in, len(judged))


def _nearest(images: float, tested: Sequence[Recipe]) -> list[list[Recipe]]:
    """For each data set and backbone, the group of comparable recipes with the nearest number of images."""
    groups: dict[Hashable, dict[Hashable, list[Recipe]]] = {}
    for recipe in filter(_counts, tested):
        where, like = (recipe.cell.dataset.label, recipe.cell.backbone.label), (recipe.images, model_of(recipe))
        groups.setdefault(where, {}).setdefault(like, []).append(recipe)
    groups = {where: _by_start(group) for where, group in groups.items()}
    several = [[alike for alike in group.values() if len(_strategies(alike)) > 1] for group in groups.values()]
    return [min(group, key=lambda alike: _distance(alike, images)) for group in several if group]


def _counts(recipe: Recipe) -> bool:
    """Whether a recipe was trained on real images, from weights that know something or, with `scratch`, from none."""
    record = recipe.records[0]
    real = bool(record.data and record.data.source == "real") and not record.fallbacks
    knows = recipe.cell.strategy.name == SCRATCH or bool(
        record.weights and record.weights.source in ("imagenet", "file")
    )
    return recipe.cell.kind == "trained" and real and knows


def _by_start(groups: Mapping[Hashable, Sequence[Recipe]]) -> dict[Hashable, list[Recipe]]:
    """Split groups by the file of weights that recipes start from; `scratch`, which has none, is in each."""
    found: dict[Hashable, list[Recipe]] = {}
    for key, alike in groups.items():
        starts = dict.fromkeys(recipe.records[0].start[0] for recipe in alike)
        for start in [one for one in starts if one] or [""]:
            found[key, start] = [recipe for recipe in alike if recipe.records[0].start[0] in (start, "")]
    return found


def _distance(alike: Sequence[Recipe], images: float) -> tuple[float, ...]:
    """The order of groups: current recipe versions first, then the nearest numbers of images, then the most judged.

    Of two that are as near, the one with fewer images is first.
    """
    first = alike[0]
    there = images_a_class(first)
    away = round(abs(math.log(there / images)), 9)
    return (-first.cell.recipe, away, -sum(recipe.judged for recipe in alike), -len(alike), there)


def _measured(alike: Sequence[Recipe], answers: Answers) -> Measured:
    ranked = sorted(alike, key=lambda recipe: -recipe.top1)
    able = [recipe for recipe in ranked if recipe.judged]
    if len(_strategies(able)) < 2:
        return Measured(images_a_class(ranked[0]), tuple(ranked), (), ())
    couples = list(combinations(range(len(able)), 2))
    shifts = compare([recipe.trainings(judged_answers(recipe, answers)) for recipe in able], couples)
    adjusted = holm(
        [shift.p if shift else 1.0 for shift in shifts]
    )  # all pairs, because the best is chosen by the data
    worse = {second for (first, second), p in zip(couples, adjusted, strict=True) if first == 0 and p < LEVEL}
    equal = tuple(recipe for place, recipe in enumerate(able) if place not in worse)
    near = tuple(recipe for recipe in equal if round(equal[0].top1 - recipe.top1, 9) <= NEAR)
    return Measured(images_a_class(ranked[0]), tuple(ranked), equal, near)


def _strategies(alike: Sequence[Recipe]) -> set[str]:
    return {recipe.cell.strategy.label for recipe in alike}


def _has(recipes: Iterable[Recipe], strategy: str) -> bool:
    return any(recipe.cell.strategy.name == strategy for recipe in recipes)


def _trainable(recipe: Recipe) -> int:
    counts = recipe.records[0].counts
    return counts.trainable if counts else 0

"""Which strategy to take: what the lessons say, what runs measured, and where the two differ. Pure.

The lessons' rule has two questions: are there few or many images, are the classes like ImageNet's or unlike them.
"""

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from tlbench.regression.by_images import images_a_class
from tlbench.regression.contrasts import LEVEL, Recipe
from tlbench.regression.gains import Answers, judged_answers, model_of
from tlbench.statistics.multiple import holm
from tlbench.statistics.trainings import compare

MANY = 1000
"""Training images a class: the lessons name no number; this is about what ImageNet has of each of its classes."""
FAR = 3.0
"""What was measured with so many times more or fewer images is said to be far from one's own."""


@dataclass(frozen=True)
class Rule:
    """A corner of the lessons' table: the strategy, by its name in tlbench, and why."""

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
    """What strategies reached on one data set with one backbone, with about as many images a class as asked for.

    recipes: by mean test accuracy, the best first. equal: those that the best cannot be told apart from (it included),
    of those that can be judged: with several seeds, or a solved head; empty where there are no two of them.
    """

    images: float
    recipes: tuple[Recipe, ...]
    equal: tuple[Recipe, ...]

    @property
    def choice(self) -> Recipe | None:
        """Of the equally good ones, that which trains the fewest parameters; None where nothing could be judged."""
        return min(self.equal, key=_trainable, default=None)


@dataclass(frozen=True)
class Advice:
    """The rule, what was measured on each data set and backbone, and what that comes to.

    looked: recipes that the runs have. choice: the strategy (with its arguments) that is among the best most often, and
    of those the one that trains least; None where nothing was judged. best_in: so often it is among them. judged: of so
    many.
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
        """How often the rule's strategy is among the best, of so many comparisons that have it."""
        judged = [one for one in self.measured if one.equal]
        tried = [one for one in judged if _has([each for each in one.recipes if each.judged], self.rule.strategy)]
        return sum(_has(one.equal, self.rule.strategy) for one in tried), len(tried)

    @property
    def agree(self) -> bool | None:
        """Whether what was measured is the rule's strategy; None where nothing was judged."""
        return None if self.choice is None else self.choice.partition(" ")[0] == self.rule.strategy

    @property
    def far(self) -> bool:
        """Whether some of what was measured is of much fewer or more images."""
        return any(abs(math.log(one.images / self.images)) > math.log(FAR) for one in self.measured)


def rule(images: float, similar: bool) -> Rule:
    """The lessons' advice for so many training images a class."""
    return next(one for one in RULES if one.many == (images >= MANY) and one.similar == similar)


def advise(images: float, similar: bool, tested: Sequence[Recipe], answers: Answers) -> Advice:
    """Both. `tested`: recipes of any runs; those on stand-ins are left out, since they say nothing of real images."""
    measured = tuple(_measured(group, answers) for group in _nearest(images, tested))
    judged = [one for one in measured if one.equal]
    often = Counter(label for one in judged for label in _strategies(one.equal))
    least: dict[str, int] = {}
    for one in judged:
        for recipe in one.equal:
            label = recipe.cell.strategy.label
            least[label] = max(least.get(label, 0), _trainable(recipe))
    choice = min(often, key=lambda label: (-often[label], least[label]), default=None)
    best_in = often[choice] if choice else 0
    return Advice(images, rule(images, similar), measured, len(tested), choice, best_in, len(judged))


def _nearest(images: float, tested: Sequence[Recipe]) -> list[list[Recipe]]:
    """For each data set and backbone, the recipes of the same images whose number is nearest; of today's recipes."""
    groups: dict[Hashable, dict[Hashable, list[Recipe]]] = {}
    for recipe in tested:
        record = recipe.records[0]
        if recipe.cell.kind == "trained" and not record.fallbacks and record.data and record.data.source == "real":
            where = (recipe.cell.dataset.label, recipe.cell.backbone.label)
            groups.setdefault(where, {}).setdefault((recipe.images, model_of(recipe)), []).append(recipe)
    several = [[alike for alike in group.values() if len(_strategies(alike)) > 1] for group in groups.values()]
    return [min(group, key=lambda alike: _distance(alike, images)) for group in several if group]


def _distance(alike: Sequence[Recipe], images: float) -> tuple[float, ...]:
    """Earlier editions of the recipes last, then by images, then those of which most can be judged."""
    first = alike[0]
    away = abs(math.log(images_a_class(first) / images))
    return (-first.cell.recipe, away, -sum(recipe.judged for recipe in alike), -len(alike))


def _measured(alike: Sequence[Recipe], answers: Answers) -> Measured:
    ranked = sorted(alike, key=lambda recipe: -recipe.top1)
    able = [recipe for recipe in ranked if recipe.judged]
    if len(_strategies(able)) < 2:
        return Measured(images_a_class(ranked[0]), tuple(ranked), ())
    couples = list(combinations(range(len(able)), 2))
    shifts = compare([recipe.trainings(judged_answers(recipe, answers)) for recipe in able], couples)
    adjusted = holm([shift.p if shift else 1.0 for shift in shifts])  # over all pairs: the best was chosen by luck too
    worse = {second for (first, second), p in zip(couples, adjusted, strict=True) if first == 0 and p < LEVEL}
    equal = tuple(recipe for place, recipe in enumerate(able) if place not in worse)
    return Measured(images_a_class(ranked[0]), tuple(ranked), equal)


def _strategies(alike: Sequence[Recipe]) -> set[str]:
    return {recipe.cell.strategy.label for recipe in alike}


def _has(recipes: Iterable[Recipe], strategy: str) -> bool:
    return any(recipe.cell.strategy.name == strategy for recipe in recipes)


def _trainable(recipe: Recipe) -> int:
    counts = recipe.records[0].counts
    return counts.trainable if counts else 0

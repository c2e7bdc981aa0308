"""Recommend a recipe: the leader, and those that may be as good, overall or within limits on costs. Pure."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from tlbench.regression.contrasts import Recipe
from tlbench.regression.gains import Answers, kept_answers
from tlbench.statistics.best import LEVEL, intervals, leads, undominated
from tlbench.statistics.trainings import Trainings


@dataclass(frozen=True)
class Contender:
    """A recipe in a contest.

    Attributes:
        recipe: the recipe.
        top1: its mean top-1 accuracy.
        low: the lower end of a 95 % interval that holds for all contenders together.
        high: the upper end.
        costs: its costs, in the same order for all contenders; infinity if unknown.
    """

    recipe: Recipe
    top1: float
    low: float
    high: float
    costs: tuple[float, ...]


@dataclass(frozen=True)
class Pick:
    """The indices of the contender with the highest top-1 accuracy, and of those that may be as good."""

    leader: int
    rivals: tuple[int, ...]


@dataclass(frozen=True)
class Limited:
    """The pick among the `many` contenders whose cost is at most `limit`."""

    limit: float
    many: int
    pick: Pick


@dataclass(frozen=True)
class Contest:
    """The comparison of recipes that were tested on the same images.

    Attributes:
        contenders: the recipes, the highest top-1 accuracy first, then by costs.
        beaten: for each contender that can lead within some limits, those that it clearly beats. The chance that the
            truly best one is beaten is at most 5 %. A trained model beats another one only if `tlbench pairs` tells
            them apart, too.
        of_models: whether some recipe has a single seed, so that trained models are compared instead of recipes.
        paired: whether the answers to single images are known for all.
    """

    contenders: tuple[Contender, ...]
    beaten: Mapping[int, frozenset[int]]
    of_models: bool
    paired: bool

    def pick(self, among: Collection[int] | None = None) -> Pick | None:
        """The leader `among` some contenders (by default all), and those that may be as good; None without any.

        The level is that for all contenders, which errs on the side of more rivals.
        """
        places = sorted(range(len(self.contenders)) if among is None else among)
        if not places:
            return None
        leader = places[0]
        return Pick(leader, tuple(place for place in places[1:] if place not in self.beaten[leader]))

    def leaders(self, cost: int) -> Iterator[Limited]:
        """The leaders within limits on one of the costs, for each lowest limit at which the leader changes."""
        known = ((one.costs[cost], place) for place, one in enumerate(self.contenders) if one.costs[cost] < math.inf)
        within, leader = list[int](), len(self.contenders)
        for limit, cheaper in groupby(sorted(known), key=itemgetter(0)):
            added = [place for _, place in cheaper]
            within += added
            if added[0] < leader and (pick := self.pick(within)):
                leader = pick.leader
                yield Limited(limit, len(within), pick)


def contest(
    recipes: Sequence[Recipe], costs: Sequence[tuple[float, ...]], answers: Answers, elsewhere: int = 0
) -> Contest:
    """Compare recipes.

    Args:
        recipes: the recipes.
        costs: the costs of each recipe, in the same order for all.
        answers: the answers to test images of each record.
        elsewhere: the number of pairs of recipes on other images, for which `tlbench pairs` corrects, too.

    Raises:
        ValueError: there are no recipes, or they were tested on different images.
    """
    if len({recipe.images for recipe in recipes}) != 1:
        raise ValueError("a contest needs recipes that were tested on the same images")
    order = sorted(range(len(recipes)), key=lambda place: (-recipes[place].top1, costs[place]))
    trainings = [recipes[place].trainings(kept_answers(recipes[place], answers)) for place in order]
    can_lead = undominated([(-recipes[place].top1, *costs[place]) for place in order])
    beaten = _beaten(trainings, can_lead, elsewhere)
    contenders = [
        Contender(recipes[place], recipes[place].top1, low, high, costs[place])
        for place, (low, high) in zip(order, intervals(trainings), strict=True)
    ]
    return Contest(
        tuple(contenders),
        beaten,
        of_models=not all(each.judged for each in trainings),
        paired=all(each.right is not None for each in trainings),
    )


def _beaten(trainings: Sequence[Trainings], can_lead: Sequence[int], elsewhere: int) -> dict[int, frozenset[int]]:
    """Those that each of `can_lead` beats, by subset selection.

    Where trained models are compared, the best one is not the only question: each empty place in a table is read as a
    difference of that pair. So these differences must also be significant in two-sided tests of all pairs, as in
    `tlbench pairs`; Bonferroni's correction, at least as strict as the one there, needs no other pair's test.
    """
    couples = [(leader, other) for leader in can_lead for other in range(leader + 1, len(trainings))]
    level = LEVEL / max(1, len(trainings) - 1)
    of_pairs = LEVEL / 2 / max(1, math.comb(len(trainings), 2) + elsewhere)
    beaten: dict[int, set[int]] = {leader: set() for leader in can_lead}
    for (leader, other), p in zip(couples, leads(trainings, couples), strict=True):
        judged = trainings[leader].judged and trainings[other].judged
        if p <= (level if judged else min(level, of_pairs)):
            beaten[leader].add(other)
    return {leader: frozenset(others) for leader, others in beaten.items()}

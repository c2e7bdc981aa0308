"""Which recipe to take: the one that leads, those that may be as good, all or within limits of cost. Pure."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from tlbench.regression.contrasts import Recipe
from tlbench.regression.gains import Answers, kept_answers
from tlbench.statistics.best import LEVEL, intervals, leads, undominated


@dataclass(frozen=True)
class Contender:
    """A recipe with its mean top-1, in an interval that holds for all contenders together (95 %).

    costs: what it takes, in the same order for all; infinite where not known.
    """

    recipe: Recipe
    top1: float
    low: float
    high: float
    costs: tuple[float, ...]


@dataclass(frozen=True)
class Pick:
    """Places of the contender with the highest mean top-1, and of those that may be as good."""

    leader: int
    rivals: tuple[int, ...]


@dataclass(frozen=True)
class Limited:
    """What is picked of so `many` contenders whose cost is `limit` at most."""

    limit: float
    many: int
    pick: Pick


@dataclass(frozen=True)
class Contest:
    """Recipes that were tested on the same images, the highest top-1 first; equal ones by their costs.

    beaten: for each place that can lead under some limits, the places it clearly leads over: of all contenders the best
    one is beaten with a chance of 5 % at most. of_models: one training of some recipe that has seeds, so that trained
    models are compared, and not recipes. paired: all kept their answers to single images.
    """

    contenders: tuple[Contender, ...]
    beaten: Mapping[int, frozenset[int]]
    of_models: bool
    paired: bool

    def pick(self, among: Collection[int] | None = None) -> Pick | None:
        """Who leads `among` these places, by default all, and who may be as good; None where there are none.

        Fewer than all are judged at the level for all, which errs towards more rivals.
        """
        places = sorted(range(len(self.contenders)) if among is None else among)
        if not places:
            return None
        leader = places[0]
        return Pick(leader, tuple(place for place in places[1:] if place not in self.beaten[leader]))

    def leaders(self, cost: int) -> Iterator[Limited]:
        """Who leads within limits on one of the costs, by its place: each lowest limit at which another one does."""
        known = ((one.costs[cost], place) for place, one in enumerate(self.contenders) if one.costs[cost] < math.inf)
        within, leader = list[int](), len(self.contenders)
        for limit, cheaper in groupby(sorted(known), key=itemgetter(0)):
            added = [place for _, place in cheaper]
            within += added
            if added[0] < leader and (pick := self.pick(within)):
                leader = pick.leader
                yield Limited(limit, len(within), pick)


def contest(recipes: Sequence[Recipe], costs: Sequence[tuple[float, ...]], answers: Answers) -> Contest:
    """Compare recipes; `costs`: of each recipe, as many as there are limits that may be set.

    Raises ValueError for recipes that were tested on different images, or none.
    """
    if len({recipe.images for recipe in recipes}) != 1:
        raise ValueError("a contest needs recipes that were tested on the same images")
    order = sorted(range(len(recipes)), key=lambda place: (-recipes[place].top1, costs[place]))
    trainings = [recipes[place].trainings(kept_answers(recipes[place], answers)) for place in order]
    places = range(len(order))
    can_lead = undominated([(-recipes[place].top1, *costs[place]) for place in order])
    couples = [(leader, other) for leader in can_lead for other in places if other > leader]
    level = LEVEL / max(1, len(order) - 1)
    beaten: dict[int, set[int]] = {leader: set() for leader in can_lead}
    for (leader, other), p in zip(couples, leads(trainings, couples), strict=True):
        if p <= level:
            beaten[leader].add(other)
    contenders = [
        Contender(recipes[place], recipes[place].top1, low, high, costs[place])
        for place, (low, high) in zip(order, intervals(trainings), strict=True)
    ]
    return Contest(
        tuple(contenders),
        {leader: frozenset(others) for leader, others in beaten.items()},
        of_models=not all(each.judged for each in trainings),
        paired=all(each.right is not None for each in trainings),
    )

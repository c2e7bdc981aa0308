"""Which cells a budget is spent on: successive halving over backbones, by validation accuracy and predicted cost. Pure.

Rung 0 has the cheapest recipe of every contender (a backbone on a data set), mostly a solved head, the cheapest first.
Each rung after it keeps the better half of the contenders on each data set, with those that are within a standard error
of that half, and brings each of them to about twice as many cells: what is dear is spent on what is promising, and what
few validation images cannot tell apart is not dropped.

Sources: K. Jamieson, A. Talwalkar, Non-stochastic Best Arm Identification and Hyperparameter Optimization (AISTATS
2016), algorithm 1; L. Li et al., A System for Massively Parallel Hyperparameter Tuning (ASHA, MLSys 2020), section 3;
that a model's cost and its accuracy are to be weighed together: S. Pineda Arango et al., Quick-Tune (ICLR 2024),
section 4.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count, zip_longest

from tlbench.core.cell import Cell, canonical

WORST = -math.inf
"""The score of a contender of which nothing has given an accuracy."""


@dataclass(frozen=True)
class Rung:
    """What is to be run next. number: from 0. cells: in the order in which they are worth most."""

    number: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class State:
    """What is known so far, by the id of a cell.

    scores: validation accuracies; `WORST` for a cell that failed. seconds: what each of the others is predicted to
    take. A cell without a prediction is taken for as dear as the dearest. images: of validation, for each score.
    """

    scores: Mapping[str, float]
    seconds: Mapping[str, float]
    images: Mapping[str, int] = field(default_factory=dict)

    def cost(self, cell: Cell) -> float:
        """Predicted seconds."""
        return self.seconds.get(cell.id, self._dearest)

    @cached_property
    def _dearest(self) -> float:
        return max(self.seconds.values(), default=math.inf)

    def score(self, cells: Sequence[Cell]) -> float:
        """The best validation accuracy of some cells."""
        return max((self.scores.get(cell.id, WORST) for cell in cells), default=WORST)

    def error(self, cells: Sequence[Cell]) -> float:
        """The standard error of that accuracy; 0 where it is not known of how many images it is."""
        best = max(cells, key=lambda cell: self.scores.get(cell.id, WORST))
        share, images = self.scores.get(best.id, WORST), self.images.get(best.id, 0)
        return math.sqrt(share * (1 - share) / images) if images and share > WORST else 0.0


def next_rung(cells: Sequence[Cell], state: State, left: float) -> Rung | None:
    """What to run next of `cells` in the `left` seconds, by prediction; None where nothing fits, or all has been run.

    The same cells, scores and predictions give the same answer.
    """
    groups = contenders(cells, state)
    if not groups:
        return None
    most = max(map(len, groups))
    for number in count():
        kept = survivors(groups, state, number)
        asked = [cell for group in kept for cell in group[: 2 ** (number + 1) - 1] if cell.id not in state.scores]
        if number == 0:
            asked.sort(key=state.cost)
        if chosen := _fitting(asked, state, left):
            return Rung(number, chosen)
        if 2**number >= len(groups) and 2 ** (number + 1) - 1 >= most:
            break
    everybody = survivors(groups, state, 0)
    rest = [cell for group in everybody for cell in group if cell.id not in state.scores]
    chosen = _fitting(rest, state, left)
    return Rung(number + 1, chosen) if chosen else None


def survivors(groups: Sequence[list[Cell]], state: State, number: int) -> list[list[Cell]]:
    """The contenders of a rung, the best of each data set first: accuracies of two data sets are not held together."""
    tasks: dict[str, list[list[Cell]]] = {}
    for group in groups:
        parts = group[0].model_dump(mode="json", include={"dataset", "limit"})
        tasks.setdefault(canonical(parts), []).append(group)
    kept = []
    for task in tasks.values():
        ranked = sorted(task, key=state.score, reverse=True)
        half = math.ceil(len(ranked) / 2**number)
        least = state.score(ranked[half - 1]) - state.error(ranked[half - 1])
        kept.append([*ranked[:half], *(group for group in ranked[half:] if state.score(group) >= least > WORST)])
    return [group for several in zip_longest(*kept) for group in several if group is not None]


def contenders(cells: Sequence[Cell], state: State) -> list[list[Cell]]:
    """The cells of each backbone on each data set: the first seed of each recipe first, the cheaper recipe first."""
    found: dict[str, list[Cell]] = {}
    for cell in cells:
        parts = cell.model_dump(
            mode="json", include={"backbone", "weights", "dataset", "limit", "image_size", "resize"}
        )
        found.setdefault(canonical(parts), []).append(cell)
    return [_in_order(group, state) for group in found.values()]


def _in_order(group: Sequence[Cell], state: State) -> list[Cell]:
    seeds: dict[str, int] = {}
    keyed = []
    for place, cell in enumerate(group):
        recipe = canonical(cell.model_dump(mode="json", exclude={"seed"}))
        number = seeds[recipe] = seeds.get(recipe, -1) + 1
        done = cell.id in state.scores  # what it took is no longer predicted; it keeps its place in front
        keyed.append((number, not done, 0.0 if done else state.cost(cell), place, cell))
    return [cell for *_, cell in sorted(keyed, key=lambda one: one[:-1])]


def _fitting(cells: Collection[Cell], state: State, left: float) -> tuple[Cell, ...]:
    """Those of `cells`, in their order, that fit together; one that is too dear leaves its room to cheaper ones."""
    chosen = []
    for cell in cells:
        if state.cost(cell) <= left:
            chosen.append(cell)
            left -= state.cost(cell)
    return tuple(chosen)

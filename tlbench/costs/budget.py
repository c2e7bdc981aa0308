"""Spend a time budget by successive halving over backbones, by validation accuracy and predicted cost. Pure.

Rung 0 has the cheapest recipe of every contender (a backbone on a data set), usually a solved head, the cheapest first.
Each later rung keeps the better half of the contenders on each data set, plus those within a standard error of it, and
about doubles the number of cells of each. So expensive cells are spent on promising backbones, and contenders that few
validation images cannot tell apart are not dropped.

Sources: K. Jamieson, A. Talwalkar, Non-stochastic Best Arm Identification and Hyperparameter Optimization (AISTATS
2016), algorithm 1; L. Li et al., A System for Massively Parallel Hyperparameter Tuning (ASHA, MLSys 2020), section 3;
for weighing cost and accuracy together: S. Pineda Arango et al., Quick-Tune (ICLR 2024), section 4.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count, zip_longest

from tlbench.core.cell import Cell, canonical

WORST = -math.inf
"""The score of a contender without any accuracy."""


@dataclass(frozen=True)
class Rung:
    """The cells to run next, the most valuable first; `number`: the rung, from 0."""

    number: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class State:
    """What is known so far, by cell id.

    Attributes:
        scores: the validation accuracies; `WORST` for cells that failed.
        seconds: the predicted time of each other cell. A cell without a prediction counts as the most expensive.
        images: the number of validation images behind each score.
    """

    scores: Mapping[str, float]
    seconds: Mapping[str, float]
    images: Mapping[str, int] = field(default_factory=dict)

    def cost(self, cell: Cell) -> float:
        """The predicted time of a cell in seconds."""
        return self.seconds.get(cell.id, self._dearest)

    @cached_property
    def _dearest(self) -> float:
        return max(self.seconds.values(), default=math.inf)

    def score(self, cells: Sequence[Cell]) -> float:
        """The best validation accuracy among some cells."""
        return max((self.scores.get(cell.id, WORST) for cell in cells), default=WORST)

    def error(self, cells: Sequence[Cell]) -> float:
        """The standard error of that accuracy; 0 if its number of images is unknown."""
        best = max(cells, key=lambda cell: self.scores.get(cell.id, WORST))
        share, images = self.scores.get(best.id, WORST), self.images.get(best.id, 0)
        return math.sqrt(share * (1 - share) / images) if images and share > WORST else 0.0


def next_rung(cells: Sequence[Cell], state: State, left: float) -> Rung | None:
    """The cells to run next, deterministically.

    Args:
        cells: all cells.
        state: what is known so far.
        left: the time left in seconds.

    Returns:
        The rung; None if nothing fits, or everything has been run.
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
    """The contenders of a rung, the best of each data set first. Accuracies are compared only within a data set."""
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
        parts = cell.model_dump(mode="json", include={"backbone", "dataset", "limit", "image_size", "resize"})
        found.setdefault(canonical(parts | {"weights": cell.given_weights}), []).append(cell)
    return [_in_order(group, state) for group in found.values()]


def _in_order(group: Sequence[Cell], state: State) -> list[Cell]:
    seeds: dict[str, int] = {}
    keyed = []
    for place, cell in enumerate(group):
        recipe = cell.apart_from("seed")
        number = seeds[recipe] = seeds.get(recipe, -1) + 1
        done = cell.id in state.scores  # such cells stay in front, although their cost is no longer predicted
        keyed.append((number, not done, 0.0 if done else state.cost(cell), place, cell))
    return [cell for *_, cell in sorted(keyed, key=lambda one: one[:-1])]


def _fitting(cells: Collection[Cell], state: State, left: float) -> tuple[Cell, ...]:
    """The cells that fit together, chosen in order; one that does not fit leaves its time to cheaper ones."""
    chosen = []
    for cell in cells:
        if state.cost(cell) <= left:
            chosen.append(cell)
            left -= state.cost(cell)
    return tuple(chosen)

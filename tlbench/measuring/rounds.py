"""Models take turns: rounds over all of them, the reference workload between. Pure scheduling; steps are callables.

One model after the other would give each its own minutes of a machine whose speed drifts: sequential blocks once
showed two equal call paths 2.5 times apart. Here slow minutes fall on all alike.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tlbench.core.cell import Timing
from tlbench.measuring.hosts import LostError, Turned
from tlbench.results.measured import GpuState
from tlbench.statistics.bootstrap import FEWEST

Turn = Callable[[], Turned]
OnRound = Callable[[int, int], None]
MOST_ROUNDS = 20_000


@dataclass(frozen=True)
class Task:
    """A step that takes turns until it has what `timing` asks for, or `rounds` of them where that is given.

    timing: None for a step that needs no turns of its own, and goes on for as long as others do. beside: tasks with the
    same word are compared with each other, and take their turns one right after the other.
    """

    key: str
    timing: Timing | None
    turn: Turn
    rounds: int | None = None
    beside: str = ""

    def waits(self, taken: "Taken") -> bool:
        """Whether it needs further turns."""
        if taken.lost is not None or self.timing is None:
            return False
        return not taken.enough(self.timing, self.rounds)

    def stays(self, taken: "Taken") -> bool:
        """Whether it takes turns for as long as others need them: all have the same rounds, fast minutes and slow."""
        if taken.lost is not None or self.rounds is not None:
            return False
        return self.timing is None or not taken.over(self.timing)


@dataclass
class Taken:
    """What a task gave: samples of each round, and the time of the reference workload around each. Seconds.

    reference: None for a round around which there was no reading. gpu: at the end of each round; None without any.
    """

    rounds: list[tuple[float, ...]] = field(default_factory=list)
    reference: list[float | None] = field(default_factory=list)
    gpu: list[GpuState | None] = field(default_factory=list)
    lost: LostError | None = None
    _added: tuple[int, int, float] = field(default=(0, 0, 0.0), init=False, repr=False, compare=False)

    def enough(self, timing: Timing, rounds: int | None = None) -> bool:
        """Whether there are `rounds`, or else `iterations` samples that took `seconds`, or `max_seconds` are over."""
        if rounds is not None:
            return len(self.rounds) >= rounds
        count, seconds = self._so_far()
        return self.over(timing) or (count >= timing.iterations and seconds >= timing.seconds)

    def over(self, timing: Timing) -> bool:
        """Whether it had all the time that it may have; never before there are as many rounds as a number needs."""
        most = timing.max_seconds
        return most is not None and len(self.rounds) >= FEWEST and self._so_far()[1] >= most

    def _so_far(self) -> tuple[int, float]:
        """Samples, and seconds that they took; each round is added once, however often this is asked between turns."""
        rounds, count, seconds = self._added
        for samples in self.rounds[rounds:]:
            count, seconds = count + len(samples), seconds + sum(samples)
        self._added = len(self.rounds), count, seconds
        return count, seconds


def take_turns(
    tasks: Sequence[Task], reference: Callable[[], float | None], on_round: OnRound = lambda number, waiting: None
) -> tuple[dict[str, Taken], list[float]]:
    """Let all tasks take turns, in an order that is drawn anew for each round, until none needs further ones.

    Those that need none go on meanwhile, unless they were given a number of rounds or have had all their time: with 8
    rounds in slow minutes beside 30 over all, a true ratio of 4.0 read 5.2.

    Returns what each gave, by key, and all readings of the reference workload: before, between and after the rounds;
    `reference` gives None where there can be none. A task that raises LostError is left out from there on, with what it
    gave until then.
    """
    taken, order = {task.key: Taken() for task in tasks}, random.Random(0)  # noqa: S311 - no secret
    readings = [reference()]
    for number in range(MOST_ROUNDS):
        waiting = sum(task.waits(taken[task.key]) for task in tasks)
        if not waiting:
            break
        on_round(number + 1, waiting)
        taking_part = [task for task in tasks if task.waits(taken[task.key]) or task.stays(taken[task.key])]
        took_part = []
        for task in _drawn(taking_part, order):
            mine = taken[task.key]
            try:
                turned = task.turn()
            except LostError as error:
                mine.lost = error
                continue
            mine.rounds.append(turned.samples)
            mine.gpu.append(turned.gpu)
            took_part.append(mine)
        readings.append(reference())
        around = _mean(*readings[-2:])
        for mine in took_part:
            mine.reference.append(around)
    return taken, [reading for reading in readings if reading is not None]


def _drawn(tasks: Sequence[Task], order: random.Random) -> list[Task]:
    """`tasks` in an order that is drawn; those that are compared with each other stay together."""
    together: dict[str, list[Task]] = {}
    for task in tasks:
        together.setdefault(task.beside or task.key, []).append(task)
    groups = list(together.values())
    order.shuffle(groups)
    return [task for group in groups for task in order.sample(group, len(group))]


def _mean(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else (before + after) / 2

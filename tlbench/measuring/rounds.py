"""Interleaved timing: in each round every model has a turn, and the reference workload is read between rounds.

If models were timed one after the other, each would see different minutes of a machine whose speed drifts: two equal
call paths once differed by a factor of 2.5. Taking turns spreads slow minutes over all models. Pure scheduling; steps
are callables.
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
    """A step that takes turns.

    Attributes:
        key: identifies the task.
        timing: the protocol that says how many samples it needs; None: it needs none, and goes on while others do.
        turn: takes one turn.
        rounds: how many rounds it needs, in place of the protocol's samples.
        beside: tasks with the same value are compared with each other, so they take turns directly one after the other.
    """

    key: str
    timing: Timing | None
    turn: Turn
    rounds: int | None = None
    beside: str = ""

    def waits(self, taken: "Taken") -> bool:
        """Whether the task needs more turns."""
        if taken.lost is not None or self.timing is None:
            return False
        return not taken.enough(self.timing, self.rounds)

    def stays(self, taken: "Taken") -> bool:
        """Whether the task goes on while others need turns, so that all see the same fast and slow minutes."""
        if taken.lost is not None or self.rounds is not None:
            return False
        return self.timing is None or not taken.over(self.timing)


@dataclass
class Taken:
    """What was measured of a task.

    Attributes:
        rounds: the samples of each round, in seconds.
        reference: for each round the mean time of the reference workload before and after it, in seconds; None where a
            reading is missing.
        gpu: the state of the GPU at the end of each turn; None without one.
        lost: why the task ended early, if it did.
    """

    rounds: list[tuple[float, ...]] = field(default_factory=list)
    reference: list[float | None] = field(default_factory=list)
    gpu: list[GpuState | None] = field(default_factory=list)
    lost: LostError | None = None
    _added: tuple[int, int, float] = field(default=(0, 0, 0.0), init=False, repr=False, compare=False)

    def enough(self, timing: Timing, rounds: int | None = None) -> bool:
        """Whether there are `rounds` rounds or, if None, as many samples as the protocol asks for."""
        if rounds is not None:
            return len(self.rounds) >= rounds
        count, seconds = self._so_far()
        return self.over(timing) or (count >= timing.iterations and seconds >= timing.seconds)

    def over(self, timing: Timing) -> bool:
        """Whether the protocol's `max_seconds` have passed, and there are as many rounds as an interval needs."""
        most = timing.max_seconds
        return most is not None and len(self.rounds) >= FEWEST and self._so_far()[1] >= most

    def _so_far(self) -> tuple[int, float]:
        """The number of samples and their total seconds, kept up to date incrementally."""
        rounds, count, seconds = self._added
        for samples in self.rounds[rounds:]:
            count, seconds = count + len(samples), seconds + sum(samples)
        self._added = len(self.rounds), count, seconds
        return count, seconds


def take_turns(
    tasks: Sequence[Task],
    reference: Callable[[], float | None],
    on_round: OnRound = lambda number, waiting: None,
    order: random.Random | None = None,
) -> tuple[dict[str, Taken], list[float]]:
    """Let all tasks take turns, in a new random order in each round, until none of them needs more.

    A task that has enough goes on while others need turns (unless it has a number of rounds, or no time left), because
    it would otherwise miss minutes that the others see: when one task had 8 rounds in slow minutes and the other 30 in
    all minutes, a true ratio of 4.0 was measured as 5.2.

    Args:
        tasks: the tasks.
        reference: reads the reference workload; None where that is not possible.
        on_round: called before each round with its number, from 1, and the number of tasks that need more turns.
        order: draws the orders. One that goes on from an earlier call does not repeat its orders.

    Returns:
        The measurements by task key, and all readings of the reference workload. A task that raises LostError takes no
        more turns, and keeps what it has so far.
    """
    taken, order = {task.key: Taken() for task in tasks}, order or seeded()
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


def seeded() -> random.Random:
    """A generator of orders, which draws the same ones each time."""
    return random.Random(0)  # noqa: S311 - not for security


def _drawn(tasks: Sequence[Task], order: random.Random) -> list[Task]:
    """`tasks` in random order, with those that are compared with each other next to each other."""
    together: dict[str, list[Task]] = {}
    for task in tasks:
        together.setdefault(task.beside or task.key, []).append(task)
    groups = list(together.values())
    order.shuffle(groups)
    return [task for group in groups for task in order.sample(group, len(group))]


def _mean(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else (before + after) / 2

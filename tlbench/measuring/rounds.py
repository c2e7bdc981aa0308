"""Models take turns: rounds over all of them, the reference workload between. Pure scheduling; steps are callables.

One model after the other would give each its own minutes of a machine whose speed drifts: sequential blocks once
showed two equal call paths 2.5 times apart. Here slow minutes fall on all alike.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tlbench.core.cell import Timing
from tlbench.measuring.hosts import LostError

Turn = Callable[[], tuple[float, ...]]
OnRound = Callable[[int, int], None]
MOST_ROUNDS = 20_000


@dataclass(frozen=True)
class Task:
    """A step that takes turns until it has what `timing` asks for, or `rounds` of them where that is given."""

    key: str
    timing: Timing
    turn: Turn
    rounds: int | None = None

    def waits(self, taken: "Taken") -> bool:
        """Whether it is to take further turns."""
        return taken.lost is None and not taken.enough(self.timing, self.rounds)


@dataclass
class Taken:
    """What a task gave: samples of each round, and the time of the reference workload around each. Seconds.

    reference: None for a round around which there was no reading.
    """

    rounds: list[tuple[float, ...]] = field(default_factory=list)
    reference: list[float | None] = field(default_factory=list)
    lost: LostError | None = None

    def enough(self, timing: Timing, rounds: int | None = None) -> bool:
        """Whether there are `rounds`, or else `iterations` samples that took `seconds`, or `max_seconds` are over."""
        if rounds is not None:
            return len(self.rounds) >= rounds
        count, seconds = sum(map(len, self.rounds)), sum(map(sum, self.rounds))
        if timing.max_seconds is not None and seconds >= timing.max_seconds:
            return True
        return count >= timing.iterations and seconds >= timing.seconds


def take_turns(
    tasks: Sequence[Task], reference: Callable[[], float | None], on_round: OnRound = lambda number, waiting: None
) -> tuple[dict[str, Taken], list[float]]:
    """Let all tasks take turns, in an order that is reversed every second round.

    Returns what each gave, by key, and all readings of the reference workload: before, between and after the rounds;
    `reference` gives None where there can be none. A task that raises LostError is left out from there on, with what it
    gave until then.
    """
    taken = {task.key: Taken() for task in tasks}
    readings = [reference()]
    for number in range(MOST_ROUNDS):
        waiting = [task for task in tasks if task.waits(taken[task.key])]
        if not waiting:
            break
        on_round(number + 1, len(waiting))
        took_part = []
        for task in waiting if number % 2 == 0 else reversed(waiting):
            mine = taken[task.key]
            try:
                mine.rounds.append(task.turn())
                took_part.append(mine)
            except LostError as error:
                mine.lost = error
        readings.append(reference())
        around = _mean(*readings[-2:])
        for mine in took_part:
            mine.reference.append(around)
    return taken, [reading for reading in readings if reading is not None]


def _mean(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else (before + after) / 2

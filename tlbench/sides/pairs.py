"""Step times of two environments, measured in turn: rounds in which each model of the one stands beside the other's."""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tlbench.core.cell import Timing
from tlbench.execution.executors import Participant
from tlbench.execution.job import Ready, TimerJob
from tlbench.execution.outcome import failure
from tlbench.execution.timing import TimingEvents, key_of, plan, steps_of, there_is_room
from tlbench.host.load import OtherLoad
from tlbench.host.resources import available_memory, memory_limit
from tlbench.measuring import readings as history
from tlbench.measuring.reference_version import VERSION
from tlbench.measuring.rounds import LostError, Taken, Task, take_turns
from tlbench.measuring.summary import Opened, Surroundings, summarise
from tlbench.results.record import Failure, Record, StepTiming, Timings
from tlbench.results.store import Store
from tlbench.sides.remote import Remote

Sides = tuple[str, str]
SIDES: Sides = ("a", "b")


@dataclass
class Measured:
    """One step on one side, over all its processes so far."""

    timing: Timing
    measured_with: str
    ready: Ready
    opened: Opened
    taken: Taken = field(default_factory=Taken)
    draws: tuple[int, ...] = ()

    def add(self, taken: Taken) -> None:
        """The rounds of one more process."""
        self.taken.rounds += taken.rounds
        self.taken.reference += taken.reference
        self.draws = (*self.draws, len(taken.rounds))

    def processes(self) -> tuple[tuple[tuple[float, ...], ...], ...]:
        """Rounds (samples in seconds), split by process."""
        ends = [sum(self.draws[: number + 1]) for number in range(len(self.draws))]
        return tuple(tuple(self.taken.rounds[end - count : end]) for end, count in zip(ends, self.draws, strict=True))


@dataclass
class Pairs:
    """All that was measured in turn: by the step's key, then by side. `readings`: of the reference workload."""

    session: str = field(default_factory=lambda: secrets.token_hex(6))
    found: dict[str, dict[str, Measured]] = field(default_factory=dict)
    lost: dict[str, tuple[str, Failure]] = field(default_factory=dict)
    readings: list[float] = field(default_factory=list)
    other_load: float | None = None


Undecided = Callable[[Pairs], Mapping[str, int]]
"""The keys of the steps that are to be measured on, and how many rounds would decide each (0: unknown)."""
LONGEST = 5
"""A process takes at most so many times the rounds of the first one."""


@dataclass(frozen=True)
class Effort:
    """How long measuring goes on: processes a side at most, rounds with each, and seconds after which none is begun."""

    processes: int = 4
    rounds: int = 20
    seconds: float = 1800.0


def measure(
    records: Sequence[tuple[Record, Record]],
    remotes: Mapping[str, Remote],
    effort: Effort,
    undecided: Undecided,
    events: TimingEvents,
    logs: Path,
    timeout: float,
    clock: Callable[[], float] = time.monotonic,
) -> Pairs:
    """Measure the steps of cells that both sides trained, until none is `undecided` or the effort is spent.

    Every step is measured by one process a side first; those that are undecided get another process a side, and so on.
    """
    pairs, begin = Pairs(), clock()
    both = [a for a, b in records if a.status == b.status == "ok" and a.cell.timing]
    jobs, wanted = plan(both, set()), dict[str, int]()
    for number in range(effort.processes):
        if number and clock() - begin > effort.seconds:
            break
        rounds = {key: min(max(more, effort.rounds), LONGEST * effort.rounds) for key, more in wanted.items()}
        _draw(jobs, remotes, rounds, effort.rounds, pairs, events, logs, timeout)
        wanted = {key: more for key, more in undecided(pairs).items() if key not in pairs.lost}
        jobs = [narrowed for job in jobs if (narrowed := _only(job, set(wanted))).steps]
        if not jobs:
            break
    return pairs


def write(records: Sequence[tuple[Record, Record]], stores: Mapping[str, Store], pairs: Pairs, readings: Path) -> None:
    """Write the times into the records of both sides; a cell that lost a step on either side gets none.

    `readings`: the folder that keeps the reference workload's times of earlier runs.
    """
    for couple in records:
        if couple[0].status != "ok" or couple[1].status != "ok" or couple[0].cell.timing is None:
            continue
        keys = [key_of(couple[0].cell, step) for step in steps_of(couple[0].cell)]
        lost = [pairs.lost[key] for key in keys if key in pairs.lost]
        for side, record in zip(SIDES, couple, strict=True):
            if lost:
                where, why = lost[0]
                told = why if where == side else why.model_copy(update={"message": f"on side {where}: {why.message}"})
                stores[side].write(record.model_copy(update={"timing_failure": told}))
            elif all(key in pairs.found for key in keys):
                stores[side].write(record.model_copy(update={"timings": _timings(record, keys, side, pairs, readings)}))


def _timings(record: Record, keys: Sequence[str], side: str, pairs: Pairs, readings: Path) -> Timings:
    identity, versions = record.environment.identity, record.environment.versions
    steps: list[StepTiming] = []
    ready = pairs.found[keys[0]][side].ready
    machine = history.machine_key(identity, versions, ready.device["name"], VERSION)
    seen = Surroundings(tuple(pairs.readings), history.recent(readings, machine), pairs.other_load, ready.threads)
    assert record.cell.timing is not None
    for key, step in zip(keys, steps_of(record.cell), strict=True):
        one = pairs.found[key][side]
        enough = one.timing.model_copy(update={"iterations": 1})  # how many is decided by the comparison
        summary = summarise(
            step.step, step.batch_size, one.measured_with, enough, one.opened, one.taken, seen, len(pairs.found)
        )
        steps.append(summary.model_copy(update={"session": pairs.session, "draws": one.draws}))
    return Timings(
        device="gpu" if ready.device["kind"] == "gpu" else "cpu",
        device_name=ready.device["name"],
        jit=ready.jit,
        threads=ready.threads,
        protocol=record.cell.timing.protocol,
        calls=ready.calls,
        steps=tuple(steps),
    )


def _only(job: TimerJob, keys: set[str]) -> TimerJob:
    return TimerJob(job.cell, job.classes, tuple(step for step in job.steps if key_of(job.cell, step) in keys))


def _draw(
    jobs: Sequence[TimerJob],
    remotes: Mapping[str, Remote],
    rounds: Mapping[str, int],
    else_rounds: int,
    pairs: Pairs,
    events: TimingEvents,
    logs: Path,
    timeout: float,
) -> None:
    """One process a side for each job; as many at once as memory allows."""
    waiting, total = list(jobs), len(jobs)
    while waiting:
        with ExitStack() as stack:
            backend = waiting[0].cell.backend
            reference = remotes[SIDES[0]].open_timer(None, backend, timeout, logs / "reference.log")
            stack.callback(reference.close)
            group: list[tuple[TimerJob, dict[str, Participant]]] = []
            while waiting and (not group or _room(group)):
                job = waiting.pop(0)
                events.opening(job.cell, total - len(waiting), total)
                opened = _open(job, remotes, stack, logs, timeout)
                if isinstance(opened, dict):
                    group.append((job, opened))
                elif group:  # perhaps for lack of memory beside the others: a second try, alone
                    waiting.insert(0, job)
                    break
                else:
                    side, error = opened
                    _lose(job, [key_of(job.cell, step) for step in job.steps], side, error, pairs, events, logs)
            _take(group, reference, rounds, else_rounds, pairs, events, logs)


def _room(group: Sequence[tuple[TimerJob, Mapping[str, Participant]]]) -> bool:
    largest = max(sum(one.ready.resident or 0 for one in models.values()) for _, models in group)
    return there_is_room(available_memory(), memory_limit(), largest)


def _open(
    job: TimerJob, remotes: Mapping[str, Remote], stack: ExitStack, logs: Path, timeout: float
) -> dict[str, Participant] | tuple[str, LostError]:
    """The model on both sides, built at the same time, since each traces on one core; or where and how it was lost."""

    def build(side: str) -> Participant | LostError:
        try:
            return remotes[side].open_timer(job, job.cell.backend, timeout, _log(logs, job, side))
        except LostError as error:
            return error

    with ThreadPoolExecutor(len(SIDES)) as pool:
        built = dict(zip(SIDES, pool.map(build, SIDES), strict=True))
    opened = {side: one for side, one in built.items() if not isinstance(one, LostError)}
    lost = [(side, one) for side, one in built.items() if isinstance(one, LostError)]
    for one in opened.values():
        if lost:
            one.close()
        else:
            stack.callback(one.close)
    return lost[0] if lost else opened


def _take(
    group: Sequence[tuple[TimerJob, Mapping[str, Participant]]],
    reference: Participant,
    rounds: Mapping[str, int],
    else_rounds: int,
    pairs: Pairs,
    events: TimingEvents,
    logs: Path,
) -> None:
    tasks, load = [], OtherLoad()
    for job, models in group:
        assert job.cell.timing is not None
        for index, step in enumerate(job.steps):
            key = key_of(job.cell, step)
            for side in SIDES:
                tasks.append(
                    Task(f"{side} {key}", job.cell.timing, _turn(models[side], index), rounds.get(key, else_rounds))
                )
    taken, readings = take_turns(
        tasks, lambda: reference.turn(0)[0], lambda number, waiting: events.round(number, waiting, 2 * len(group))
    )
    pairs.readings += readings
    pairs.other_load = load.cores()
    for job, models in group:
        for index, step in enumerate(job.steps):
            key = key_of(job.cell, step)
            gone = [(side, error) for side in SIDES if (error := taken[f"{side} {key}"].lost) is not None]
            if gone:
                _lose(job, [key], *gone[0], pairs, events, logs)
                continue
            beside = pairs.found.setdefault(key, {})
            for side in SIDES:
                ready = models[side].ready
                if side not in beside:
                    assert job.cell.timing is not None
                    beside[side] = Measured(job.cell.timing, job.cell.id, ready, ready.opened[index])
                beside[side].add(taken[f"{side} {key}"])
        for side in SIDES:
            _log(logs, job, side).unlink(missing_ok=True)


def _turn(participant: Participant, index: int) -> Callable[[], tuple[float, ...]]:
    return lambda: participant.turn(index)


def _log(logs: Path, job: TimerJob, side: str) -> Path:
    return logs / f"{job.cell.id}.{side}.timing.log"


def _lose(
    job: TimerJob,
    keys: Sequence[str],
    side: str,
    error: LostError,
    pairs: Pairs,
    events: TimingEvents,
    logs: Path,
) -> None:
    log = _log(logs, job, side)
    printed = log.exists() and log.stat().st_size > 0
    _, why = failure(error.args[0], f"logs/{log.name}" if printed else None)
    pairs.lost |= dict.fromkeys(keys, (side, why))
    events.lost(job.cell, why)

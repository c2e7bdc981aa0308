"""The timing phase: measure the step times of trained cells, on one side for `run`, on several in turn for `ab`."""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tlbench.core.cell import Cell
from tlbench.measuring.hosts import TimerHost
from tlbench.measuring.jobs import (
    StepJob,
    anchor_of,
    classes_in,
    key_of,
    keys_of,
    narrowed,
    plan,
    step_key,
    steps_of,
    untimed,
)
from tlbench.measuring.one_machine import OneMachine, where_timed
from tlbench.measuring.opening import TimedSide, TimingEvents
from tlbench.measuring.room import room_now
from tlbench.measuring.session import Measurement, Session
from tlbench.results.measured import Environment, Timings, changed_versions
from tlbench.results.record import Failure, Record
from tlbench.results.store import Store
from tlbench.statistics.processes import FEWEST_PROCESSES

LONGEST = 5
"""The most rounds of a process, as a multiple of the rounds of the first one."""

Measured = Mapping[str, Mapping[str, Measurement]]
"""Measurements by the key of the step, then by side."""
Undecided = Callable[[Measured], Mapping[str, int]]
"""Returns the keys of steps to measure further, with the rounds that one more process should take (0: unknown)."""


@dataclass(frozen=True)
class Effort:
    """How much to measure.

    Attributes:
        processes: the largest number of processes per side, at least `FEWEST_PROCESSES`.
        rounds: the rounds in the first process.
        seconds: the time after which no process beyond the first `FEWEST_PROCESSES` is started.

    Raises:
        ValueError: `processes` is below `FEWEST_PROCESSES`.
    """

    processes: int = 4
    rounds: int = 20
    seconds: float = 1800.0

    def __post_init__(self) -> None:
        if self.processes < FEWEST_PROCESSES:
            raise ValueError(
                f"{self.processes} processes a side: no verdict follows from fewer than {FEWEST_PROCESSES}"
            )


def time_cells(
    cells: Sequence[Cell],
    host: TimerHost,
    store: Store,
    events: TimingEvents,
    *,
    timeout: float,
    logs: Path,
    readings: Path,
    room: Callable[[int], bool] = room_now,
) -> None:
    """Measure the step times that the records of `cells` lack, and write them into the records.

    Records are written whenever a group of models is done. If a model is lost, steps that other cells share with it are
    measured once more with the model of one of them.

    Args:
        cells: the cells of the run.
        host: runs the models.
        store: the records.
        events: receives the progress.
        timeout: the longest time for one answer of a model, in seconds.
        logs: the folder for the output of models.
        readings: the folder with the reference workload's times of earlier runs.
        room: as in `Session`.
    """
    records = store.read_all().records
    waiting, times = untimed(records, cells), known_times(records)
    side = TimedSide(OneMachine(host, where_timed(records)))
    session = Session([side], events, logs, readings, timeout, room, anchor_of(records, cells))
    second_try: set[str] = set()  # keys of lost steps that are measured once more

    def write() -> None:
        for key, sides in session.measured.items():
            for measurement in sides.values() if key not in times else ():
                times[key] = measurement.timings(measurement.summary(measurement.job.timing))
        lost = {key: loss.failure for key, loss in session.lost.items()}
        for record in tuple(waiting):
            postponed = not second_try and _own_model_works(record, times, lost)
            if not postponed and (timed := with_times(record, times, lost)) is not None:
                store.write(timed)
                waiting.remove(record)

    write()  # records whose steps have all been measured for other cells
    session.measure(plan(waiting, times), after_group=write)
    second_try |= {key for record in waiting for key in keys_of(record) if key in session.lost}
    if second_try:
        session.lost = {key: loss for key, loss in session.lost.items() if key not in second_try}
        session.measure(narrowed(plan(waiting, times), second_try), after_group=write)


def _own_model_works(record: Record, times: Mapping[str, Timings], lost: Mapping[str, Failure]) -> bool:
    """Whether a step of the record was lost with another cell's model, while its own gave a training step."""
    keyed = list(zip(steps_of(record.cell), keys_of(record), strict=True))
    works = any(step.step == "training" and key in times for step, key in keyed)
    return works and any(key in lost for _, key in keyed)


def time_sides(
    cells: Sequence[Cell],
    sides: Sequence[TimedSide],
    stores: Mapping[str, Store],
    effort: Effort,
    undecided: Undecided,
    events: TimingEvents,
    *,
    timeout: float,
    logs: Path,
    readings: Path,
    room: Callable[[int], bool] = room_now,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Measure, on all sides in turn, the steps of cells that every side trained, and write them into the records.

    Every step is first measured with one process per side. Steps that are still undecided are measured again in new
    processes, until all are decided or the effort is spent, but in `FEWEST_PROCESSES` processes whatever that takes. A
    step that is lost on one side is lost on all.

    Args:
        cells: the cells of the run.
        sides: the environments to compare.
        stores: the records of each side, by its name.
        effort: how much to measure.
        undecided: says which steps to measure further.
        events: receives the progress.
        timeout: the longest time for one answer of a model, in seconds.
        logs: the folder for the output of models.
        readings: the folder with the reference workload's times of earlier runs.
        room: as in `Session`.
        clock: the time in seconds.
    """
    session = Session(sides, events, logs, readings, timeout, room)
    trained = _trained(cells, {side.name: stores[side.name].read_all().records for side in sides})
    jobs, begin = plan(trained[sides[0].name]), clock()
    rounds = {key: effort.rounds for job in jobs for key in job.keys}
    for number in range(effort.processes):
        if not jobs or (number >= FEWEST_PROCESSES and clock() - begin > effort.seconds):
            break
        session.measure(jobs, rounds)
        more = {key: count for key, count in undecided(session.measured).items() if key not in session.lost}
        rounds = {key: min(max(count, effort.rounds), LONGEST * effort.rounds) for key, count in more.items()}
        jobs = narrowed(jobs, more)
    token = secrets.token_hex(6)
    for side in sides:
        times = {key: _in_turn(by_side[side.name], token) for key, by_side in session.measured.items()}
        lost = {key: loss.told_on(side.name) for key, loss in session.lost.items()}
        for record in trained[side.name]:
            if (timed := with_times(record, times, lost)) is not None:
                stores[side.name].write(timed)


def known_times(records: Sequence[Record]) -> dict[str, Timings]:
    """The measurements in `records`, by the key of the step, each as the `Timings` of that step alone."""
    known = {}
    for record in records:
        if record.timings and record.status == "ok":
            timings, environment = record.timings, record.where_timed
            for step in timings.steps:
                job = StepJob(step=step.step, batch_size=step.batch_size)
                key = key_of(record.cell, job, classes_in(record))
                known[key] = timings.model_copy(update={"steps": (step,), "environment": environment})
    return known


def with_times(record: Record, times: Mapping[str, Timings], lost: Mapping[str, Failure]) -> Record | None:
    """`record` with the times of its steps, or with the reason why one is lost; None if some are not measured yet."""
    keys = keys_of(record)
    if not all(key in times or key in lost for key in keys):
        return None
    losses = [lost[key] for key in keys if key in lost]
    if losses:
        return record.model_copy(update={"timing_failure": losses[0]})
    by_step = [times[key] for key in keys]
    steps = tuple(step for timings in by_step for step in timings.steps)
    elsewhere = [timings.environment for timings in by_step if not _same_place(timings.environment, record.environment)]
    environment = elsewhere[0] if elsewhere else None
    timings = by_step[0].model_copy(update={"steps": steps, "environment": environment})
    return record.model_copy(update={"timings": timings, "timing_failure": None})


def _same_place(there: Environment | None, here: Environment) -> bool:
    if there is None:
        return True
    same = (there.node, there.identity) == (here.node, here.identity)
    return same and not changed_versions(there.versions, here.versions)


def _in_turn(measurement: Measurement, token: str) -> Timings:
    """Times measured in turn with other sides. They are always complete: the comparison decided how many it needed."""
    summary = measurement.summary(measurement.job.timing.model_copy(update={"iterations": 1}))
    return measurement.timings(summary.model_copy(update={"session": token, "draws": measurement.draws}))


def _trained(cells: Sequence[Cell], records: Mapping[str, Sequence[Record]]) -> dict[str, list[Record]]:
    """By side, the trained records with steps of `cells`, in their order, whose steps every side has.

    Records are matched by their steps, since another version of tlbench gives the same cell another id.
    """
    steps = dict.fromkeys(key for cell in cells if cell.timing for key in _steps(cell))
    place = {key: index for index, key in enumerate(steps)}
    by_side = {
        side: [one for one in there if one.status == "ok" and one.cell.timing and {*_steps(one.cell)} <= steps.keys()]
        for side, there in records.items()
    }
    common = set.intersection(*({key for record in there for key in keys_of(record)} for there in by_side.values()))
    return {
        side: sorted(
            (record for record in there if {*keys_of(record)} <= common),
            key=lambda record: [place[key] for key in _steps(record.cell)],
        )
        for side, there in by_side.items()
    }


def _steps(cell: Cell) -> list[str]:
    return [step_key(cell, step) for step in steps_of(cell)]

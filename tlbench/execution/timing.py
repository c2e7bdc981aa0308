"""The timing phase of a run: trained models take turns, and every cell's record gets its step times."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tlbench.core.cell import ORIGINAL_CLASSES, Cell
from tlbench.execution.executors import Executor, Participant
from tlbench.execution.job import Ready, StepJob, TimerJob
from tlbench.execution.outcome import failure
from tlbench.host.environment import capture
from tlbench.host.load import OtherLoad
from tlbench.host.resources import available_memory, memory_limit
from tlbench.measuring import readings as history
from tlbench.measuring.reference_version import VERSION
from tlbench.measuring.rounds import LostError, Taken, Task, take_turns
from tlbench.measuring.summary import Surroundings, summarise
from tlbench.results.record import Failure, Record, StepTiming, Timings
from tlbench.results.store import Store

KEPT_FREE = 0.25
"""Share of the memory that stays free when another model joins."""


class TimingEvents(Protocol):
    """Who wants to know how the timing phase goes."""

    def opening(self, cell: Cell, number: int, total: int) -> None:
        """Model `number` of `total` is built and warmed up."""

    def round(self, number: int, waiting: int, models: int) -> None:
        """Round `number` begins, in which `waiting` steps of `models` models take turns."""

    def lost(self, cell: Cell, why: Failure) -> None:
        """The model of `cell` can give no step times, nor can those that would have shared them."""


@dataclass(frozen=True)
class Measured:
    """One measurement, and the device and settings it was taken with."""

    timing: StepTiming
    ready: Ready


@dataclass
class Found:
    """What the phase knows: measurements and failures, by timing key."""

    measured: dict[str, Measured] = field(default_factory=dict)
    lost: dict[str, Failure] = field(default_factory=dict)


def untimed(records: Sequence[Record], cells: Sequence[Cell]) -> list[Record]:
    """Records of `cells` that were trained and still wait for their step times, in the order of the cells."""
    waiting = {one.cell_id: one for one in records if one.status == "ok" and one.timings is None}
    return [waiting[cell.id] for cell in cells if cell.timing and cell.id in waiting]


def steps_of(cell: Cell) -> list[StepJob]:
    """Inference at every batch size, training at the first where there is any."""
    assert cell.timing is not None
    sizes = (cell.timing.batch_size, *cell.timing.more_batch_sizes)
    steps = [StepJob("inference", size) for size in dict.fromkeys(sizes)]
    return [*steps, *([StepJob("training", sizes[0])] if cell.train else [])]


def key_of(cell: Cell, step: StepJob) -> str:
    """Equal for steps that one measurement stands for."""
    return f"{cell.timing_key(step.step)} batch {step.batch_size}"


def plan(waiting: Sequence[Record], known: set[str]) -> list[TimerJob]:
    """The models to build so that every step of `waiting` that is not `known` is measured once."""
    jobs, planned = [], set(known)
    for record in waiting:
        steps = [step for step in steps_of(record.cell) if key_of(record.cell, step) not in planned]
        planned |= {key_of(record.cell, step) for step in steps}
        if steps:
            classes = len(record.data.classes) if record.data and record.cell.train else ORIGINAL_CLASSES
            jobs.append(TimerJob(record.cell, classes, tuple(steps)))
    return jobs


def time_cells(
    cells: Sequence[Cell],
    executor: Executor,
    store: Store,
    events: TimingEvents,
    *,
    timeout: float,
    logs: Path,
    readings: Path,
    room: Callable[[int], bool] = lambda largest: there_is_room(available_memory(), memory_limit(), largest),
) -> None:
    """Measure the step times that the records of `cells` lack, and write them into the records.

    Models are built one after the other until `room`, given the bytes of the largest, says that memory is used up, or
    until one cannot be built; those take turns with the reference workload between their rounds, and make room for the
    next. `readings` is the
    folder that keeps the reference workload's times of earlier runs; `timeout` is seconds for one model's answer.
    """
    records = store.read_all().records
    waiting = untimed(records, cells)
    found = Found(measured=_known(records))
    jobs = plan(waiting, set(found.measured))
    total = len(jobs)
    while jobs:
        with ExitStack() as stack:
            group: list[tuple[TimerJob, Participant]] = []
            backend = jobs[0].cell.backend
            reference = executor.open_timer(None, backend, timeout, logs / "reference.log")
            stack.callback(reference.close)
            while jobs and (not group or room(max(one.ready.resident or 0 for _, one in group))):
                job = jobs.pop(0)
                events.opening(job.cell, total - len(jobs), total)
                log = logs / f"{job.cell.id}.timing.log"
                try:
                    participant = executor.open_timer(job, backend, timeout, log)
                except LostError as error:
                    if group:  # perhaps for lack of memory beside the others: it gets a second try, alone
                        jobs.insert(0, job)
                        break
                    _lose(found, job, job.steps, error, log, events)
                    continue
                stack.callback(participant.close)
                group.append((job, participant))
            _measure(group, reference, found, events, readings, logs)
            (logs / "reference.log").unlink(missing_ok=True)
        waiting = [record for record in waiting if not _write(record, found, store)]


def there_is_room(available: int, limit: int, largest: int) -> bool:
    """Whether one more model, perhaps a third larger than the `largest` so far, leaves enough memory free (bytes)."""
    return available - 1.3 * largest > KEPT_FREE * limit


def _measure(
    group: Sequence[tuple[TimerJob, Participant]],
    reference: Participant,
    found: Found,
    events: TimingEvents,
    folder: Path,
    logs: Path,
) -> None:
    if not group:
        return
    tasks, load = [], OtherLoad()
    for job, participant in group:
        timing = job.cell.timing
        assert timing is not None
        for index, step in enumerate(job.steps):
            turn = _turn(participant, index)
            tasks.append(Task(key_of(job.cell, step), timing, turn))
    taken, readings = take_turns(
        tasks, lambda: reference.turn(0)[0], lambda number, waiting: events.round(number, waiting, len(group))
    )
    environment, device = capture(reference.ready.device), reference.ready.device["name"]
    machine = history.machine_key(environment.identity, environment.versions, device, VERSION)
    seen = Surroundings(tuple(readings), history.recent(folder, machine), load.cores(), reference.ready.threads)
    history.remember(folder, machine, readings)
    for job, participant in group:
        _keep(job, participant.ready, taken, seen, len(group), found, logs, events)


def _turn(participant: Participant, index: int) -> Callable[[], tuple[float, ...]]:
    return lambda: participant.turn(index)


def _keep(
    job: TimerJob,
    ready: Ready,
    taken: dict[str, Taken],
    seen: Surroundings,
    models: int,
    found: Found,
    logs: Path,
    events: TimingEvents,
) -> None:
    timing = job.cell.timing
    assert timing is not None
    for step, opened in zip(job.steps, ready.opened, strict=True):
        key = key_of(job.cell, step)
        error = taken[key].lost
        if error is not None:
            _lose(found, job, (step,), error, logs / f"{job.cell.id}.timing.log", events)
            continue
        (logs / f"{job.cell.id}.timing.log").unlink(missing_ok=True)
        summary = summarise(step.step, step.batch_size, job.cell.id, timing, opened, taken[key], seen, models)
        found.measured[key] = Measured(summary, ready)


def _lose(
    found: Found, job: TimerJob, steps: Sequence[StepJob], error: LostError, log: Path, events: TimingEvents
) -> None:
    printed = log.exists() and log.stat().st_size > 0
    _, why = failure(error.args[0], f"logs/{log.name}" if printed else None)
    found.lost |= {key_of(job.cell, step): why for step in steps}
    events.lost(job.cell, why)


def _write(record: Record, found: Found, store: Store) -> bool:
    """Write the record where all its steps are measured or lost; False where some are still to come."""
    keys = [key_of(record.cell, step) for step in steps_of(record.cell)]
    if not all(key in found.measured or key in found.lost for key in keys):
        return False
    lost = [found.lost[key] for key in keys if key in found.lost]
    if lost:
        store.write(record.model_copy(update={"timing_failure": lost[0]}))
        return True
    steps = [found.measured[key] for key in keys]
    timings = _timings(record.cell, steps)
    store.write(record.model_copy(update={"timings": timings, "timing_failure": None}))
    return True


def _timings(cell: Cell, steps: Sequence[Measured]) -> Timings:
    assert cell.timing is not None
    ready = steps[0].ready
    return Timings(
        device="gpu" if ready.device["kind"] == "gpu" else "cpu",
        device_name=ready.device["name"],
        jit=ready.jit,
        threads=ready.threads,
        protocol=cell.timing.protocol,
        calls=ready.calls,
        steps=tuple(step.timing for step in steps),
    )


def _known(records: Sequence[Record]) -> dict[str, Measured]:
    """Measurements of cells that have theirs already."""
    known = {}
    for record in records:
        if record.timings and record.status == "ok":
            one = record.timings
            device = {"kind": one.device, "name": one.device_name}
            ready = Ready(device, one.jit, one.threads, one.calls, (), None)
            for step in one.steps:
                key = key_of(record.cell, StepJob(step.step, step.batch_size))
                known[key] = Measured(step, ready)
    return known

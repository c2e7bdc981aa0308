"""One session of measuring: models of one side, or of several, are opened until memory is full and take turns.

A side is whoever hosts models: this environment for `run`, two environments for `ab`. Every step that is measured has a
key, and is measured on all sides beside each other.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tlbench.core.cell import Cell, Timing
from tlbench.host import resources
from tlbench.host.load import OtherLoad
from tlbench.measuring.hosts import LostError, Opened, Participant, Ready, TimerHost
from tlbench.measuring.jobs import ModelJob, ReferenceJob, StepJob
from tlbench.measuring.readings import Reference
from tlbench.measuring.room import gpu_room_now, room_now
from tlbench.measuring.rounds import Taken, Task, Turn, take_turns
from tlbench.measuring.steps import pace
from tlbench.measuring.summary import Beside, Surroundings, summarise
from tlbench.measuring.warm_up import warm_up
from tlbench.results.measured import StepTiming, Timings
from tlbench.results.record import Failure

ANCHOR = "anchor"
HOPELESS = "invalid"
"""How a model is lost that could not be built alone either; all others may be for lack of memory, whatever they say."""


class TimingEvents(Protocol):
    """Who wants to know how the timing phase goes."""

    def opening(self, cell: Cell, number: int, total: int) -> None:
        """Model `number` of `total` is built and warmed up."""

    def round(self, number: int, waiting: int, models: int) -> None:
        """Round `number` begins, in which `waiting` steps of `models` models take turns."""

    def lost(self, cell: Cell, why: Failure) -> None:
        """The model of `cell` can give no step times, nor can those that would have shared them."""

    def reference_lost(self, why: Failure) -> None:
        """The reference workload gives no readings any more; the models go on without."""


@dataclass(frozen=True)
class TimedSide:
    """Where the models of one side live. `name` tells sides apart in logs and sentences; the only side needs none."""

    host: TimerHost
    name: str = ""

    def log(self, folder: Path, job: ModelJob) -> Path:
        """What this side's model of `job` prints."""
        return folder / ".".join(filter(None, [job.id, self.name, "timing", "log"]))


@dataclass
class Measurement:
    """One step on one side, over all its processes so far; `draws` are the rounds of each."""

    job: ModelJob
    step: StepJob
    ready: Ready
    opened: Opened
    taken: Taken
    seen: Surroundings
    draws: tuple[int, ...]
    anchor: Beside | None = None

    @classmethod
    def first(
        cls, job: ModelJob, index: int, ready: Ready, taken: Taken, seen: Surroundings, anchor: Beside | None
    ) -> "Measurement":
        """What the first process gave of step `index` of `job`."""
        return cls(job, job.steps[index], ready, ready.opened[index], taken, seen, (len(taken.rounds),), anchor)

    def add(self, taken: Taken, seen: Surroundings) -> None:
        """The rounds of one more process."""
        self.taken.rounds += taken.rounds
        self.taken.reference += taken.reference
        self.taken.gpu += taken.gpu
        self.seen = self.seen.followed_by(seen)
        self.draws = (*self.draws, len(taken.rounds))

    def processes(self) -> tuple[tuple[tuple[float, ...], ...], ...]:
        """Rounds (samples in seconds), split by process."""
        ends = [sum(self.draws[: number + 1]) for number in range(len(self.draws))]
        return tuple(tuple(self.taken.rounds[end - count : end]) for end, count in zip(ends, self.draws, strict=True))

    @property
    def own_reference(self) -> bool:
        """Whether the reference workload was computed where this step was."""
        return self.seen.reference == self.job.reference

    def summary(self, timing: Timing) -> StepTiming:
        """What a record says of it, by the protocol and the iterations of `timing`."""
        own = self.own_reference
        return summarise(self.step, self.job.id, timing, self.opened, self.taken, self.seen, self.anchor, own)

    def timings(self, step: StepTiming) -> Timings:
        """`step`, with the device and the settings it was taken with."""
        ready = self.ready
        return Timings(
            device="gpu" if ready.device["kind"] == "gpu" else "cpu",
            device_name=ready.device["name"],
            environment=ready.environment,
            jit=ready.jit,
            threads=ready.threads,
            protocol=self.job.timing.protocol,
            calls=ready.calls,
            arithmetic=ready.arithmetic,
            peak=dict(self.seen.peak) if self.own_reference else {},
            steps=(step,),
        )


@dataclass(frozen=True)
class Loss:
    """A step that can give no times, and the side on which it was lost."""

    side: str
    failure: Failure

    def told_on(self, side: str) -> Failure:
        """The failure in words that are right in the records of `side`."""
        if side == self.side:
            return self.failure
        return self.failure.model_copy(update={"message": f"on the {self.side} side: {self.failure.message}"})


@dataclass(frozen=True)
class _OpenModel:
    """A model that waits for its turns on every side, by the side's name."""

    job: ModelJob
    participants: Mapping[str, Participant]

    @property
    def resident(self) -> int:
        """Bytes of memory it has on all sides."""
        return sum(participant.ready.resident or 0 for participant in self.participants.values())

    @property
    def computes_on_gpu(self) -> bool:
        """Whether it does on all sides, by the word of its backend there."""
        return all(participant.ready.device["kind"] == "gpu" for participant in self.participants.values())

    @property
    def on_gpu(self) -> int:
        """Bytes of the card's memory that it has had at most on all sides, choosing its kernels included."""
        ready = [participant.ready for participant in self.participants.values()]
        steps = [step.device_memory or 0 for one in ready for step in one.opened]
        return len(ready) * max([*steps, *(one.device_memory or 0 for one in ready)])

    @property
    def card(self) -> str:
        """Where its GPU is plugged in, as in `host.gpu`."""
        return next((one.ready.device.get("card", "") for one in self.participants.values()), "")

    def turn(self, side: str, index: int) -> Turn:
        """A turn of step `index` on `side`, at the same pace on all."""
        opened = [participant.ready.opened[index] for participant in self.participants.values()]
        mine, how = self.participants[side], pace(opened)
        return lambda: mine.turn(index, how)


@dataclass
class Session:
    """Measures steps, and knows what was `measured` (by key, then by side) and what was `lost` (by key).

    logs: folder for what models print. readings: folder that keeps the reference workload's times of earlier runs.
    timeout: seconds for one answer of a model. room: given the bytes of the largest model so far, whether another one
    may be opened beside those that are; gpu_room: the same of a GPU, as `gpu_room_now`. anchor: a model that takes
    turns in every group, so that times of all groups are relative to the same; of one side alone. builders: how many
    are built at once where they compute on a GPU; on a CPU the warm-up of one would share the cores with the tracing of
    another.
    """

    sides: Sequence[TimedSide]
    events: TimingEvents
    logs: Path
    readings: Path
    timeout: float
    room: Callable[[int], bool] = room_now
    anchor: ModelJob | None = None
    gpu_room: Callable[[int, int, str], bool] = gpu_room_now
    builders: int = field(default_factory=lambda: resources.builders())
    measured: dict[str, dict[str, Measurement]] = field(default_factory=dict)
    lost: dict[str, Loss] = field(default_factory=dict)

    def measure(
        self,
        jobs: Sequence[ModelJob],
        rounds: Mapping[str, int] | None = None,
        after_group: Callable[[], None] = lambda: None,
    ) -> None:
        """Measure the steps of `jobs`, one process a side for each: `rounds` of a key, else what its protocol asks for.

        Models are opened one after the other until there is no `room`, or until one cannot be built beside them;
        those take turns with the reference workload between their rounds, and make room for the next group.
        """
        self.logs.mkdir(parents=True, exist_ok=True)
        waiting = list(jobs)
        while waiting:
            with ExitStack() as stack:
                reference = self._open_reference(waiting[0].reference, stack)
                group, anchor = self._open_group(waiting, len(jobs), stack)
                self._take(group, anchor, reference, rounds or {})
            after_group()

    def _open_reference(self, job: ReferenceJob, stack: ExitStack) -> Reference:
        log = self.logs / "reference.log"
        host, tell = self.sides[0].host, self.events.reference_lost
        return Reference(host, job, self.timeout, log, self.readings, tell, stack)

    def _open_anchor(self, first: _OpenModel, stack: ExitStack) -> _OpenModel | None:
        """The anchor; None where the `first` model of the group is the anchor itself, and where it finds no room."""
        if self.anchor is None or set(self.anchor.keys) <= set(first.job.keys) or not self.room(first.resident):
            return None
        (opened,) = self._open([self.anchor], stack)
        return _OpenModel(self.anchor, opened) if isinstance(opened, dict) else None

    def _open_group(
        self, waiting: list[ModelJob], total: int, stack: ExitStack
    ) -> tuple[list[_OpenModel], _OpenModel | None]:
        """Open models from the front of `waiting`, as many as there is room for, at least one, and the anchor."""
        group: list[_OpenModel] = []
        anchor: _OpenModel | None = None
        while count := self._how_many(group, len(waiting)):
            jobs = [waiting.pop(0) for _ in range(count)]
            for number, job in enumerate(jobs, total - len(waiting) - count + 1):
                self.events.opening(job.cell, number, total)
            crowded = []
            for job, opened in zip(jobs, self._open(jobs, stack), strict=True):
                if isinstance(opened, dict):
                    group.append(_OpenModel(job, opened))
                elif group and opened[1].status != HOPELESS:
                    crowded.append(job)
                else:
                    side, error = opened
                    self._lose(job, job.keys, Loss(side, error.failure))
            if crowded:  # they get a second try, first in the next group
                waiting[:0] = crowded
                break
            if anchor is None and group:
                anchor = self._open_anchor(group[0], stack)
        return group, anchor

    def _how_many(self, group: Sequence[_OpenModel], waiting: int) -> int:
        """How many models may be built next, at once: one where none is there yet that says how large models are."""
        if not group:
            return min(1, waiting)
        builders = self.builders if all(model.computes_on_gpu for model in group) else 1
        return next((count for count in range(min(builders, waiting), 0, -1) if self._fit(count, group)), 0)

    def _fit(self, count: int, group: Sequence[_OpenModel]) -> bool:
        """Whether `count` models like the largest of `group` may be opened at once beside it."""
        on_gpu = [model for model in group if model.computes_on_gpu]
        largest = max((model.on_gpu for model in on_gpu), default=0)
        fit = self.room(count * max(model.resident for model in group))
        return fit and (not on_gpu or self.gpu_room(count, largest, on_gpu[0].card))

    def _open(self, jobs: Sequence[ModelJob], stack: ExitStack) -> list[dict[str, Participant] | tuple[str, LostError]]:
        """Each model on every side, all built at the same time, since each traces on one core; or who lost it."""

        def build(wanted: tuple[ModelJob, TimedSide]) -> Participant | LostError:
            job, side = wanted
            try:
                return side.host.open(job, self.timeout, side.log(self.logs, job))
            except LostError as error:
                return error

        built = iter(_at_once(build, [(job, side) for job in jobs for side in self.sides]))
        return [self._opened(job, {side.name: next(built) for side in self.sides}, stack) for job in jobs]

    def _opened(
        self, job: ModelJob, built: Mapping[str, Participant | LostError], stack: ExitStack
    ) -> dict[str, Participant] | tuple[str, LostError]:
        """A model, there and warm on every side, to be closed with `stack`; else none, and a side that lost it."""
        opened = {side: model for side, model in built.items() if not isinstance(model, LostError)}
        lost = [(side, error) for side, error in built.items() if isinstance(error, LostError)]
        lost = lost or warm_up(opened, job.timing)
        for model in opened.values():
            if lost:
                model.close()
            else:
                stack.callback(model.close)
        return lost[0] if lost else opened

    def _take(
        self,
        group: Sequence[_OpenModel],
        anchor: _OpenModel | None,
        reference: Reference,
        rounds: Mapping[str, int],
    ) -> None:
        """Let the models of a group take turns, the anchor among them, and keep what they gave."""
        if group:
            load, models = OtherLoad(), (len(group) + (anchor is not None)) * len(self.sides)
            taken, readings = take_turns(
                [*self._tasks(group, rounds), *(self._beside(anchor) if anchor else ())],
                reference.read,
                lambda number, waiting: self.events.round(number, waiting, models),
            )
            cores = group[0].participants[self.sides[0].name].ready.threads
            seen = Surroundings(load.cores(), cores, models, reference.lost, reference.peak, reference.job)
            reference.keep(readings)
            for model in group:
                self._keep(model, taken, seen)
        if reference.lost is None:
            (self.logs / "reference.log").unlink(missing_ok=True)

    def _tasks(self, group: Sequence[_OpenModel], rounds: Mapping[str, int]) -> list[Task]:
        return [
            Task(_name(side, key), model.job.timing, model.turn(side.name, index), rounds.get(key), key)
            for model in group
            for index, key in enumerate(model.job.keys)
            for side in self.sides
        ]

    def _beside(self, anchor: _OpenModel) -> list[Task]:
        (side,) = self.sides
        keys = enumerate(anchor.job.keys)
        return [Task(_name(side, key, ANCHOR), None, anchor.turn(side.name, index)) for index, key in keys]

    def _anchor_of(self, step: StepJob, taken: Mapping[str, Taken]) -> Beside | None:
        """What the anchor gave of a step like `step`: one of the group, or a model of its own beside the group."""
        if self.anchor is None or step not in self.anchor.steps:
            return None
        (side,), key = self.sides, self.anchor.keys[self.anchor.steps.index(step)]
        turns = taken.get(_name(side, key, ANCHOR)) or taken.get(_name(side, key))
        return Beside(self.anchor.id, turns.rounds) if turns else None

    def _keep(self, model: _OpenModel, taken: Mapping[str, Taken], seen: Surroundings) -> None:
        job, losses = model.job, dict[str, Loss]()
        for index, key in enumerate(job.keys):
            by_side = {side.name: taken[_name(side, key)] for side in self.sides}
            gone = [Loss(name, turns.lost.failure) for name, turns in by_side.items() if turns.lost]
            if gone:
                losses[key] = gone[0]
                continue
            known = self.measured.setdefault(key, {})
            for name, turns in by_side.items():
                if name in known:
                    known[name].add(turns, seen)
                else:
                    ready, anchor = model.participants[name].ready, self._anchor_of(job.steps[index], taken)
                    known[name] = Measurement.first(job, index, ready, turns, seen, anchor)
        if losses:
            self._lose(job, list(losses), next(iter(losses.values())))
            return
        for side in self.sides:
            side.log(self.logs, job).unlink(missing_ok=True)

    def _lose(self, job: ModelJob, keys: Sequence[str], loss: Loss) -> None:
        self.lost |= dict.fromkeys(keys, loss)
        self.events.lost(job.cell, loss.failure)


def _at_once(
    build: Callable[[tuple[ModelJob, TimedSide]], Participant | LostError],
    wanted: Sequence[tuple[ModelJob, TimedSide]],
) -> list[Participant | LostError]:
    if len(wanted) == 1:  # in this thread, which Ctrl-C reaches
        return [build(wanted[0])]
    with ThreadPoolExecutor(len(wanted)) as pool:
        return list(pool.map(build, wanted))


def _name(side: TimedSide, key: str, role: str = "") -> str:
    return f"{side.name} {role} {key}"

"""A timing session: open as many models as fit into memory, and let them take turns.

Models are hosted by sides: `run` has one, this environment; `ab` has two environments. Every step has a key, and is
measured on all sides in the same rounds.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tlbench.core.cell import Timing
from tlbench.host import resources
from tlbench.host.load import OtherLoad
from tlbench.measuring.hosts import Opened, Ready
from tlbench.measuring.jobs import ModelJob, ReferenceJob, StepJob
from tlbench.measuring.opening import HOPELESS, Opener, OpenModel, Refused, TimedSide, TimingEvents
from tlbench.measuring.readings import Reference
from tlbench.measuring.room import gpu_room_now, room_now
from tlbench.measuring.rounds import Taken, Task, seeded, take_turns
from tlbench.measuring.summary import Beside, Surroundings, summarise
from tlbench.results.measured import StepTiming, Timings
from tlbench.results.record import Failure

ANCHOR = "anchor"


@dataclass
class Measurement:
    """The measurement of one step on one side, over all processes so far; `draws` has the rounds in each process."""

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
        """The measurement of step `index` of `job` in its first process."""
        return cls(job, job.steps[index], ready, ready.opened[index], taken, seen, (len(taken.rounds),), anchor)

    def add(self, taken: Taken, seen: Surroundings) -> None:
        """Add the rounds of another process."""
        self.taken.rounds += taken.rounds
        self.taken.reference += taken.reference
        self.taken.gpu += taken.gpu
        self.seen = self.seen.followed_by(seen)
        self.draws = (*self.draws, len(taken.rounds))

    def processes(self) -> tuple[tuple[tuple[float, ...], ...], ...]:
        """The samples in seconds, by process and round."""
        ends = [sum(self.draws[: number + 1]) for number in range(len(self.draws))]
        return tuple(tuple(self.taken.rounds[end - count : end]) for end, count in zip(ends, self.draws, strict=True))

    @property
    def own_reference(self) -> bool:
        """Whether the reference workload ran on the same backend and device as this step."""
        return self.seen.reference == self.job.reference

    def summary(self, timing: Timing) -> StepTiming:
        """The summary for a record, by the protocol `timing`."""
        own = self.own_reference
        return summarise(self.step, self.job.id, timing, self.opened, self.taken, self.seen, self.anchor, own)

    def timings(self, step: StepTiming) -> Timings:
        """`step` with the device and the settings that it was measured with."""
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
    """A step that cannot be timed, and the side on which it was lost."""

    side: str
    failure: Failure

    def told_on(self, side: str) -> Failure:
        """The failure as the records of `side` describe it."""
        if side == self.side:
            return self.failure
        return self.failure.model_copy(update={"message": f"on the {self.side} side: {self.failure.message}"})


@dataclass
class Session:
    """Measures steps on all sides.

    Attributes:
        sides: the sides.
        events: receives the progress.
        logs: the folder for the output of models.
        readings: the folder with the reference workload's times of earlier runs.
        timeout: the longest time for one answer of a model, in seconds.
        room: whether another model fits into memory, given the size of the largest one so far in bytes.
        anchor: a model that takes turns in every group, so that times of all groups are relative to the same model;
            only with a single side.
        gpu_room: the same as `room` for the memory of a GPU, as `gpu_room_now`.
        builders: how many models are built in parallel on a GPU. On a CPU it is always one, because the warm-up of a
            model would compete with the tracing of another.
        measured: the measurements, by the key of the step and by side.
        lost: the steps that cannot be timed, by key.
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
    _order: random.Random = field(default_factory=seeded, init=False, repr=False)

    def measure(
        self,
        jobs: Sequence[ModelJob],
        rounds: Mapping[str, int] | None = None,
        after_group: Callable[[], None] = lambda: None,
    ) -> None:
        """Measure the steps of `jobs`, with one process per side for each model.

        Models are opened until there is no more room, or one cannot be built beside the others. These form a group:
        they take turns, with the reference workload between rounds, and are closed before the next group is opened.

        Args:
            jobs: the models and their steps.
            rounds: the number of rounds by key, in place of what the protocol asks for.
            after_group: called when a group is done.
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

    def _open_group(
        self, waiting: list[ModelJob], total: int, stack: ExitStack
    ) -> tuple[list[OpenModel], OpenModel | None]:
        """Take models from the front of `waiting` and open as many as fit, at least one, and the anchor."""
        opener = Opener(self.sides, self.logs, self.timeout, self.room, self.gpu_room, self.builders)

        def take() -> ModelJob:
            self.events.opening(waiting[0].cell, total - len(waiting) + 1, total)
            return waiting.pop(0)

        while waiting:  # the first is built alone, to see how large models are
            first = opener.one(take(), stack)
            if isinstance(first, OpenModel):
                break
            self._refuse(first)
        else:
            return [], None
        group, anchor = [first], self._open_anchor(opener, first, stack)
        crowded: list[ModelJob] = []
        for refused in opener.others(waiting, take, group, stack):
            if refused.error.status == HOPELESS:
                self._refuse(refused)
            else:
                crowded.append(refused.job)
        waiting[:0] = crowded  # they are tried again at the beginning of the next group
        return group, anchor

    def _open_anchor(self, opener: Opener, first: OpenModel, stack: ExitStack) -> OpenModel | None:
        """Open the anchor beside a group; None if the group's `first` model is the anchor, or there is no room."""
        if self.anchor is None or set(self.anchor.keys) <= set(first.job.keys) or not self.room(first.resident):
            return None
        opened = opener.one(self.anchor, stack)
        return opened if isinstance(opened, OpenModel) else None

    def _take(
        self,
        group: Sequence[OpenModel],
        anchor: OpenModel | None,
        reference: Reference,
        rounds: Mapping[str, int],
    ) -> None:
        """Let the models of a group, and the anchor, take turns, and store the measurements."""
        if group:
            load, models = OtherLoad(), (len(group) + (anchor is not None)) * len(self.sides)
            taken, readings = take_turns(
                [*self._tasks(group, rounds), *(self._beside(anchor) if anchor else ())],
                reference.read,
                lambda number, waiting: self.events.round(number, waiting, models),
                self._order,
            )
            cores = group[0].participants[self.sides[0].name].ready.threads
            seen = Surroundings(load.cores(), cores, models, reference.lost, reference.peak, reference.job)
            reference.keep(readings)
            for model in group:
                self._keep(model, taken, seen)
        if reference.lost is None:
            (self.logs / "reference.log").unlink(missing_ok=True)

    def _tasks(self, group: Sequence[OpenModel], rounds: Mapping[str, int]) -> list[Task]:
        return [
            Task(_name(side, key), model.job.timing, model.turn(side.name, index), rounds.get(key), key)
            for model in group
            for index, key in enumerate(model.job.keys)
            for side in self.sides
        ]

    def _beside(self, anchor: OpenModel) -> list[Task]:
        (side,) = self.sides
        keys = enumerate(anchor.job.keys)
        return [Task(_name(side, key, ANCHOR), None, anchor.turn(side.name, index)) for index, key in keys]

    def _anchor_of(self, step: StepJob, taken: Mapping[str, Taken]) -> Beside | None:
        """The anchor's samples of a step like `step`, whether the anchor is beside the group or a member of it."""
        if self.anchor is None or step not in self.anchor.steps:
            return None
        (side,), key = self.sides, self.anchor.keys[self.anchor.steps.index(step)]
        turns = taken.get(_name(side, key, ANCHOR)) or taken.get(_name(side, key))
        return Beside(self.anchor.id, turns.rounds) if turns else None

    def _keep(self, model: OpenModel, taken: Mapping[str, Taken], seen: Surroundings) -> None:
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

    def _refuse(self, refused: Refused) -> None:
        self._lose(refused.job, refused.job.keys, Loss(refused.side, refused.error.failure))

    def _lose(self, job: ModelJob, keys: Sequence[str], loss: Loss) -> None:
        self.lost |= dict.fromkeys(keys, loss)
        self.events.lost(job.cell, loss.failure)


def _name(side: TimedSide, key: str, role: str = "") -> str:
    return f"{side.name} {role} {key}"

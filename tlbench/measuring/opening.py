"""Open the models of a timing session in groups: as many as fit into memory take turns together.

On a GPU several are built at the same time, because compiling a model keeps one or two cores busy for up to a minute.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tlbench.core.cell import Cell
from tlbench.measuring.hosts import LostError, Participant, TimerHost
from tlbench.measuring.jobs import ModelJob
from tlbench.measuring.rounds import Turn
from tlbench.measuring.steps import pace
from tlbench.measuring.warm_up import warm_up
from tlbench.results.record import Failure

HOPELESS = "invalid"
"""The status of a model that cannot be built at all. Any other failure may be a lack of memory, whatever it says."""


class TimingEvents(Protocol):
    """Receives the progress of the timing phase."""

    def opening(self, cell: Cell, number: int, total: int) -> None:
        """Model `number` of `total` is being built and warmed up."""
        return

    def round(self, number: int, waiting: int, models: int) -> None:
        """Round `number` begins; `waiting` steps need more turns, and `models` models take part."""
        return

    def lost(self, cell: Cell, why: Failure) -> None:
        """The model of `cell` is lost, and with it step times that other cells share."""
        return

    def reference_lost(self, why: Failure) -> None:
        """The reference workload is lost; the models go on without it."""
        return


@dataclass(frozen=True)
class TimedSide:
    """A side: a host for models, with a name for logs and messages (empty if it is the only side)."""

    host: TimerHost
    name: str = ""

    def log(self, folder: Path, job: ModelJob) -> Path:
        """The file for the output of this side's model of `job`."""
        return folder / ".".join(filter(None, [job.id, self.name, "timing", "log"]))


@dataclass(frozen=True)
class OpenModel:
    """A model that is ready to take turns on every side, by the side's name."""

    job: ModelJob
    participants: Mapping[str, Participant]

    @property
    def resident(self) -> int:
        """Its resident memory on all sides together, in bytes."""
        return sum(participant.ready.resident or 0 for participant in self.participants.values())

    @property
    def computes_on_gpu(self) -> bool:
        """Whether it runs on a GPU on all sides, according to its backend."""
        return all(participant.ready.device["kind"] == "gpu" for participant in self.participants.values())

    @property
    def on_gpu(self) -> int:
        """An upper bound on its GPU memory on all sides together, in bytes, including the autotuning of kernels."""
        ready = [participant.ready for participant in self.participants.values()]
        steps = [step.device_memory or 0 for one in ready for step in one.opened]
        return len(ready) * max([*steps, *(one.device_memory or 0 for one in ready)])

    @property
    def card(self) -> str:
        """The GPU that it runs on, as in `host.gpu`."""
        return next((one.ready.device.get("card", "") for one in self.participants.values()), "")

    def turn(self, side: str, index: int) -> Turn:
        """A function that takes a turn of step `index` on `side`, at the pace that is common to all sides."""
        opened = [participant.ready.opened[index] for participant in self.participants.values()]
        participant, common_pace = self.participants[side], pace(opened)
        return lambda: participant.turn(index, common_pace)

    def close(self) -> None:
        """Free its memory on every side."""
        for participant in self.participants.values():
            participant.close()


@dataclass(frozen=True)
class Refused:
    """A model that could not be built or warmed up, with the side that lost it."""

    job: ModelJob
    side: str
    error: LostError


@dataclass(frozen=True)
class Opener:
    """Opens models on all sides.

    Attributes:
        sides: the sides.
        logs: the folder for the output of models.
        timeout: the longest time for one answer of a model, in seconds.
        room: whether another model fits into memory, given the size of the largest one so far in bytes.
        gpu_room: the same for the memory of a GPU, as `measuring.room.gpu_room_now`.
        builders: how many models are built in parallel on a GPU. On a CPU it is always one, because the warm-up of a
            model would compete with the tracing of another.
    """

    sides: Sequence[TimedSide]
    logs: Path
    timeout: float
    room: Callable[[int], bool]
    gpu_room: Callable[[int, int, str], bool]
    builders: int

    def one(self, job: ModelJob, stack: ExitStack) -> OpenModel | Refused:
        """Build and warm up one model, and let `stack` close it."""
        built = self._build(job)
        if isinstance(built, OpenModel):
            stack.callback(built.close)
            return _warmed(built)
        return built

    def others(
        self, waiting: list[ModelJob], take: Callable[[], ModelJob], group: list[OpenModel], stack: ExitStack
    ) -> list[Refused]:
        """Add models to `group`, which has its first already, as long as they fit, and return those that were refused.

        The next model is begun as soon as one is done. On a GPU all are warmed up at the end, when none is being built.

        Args:
            waiting: the models that are left.
            take: removes the first of them and returns it.
            group: the models so far. They stay in the order in which they were taken.
            stack: closes the models.
        """
        refused: list[Refused] = []
        taken: list[ModelJob] = []
        built: list[OpenModel] = []
        most = self.builders if all(model.computes_on_gpu for model in group) else 1

        def next_job(in_progress: int) -> ModelJob | None:
            crowded = any(one.error.status != HOPELESS for one in refused)
            if not waiting or crowded or in_progress == most or not self._fit(in_progress + 1, [*group, *built]):
                return None
            taken.append(take())
            return taken[-1]

        for found in _as_they_finish(next_job, self._build, most):
            if isinstance(found, OpenModel):
                stack.callback(found.close)
                built.append(found)
            else:
                refused.append(found)
        for model in sorted(built, key=lambda one: taken.index(one.job)):
            warmed = _warmed(model)
            if isinstance(warmed, OpenModel):
                group.append(warmed)
            else:
                refused.append(warmed)
        return sorted(refused, key=lambda one: taken.index(one.job))

    def _fit(self, count: int, opened: Sequence[OpenModel]) -> bool:
        """Whether `count` more models as large as the largest of `opened` fit into memory."""
        on_gpu = [model for model in opened if model.computes_on_gpu]
        largest = max((model.on_gpu for model in on_gpu), default=0)
        fit = self.room(count * max(model.resident for model in opened))
        return fit and (not on_gpu or self.gpu_room(count, largest, on_gpu[0].card))

    def _build(self, job: ModelJob) -> OpenModel | Refused:
        """Build a model on every side, on all sides in parallel because tracing uses one core."""

        def on(side: TimedSide) -> Participant | LostError:
            try:
                return side.host.open(job, self.timeout, side.log(self.logs, job))
            except LostError as error:
                return error

        built = [(side.name, found) for side, found in zip(self.sides, _in_parallel(on, self.sides), strict=True)]
        model = OpenModel(job, {side: found for side, found in built if not isinstance(found, LostError)})
        for side, found in built:
            if isinstance(found, LostError):
                model.close()
                return Refused(job, side, found)
        return model


def _warmed(model: OpenModel) -> OpenModel | Refused:
    """The model with the steps warmed up that have not been; closed if a side lost it meanwhile."""
    lost = warm_up(model.participants, model.job.timing)
    if not lost:
        return model
    model.close()
    return Refused(model.job, *lost[0])


def _as_they_finish(
    take: Callable[[int], ModelJob | None], build: Callable[[ModelJob], OpenModel | Refused], most: int
) -> Iterator[OpenModel | Refused]:
    """Build what `take` gives, and yield each as soon as it is done.

    Args:
        take: gives the next model or, for now, none, by the number of models in progress.
        build: builds a model.
        most: the largest number in progress. One at a time is built in this thread, so that Ctrl-C can interrupt it.
    """
    if most == 1:
        while job := take(0):
            yield build(job)
        return
    building: set[Future[OpenModel | Refused]] = set()
    with ThreadPoolExecutor(most) as pool:
        while True:
            while job := take(len(building)):
                building.add(pool.submit(build, job))
            if not building:
                return
            done, building = wait(building, return_when=FIRST_COMPLETED)
            yield from (one.result() for one in done)


def _in_parallel(
    build: Callable[[TimedSide], Participant | LostError], sides: Sequence[TimedSide]
) -> list[Participant | LostError]:
    if len(sides) == 1:
        return [build(sides[0])]
    with ThreadPoolExecutor(len(sides)) as pool:
        return list(pool.map(build, sides))

"""Hosts whose models are played: steps take what a test says, models and reference workloads die when it says so."""

import math
from collections.abc import Callable
from pathlib import Path

from tests import builders
from tlbench.core.cell import Cell, Named, Timing
from tlbench.measuring.hosts import WARM_UP, LostError, Opened, Pace, Ready, Turned
from tlbench.measuring.jobs import ModelJob, ReferenceJob, TimerJob
from tlbench.results.record import Failure

TIMING = Timing(protocol="quick", batch_size=32, warmup=1, iterations=10, seconds=0)
SECONDS = {"inference": 0.010, "training": 0.030}
REFERENCE_SECONDS = 0.05
CARD = "0000:41:00.0"

ON_CPU, ON_GPU = {"kind": "cpu", "name": "cpu"}, {"kind": "gpu", "name": "Fast One", "card": CARD}


def killed() -> LostError:
    return LostError(
        "killed", Failure(type="SIGKILL", message="the process was killed by signal 9", advice="Add memory.")
    )


def invalid() -> LostError:
    return LostError("invalid", Failure(type="UserError", message="images are too small", advice="Mend the suite."))


def cell(strategy: str = "frozen", dataset: str = "cats_dogs", seed: int = 0, **changes: object) -> Cell:
    fields: dict[str, object] = {"timing": TIMING, **changes}
    return builders.cell(strategy=Named(name=strategy), dataset=Named(name=dataset), seed=seed, **fields)


class Clock:
    """Moves only when a played step runs."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Model:
    """Takes turns of five steps; raises what it should at turn `dies_at` (from 1)."""

    def __init__(self, job: TimerJob, host: "Host", dies_at: int | None) -> None:
        self.job, self._host, self._dies_at = job, host, dies_at
        self.turns, self.closed = 0, False
        self.paces: list[Pace] = []
        reference = isinstance(job, ReferenceJob)
        self.ready = Ready(
            device=ON_CPU if host.on_gpu is None else ON_GPU,
            environment=host.environment,
            jit=False,
            threads=2,
            calls={} if reference else {"inference": "predict_on_batch"},
            opened=()
            if isinstance(job, ReferenceJob)
            else tuple(
                Opened(first_call=2.0, warmup=(0.1,) if host.on_gpu is None else (), device_memory=host.on_gpu)
                for _ in job.steps
            ),
            resident=100,
            workload=1 if reference else None,
        )

    def turn(self, index: int, pace: Pace) -> Turned:
        assert not self.closed
        if pace == WARM_UP:
            if self._host.cold:
                raise killed()
            return Turned(samples=(0.02 * (1 + 9 * self._host.opening),))  # slower while others are being built
        self.paces.append(pace)
        self.turns += 1
        if self._dies_at is not None and self.turns >= self._dies_at:
            raise killed()
        if isinstance(self.job, ReferenceJob):
            return Turned(samples=(REFERENCE_SECONDS,))
        step = self.job.steps[index]
        kinds = step.step, self.job.cell.strategy.name
        seconds = SECONDS[step.step] * math.prod(self._host.slower.get(kind, 1.0) for kind in kinds)
        self._host.clock.now += 5 * seconds
        return Turned(samples=(seconds,) * 5)

    def close(self) -> None:
        self.closed = True


class Host:
    """Opens played models. `refuse` gives what is raised instead of opening a job; `dies_at` the turn at which it dies.

    slower: factor for a kind of step, or for the steps of a strategy. on_gpu: bytes of a card's memory for each model;
    None: they compute on a CPU. cold: those on a GPU die of their warm-up.
    """

    def __init__(
        self,
        refuse: Callable[[TimerJob], LostError | None] = lambda job: None,
        dies_at: Callable[[TimerJob], int | None] = lambda job: None,
        slower: dict[str, float] | None = None,
        clock: Clock | None = None,
        on_gpu: int | None = None,
        cold: bool = False,
    ) -> None:
        self.on_gpu, self.cold = on_gpu, cold
        self._refuse, self._dies_at, self.slower = refuse, dies_at, slower or {}
        self.clock = clock or Clock()
        self.environment = builders.environment()
        self.opened: list[Model] = []
        self.opening = 0

    def open(self, job: TimerJob, timeout: float, log: Path) -> Model:
        self.opening += 1
        try:
            return self._open(job, log)
        finally:
            self.opening -= 1

    def _open(self, job: TimerJob, log: Path) -> Model:
        error = self._refuse(job)
        if error is not None:
            log.write_text("what it printed")
            raise error
        model = Model(job, self, self._dies_at(job))
        self.opened.append(model)
        return model

    @property
    def models(self) -> list[ModelJob]:
        return [model.job for model in self.opened if isinstance(model.job, ModelJob)]

    @property
    def alive(self) -> list[Model]:
        return [model for model in self.opened if isinstance(model.job, ModelJob) and not model.closed]


def of_strategy(name: str) -> Callable[[TimerJob], bool]:
    return lambda job: isinstance(job, ModelJob) and job.cell.strategy.name == name


def refusing(strategy: str) -> Callable[[TimerJob], LostError | None]:
    return lambda job: killed() if of_strategy(strategy)(job) else None


def dying(strategy: str, at: int = 2) -> Callable[[TimerJob], int | None]:
    return lambda job: at if of_strategy(strategy)(job) else None


def reference_dying(at: int) -> Callable[[TimerJob], int | None]:
    return lambda job: at if isinstance(job, ReferenceJob) else None


class Heard:
    """Keeps what is told."""

    def __init__(self) -> None:
        self.lost_cells: list[str] = []
        self.reference_losses: list[Failure] = []
        self.rounds: list[tuple[int, int, int]] = []

    def opening(self, cell: Cell, number: int, total: int) -> None: ...

    def round(self, number: int, waiting: int, models: int) -> None:
        self.rounds.append((number, waiting, models))

    def lost(self, cell: Cell, why: Failure) -> None:
        self.lost_cells.append(cell.strategy.name)

    def reference_lost(self, why: Failure) -> None:
        self.reference_losses.append(why)

"""What a session needs of whoever runs models: open one, let it take turns, close it. No word of processes."""

from pathlib import Path
from typing import Protocol

from pydantic import Field

from tlbench.core.cell import Value
from tlbench.measuring.jobs import TimerJob
from tlbench.results.measured import Environment, GpuState
from tlbench.results.record import Failure, Status


class Opened(Value):
    """What happened to a step before it took turns: seconds of its first call and of its warm-up calls.

    warmup: empty where it is still to be asked for (`WARM_UP`).
    memory: bytes that the process took for it at most, above what it had before the model was built; None: unknown.
    device_memory: the most bytes that the backend has held on its GPU meanwhile; None on a CPU, and where that is not
    known since its counter cannot begin anew and an earlier step held as much.
    """

    first_call: float
    warmup: tuple[float, ...]
    memory: int | None = None
    device_memory: int | None = None


class Pace(Value):
    """What a turn of a step is: so many calls that are not counted, then so many that are."""

    uncounted: int
    counted: int


WARM_UP = Pace(uncounted=0, counted=0)
"""Asks for the warm-up of a step in the place of a turn."""


class Turned(Value):
    """What a turn gave: seconds of its counted calls, and the GPU when it ended, where there is one that says."""

    samples: tuple[float, ...]
    gpu: GpuState | None = None


class Ready(Value):
    """A model is built, and every step had its first call, in the order of the job's steps; on a CPU its warm-up too.

    device: kind, name, and of an NVIDIA GPU the card, as in `host.gpu`. environment: the machine it runs on, by its own
    word. calls: for each step, the Keras function that is called. resident: bytes of memory its process has;
    device_memory: the most that its backend has held on a GPU; None where unknown. workload: the version of the
    reference workload; None for a model. arithmetic, peak: as in `Timings`, of a model the one, of the reference
    workload the other.
    """

    device: dict[str, str]
    environment: Environment
    jit: bool
    threads: int
    calls: dict[str, str] = Field(default_factory=dict)
    opened: tuple[Opened, ...] = ()
    resident: int | None = None
    device_memory: int | None = None
    workload: int | None = None
    arithmetic: dict[str, str] = Field(default_factory=dict)
    peak: dict[str, float] = Field(default_factory=dict)


class LostError(Exception):
    """A model, or the reference workload, can take no further turns; its host says what became of it."""

    def __init__(self, status: Status, failure: Failure) -> None:
        super().__init__(f"{status}: {failure.type}: {failure.message}")
        self.status, self.failure = status, failure


class Participant(Protocol):
    """A model that waits for its turns, or the reference workload."""

    ready: Ready

    def turn(self, index: int, pace: Pace) -> Turned:
        """One turn of step `index`. Raises LostError when it is gone."""

    def close(self) -> None:
        """Give its memory back."""


class TimerHost(Protocol):
    """Where models live while they are timed."""

    def open(self, job: TimerJob, timeout: float, log: Path) -> Participant:
        """Build a model, or the reference workload, to be timed in turns. Raises LostError where that fails.

        `timeout`: seconds for each of its answers. `log` receives what it prints.
        """

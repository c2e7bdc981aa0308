"""The interface between a timing session and the hosts that run its models."""

from pathlib import Path
from typing import Protocol

from pydantic import Field

from tlbench.core.value import Value
from tlbench.measuring.jobs import TimerJob
from tlbench.results.measured import Environment, GpuState
from tlbench.results.record import Failure, Status


class Opened(Value):
    """What was measured of a step before its turns.

    Attributes:
        first_call: the time of the first call, in seconds.
        warmup: the times of the warm-up calls, in seconds; empty where warming up comes later (`WARM_UP`).
        memory: peak memory of the process in bytes, above what it had before the model was built; None: unknown.
        device_memory: peak memory of the backend on its GPU, in bytes. None on a CPU, and where it is unknown because
            the backend cannot reset its counter and an earlier step used as much.
    """

    first_call: float
    warmup: tuple[float, ...]
    memory: int | None = None
    device_memory: int | None = None


class Pace(Value):
    """The length of a turn: `uncounted` calls, then `counted` calls that are timed."""

    uncounted: int
    counted: int


WARM_UP = Pace(uncounted=0, counted=0)
"""Stands for the warm-up of a step instead of a turn."""


class Turned(Value):
    """The result of a turn: the times of its counted calls in seconds, and the GPU's state at the end, if known."""

    samples: tuple[float, ...]
    gpu: GpuState | None = None


class Ready(Value):
    """A model that has been built, and whose steps have had their first call (on a CPU also their warm-up).

    Attributes:
        device: kind and name of the device, and the card of an NVIDIA GPU as in `host.gpu`.
        environment: the machine and the software that it runs on.
        jit: whether it is compiled with XLA or the like.
        threads: the threads that it may use.
        calls: the Keras function that is called for each step, by the step's name.
        opened: what was measured of each step so far, in the order of the job's steps.
        resident: resident memory of its process in bytes; None: unknown.
        device_memory: peak memory of its backend on a GPU in bytes; None: unknown.
        workload: the version of the reference workload; None for a model.
        arithmetic: as in `Timings`; only for models.
        peak: as in `Timings`; only for the reference workload.
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
    """A model or the reference workload cannot take any more turns; `status` and `failure` say why."""

    def __init__(self, status: Status, failure: Failure) -> None:
        super().__init__(f"{status}: {failure.type}: {failure.message}")
        self.status, self.failure = status, failure


class Participant(Protocol):
    """A model, or the reference workload, that is ready to take turns."""

    ready: Ready

    def turn(self, index: int, pace: Pace) -> Turned:
        """Take a turn of step `index`. Raises LostError if the model is gone."""

    def close(self) -> None:
        """Free its memory."""


class TimerHost(Protocol):
    """Runs models while they are timed."""

    def open(self, job: TimerJob, timeout: float, log: Path) -> Participant:
        """Build a model or the reference workload, to be timed in turns.

        Args:
            job: what to build.
            timeout: the longest time for each of its answers, in seconds.
            log: the file for its output.

        Raises:
            LostError: it cannot be built.
        """

"""The measured parts of a record: step times, memory, resource usage, and the machine."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field

from tlbench.core.cell import StepName, Timing
from tlbench.core.value import Value
from tlbench.statistics.bootstrap import FEWEST


class Doubt(Value):
    """Why a measurement is not stable, in a sentence, and what would make it stable."""

    kind: Literal["wide", "drift", "bimodal", "outliers", "trend", "load", "short", "reference", "unjudged", "clock"]
    message: str
    advice: str


def shown_statistic(protocol: str) -> Literal["median", "mean"]:
    """The statistic of a step's samples that is shown. keras.io publishes means."""
    return "mean" if protocol == "keras" else "median"


class Relative(Value):
    """The time of a step relative to that of the anchor: the median of their ratios by round.

    Attributes:
        to: the id of the anchor's cell.
        estimate: the ratio.
        low: lower end of its 95 % interval (`statistics.bootstrap.ratio`); None with too few rounds.
        high: upper end.
        beside: the anchor's samples of the same rounds, in seconds; empty for the anchor itself.
    """

    to: str
    estimate: float
    low: float | None
    high: float | None
    beside: tuple[tuple[float, ...], ...] = ()


class GpuState(Value):
    """The state of a GPU at one moment. Values are None if the driver does not report them.

    Attributes:
        clock: clock of its multiprocessors in MHz.
        temperature: in degrees Celsius.
        watts: power.
        held_back: the driver's reasons for limiting the clock.
    """

    clock: int | None = None
    temperature: int | None = None
    watts: float | None = None
    held_back: tuple[str, ...] = ()


class GpuWatch(Value):
    """The state of a GPU at the end of each turn of a step.

    Attributes:
        clocks: the clock in MHz in each turn; empty if one is unknown.
        temperatures: lowest and highest temperature in degrees Celsius; None if unknown.
        watts: lowest and highest power; None if unknown.
        held_back: number of turns with each reason for limiting the clock.
    """

    clocks: tuple[int, ...]
    temperatures: tuple[int, int] | None
    watts: tuple[float, float] | None
    held_back: dict[str, int] = Field(default_factory=dict)

    @classmethod
    def of(cls, states: Sequence[GpuState | None]) -> "GpuWatch | None":
        """Summarize the states, one for each turn; None if one is missing."""
        seen = [state for state in states if state]
        if not seen or len(seen) < len(states):
            return None
        clocks = tuple(one.clock for one in seen if one.clock is not None)
        temperatures = [one.temperature for one in seen if one.temperature is not None]
        watts = [one.watts for one in seen if one.watts is not None]
        return cls(
            clocks=clocks if len(clocks) == len(seen) else (),
            temperatures=(min(temperatures), max(temperatures)) if temperatures else None,
            watts=(min(watts), max(watts)) if watts else None,
            held_back=dict(Counter(reason for one in seen for reason in one.held_back)),
        )


class StepTiming(Value):
    """The time of one step (one batch) of the whole model, in seconds.

    Attributes:
        step: inference or training.
        batch_size: images per step.
        measured_with: the id of the cell whose model was timed; cells with equal timing keys share a measurement.
        first_call: the first step (trace, compilation, choice of kernels), in no other number.
        warmup: steps before the timed ones, in no other number.
        rounds: the samples of each round in which models took turns.
        reference: the time of the reference workload around each round.
        mean: mean of all samples.
        median: median of all samples.
        low: lower end of the 95 % interval of the shown statistic (`statistics.bootstrap.over_rounds`); None with too
            few rounds.
        high: upper end.
        minimum: smallest sample.
        p95: 95th percentile of all samples.
        normalised: median of the samples, each divided by the reference time of its round.
        models: number of models that took turns, including this one.
        drift: relative spread of the reference times (`statistics.drift`); None with too few.
        complete: False if `max_seconds` ended it before `iterations`.
        doubts: why the measurement is not stable; empty if it is.
        session: measurements of the same session took turns round by round, so that their rounds are pairs; None if
            unknown.
        draws: number of rounds of each process, in order; empty if one process ran all rounds.
        relative: the time relative to the run's anchor; None in records of tlbench 0.1, at batch sizes other than the
            first, and if the anchor was lost.
        memory: peak anonymous memory of the timed process for this step in bytes, above that before the model was
            built; None if unknown.
        device_memory: peak GPU memory of the backend in bytes after the first calls of the step; None on a CPU.
        gpu: the state of the GPU; None on a CPU or without NVIDIA's library.
    """

    step: StepName
    batch_size: int
    measured_with: str
    first_call: float
    warmup: tuple[float, ...]
    rounds: tuple[tuple[float, ...], ...]
    reference: tuple[float, ...]
    mean: float
    median: float
    low: float | None
    high: float | None
    minimum: float
    p95: float
    normalised: float | None
    models: int
    drift: float | None
    complete: bool
    doubts: tuple[Doubt, ...]
    session: str | None = None
    draws: tuple[int, ...] = ()
    relative: Relative | None = None
    memory: int | None = None
    device_memory: int | None = None
    gpu: GpuWatch | None = None

    @property
    def samples(self) -> tuple[float, ...]:
        """All samples in the order in which they were measured."""
        return tuple(sample for samples in self.rounds for sample in samples)

    @property
    def has_number(self) -> bool:
        """Whether the samples give a number: fewer than `FEWEST` do not, and every output then leaves it out."""
        return len(self.samples) >= FEWEST

    @property
    def stable(self) -> bool:
        """Whether there is no doubt."""
        return not self.doubts

    def shown(self, timing: Timing | None) -> float:
        """The statistic that is shown, in seconds, to which the interval `low` to `high` belongs.

        Args:
            timing: the timing settings of the cell.
        """
        return self.mean if timing and shown_statistic(timing.protocol) == "mean" else self.median


RECORDED_LATER = frozenset({"scipy"})
"""Packages that every environment has, but that records of before 0.2 do not name."""


def changed_versions(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """The names of packages and plugins that differ between two environments, sorted.

    A package of `RECORDED_LATER` that one of them does not name has an unknown version there, which is no change.
    """
    names = {name for name in {*old, *new} if old.get(name) != new.get(name)}
    return sorted(name for name in names if name not in RECORDED_LATER or (name in old and name in new))


def version_changes(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """What `changed_versions` names, each with both values: ``keras 3.14.0 → 3.15.1``, ``jax absent → 0.11.2``."""
    return [f"{name} {old.get(name, 'absent')} → {new.get(name, 'absent')}" for name in changed_versions(old, new)]


class Environment(Value):
    """The machine and software of a measurement.

    Attributes:
        identity: what identifies the machine.
        volatile: what varies.
        versions: versions of packages: as imported, else as installed.
        imported: the last two folders of each imported package (``site-packages/keras``).
        variables: environment variables that change numbers or times.
        node: the name of the machine in its cluster; empty for a run on one machine.
        plugins: SHA-256 of each plugin file, by its path relative to the working directory.
    """

    identity: dict[str, str]
    volatile: dict[str, str]
    versions: dict[str, str]
    imported: dict[str, str] = Field(default_factory=dict)
    variables: dict[str, str] = Field(default_factory=dict)
    node: str = ""
    plugins: dict[str, str] = Field(default_factory=dict)

    @property
    def software(self) -> dict[str, str]:
        """Versions of packages, and the first digits of each plugin's SHA-256."""
        return self.versions | {file: sha256[:12] for file, sha256 in self.plugins.items()}


class Timings(Value):
    """Step times on one device.

    Attributes:
        device: the kind of device.
        device_name: its name.
        environment: the machine and software of the processes that timed the steps; None if they are the record's.
        jit: whether XLA compiled the steps.
        threads: number of CPU threads that the process may use.
        protocol: the name of the timing protocol.
        calls: the Keras function that is called, by step.
        arithmetic: how the backend multiplies float32 numbers on a GPU (``TF32`` or ``float32``), for ``convolutions``
            and ``matrix products``; empty on a CPU.
        peak: FLOP/s of a large matrix product on the same GPU in the same run, by data type; empty on a CPU.
        steps: the times by step and batch size.
    """

    device: Literal["cpu", "gpu"]
    device_name: str
    environment: Environment | None = None
    jit: bool
    threads: int
    protocol: str
    calls: dict[str, str] = Field(default_factory=dict)
    arithmetic: dict[str, str] = Field(default_factory=dict)
    peak: dict[str, float] = Field(default_factory=dict)
    steps: tuple[StepTiming, ...]

    @property
    def inference(self) -> StepTiming:
        """The inference step at the first batch size."""
        return next(step for step in self.steps if step.step == "inference")

    @property
    def training(self) -> StepTiming | None:
        """The training step; None for a strategy that trains nothing."""
        return next((step for step in self.steps if step.step == "training"), None)


class Memory(Value):
    """Memory of the process that trained the cell, in bytes. Step times are measured in other processes.

    Attributes:
        peak: the kernel's high-water mark (VmHWM).
        start: resident memory before the model was built (the framework).
        device_peak: the backend's own counter on a GPU.
        weights: size of the weights.
        gradients: size of the gradients.
        optimizer: size of the optimizer's state.
        allocator: how the process kept freed memory; None for the C library's default.
        features: whether `peak` includes the computation of features; None if none are used, and in older records.
    """

    peak: int | None
    start: int | None
    device_peak: int | None
    weights: int
    gradients: int
    optimizer: int
    allocator: str | None = None
    features: bool | None = None


class Usage(Value):
    """Resource usage.

    High system time together with many page faults means that memory was returned to the system and requested again.

    Attributes:
        user: CPU time of all threads in the program, in seconds.
        system: CPU time of all threads in the kernel, in seconds.
        faults: page faults that needed no disk access.
    """

    user: float
    system: float
    faults: float

    @property
    def kernel(self) -> float:
        """The kernel's fraction of the CPU time; 0 if there was none."""
        whole = self.user + self.system
        return self.system / whole if whole else 0.0

    def since(self, before: "Usage", parts: int = 1) -> "Usage":
        """The usage after `before`, divided by the number of equal parts of the work."""
        return Usage(
            user=(self.user - before.user) / parts,
            system=(self.system - before.system) / parts,
            faults=(self.faults - before.faults) / parts,
        )

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(user=self.user + other.user, system=self.system + other.system, faults=self.faults + other.faults)

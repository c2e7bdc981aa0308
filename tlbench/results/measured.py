"""What of a record was measured: step times, memory, what work cost, and on which machine."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from tlbench.core.cell import StepName, Timing
from tlbench.core.value import Value


class Doubt(Value):
    """Why a measurement is unstable, in one sentence, and what would make it stable."""

    kind: Literal["wide", "drift", "bimodal", "outliers", "trend", "load", "short", "reference", "unjudged", "clock"]
    message: str
    advice: str


def shown_statistic(protocol: str) -> Literal["median", "mean"]:
    """What is shown of a step's samples: keras.io gives means."""
    return "mean" if protocol == "keras" else "median"


class Relative(Value):
    """A step's time relative to that of the anchor, which took turns with it: the median of their ratios by round.

    to: the id of the anchor's cell. low, high: 95 % interval (`statistics.bootstrap.ratio`); None where there are too
    few rounds. beside: the anchor's samples of the same rounds, in seconds; empty for the anchor itself.
    """

    to: str
    estimate: float
    low: float | None
    high: float | None
    beside: tuple[tuple[float, ...], ...] = ()


class GpuState(Value):
    """A GPU at one moment: clock of its multiprocessors (MHz), temperature (degrees Celsius), power (watts).

    None: the driver does not say. held_back: why the driver held the clock back, if it did.
    """

    clock: int | None = None
    temperature: int | None = None
    watts: float | None = None
    held_back: tuple[str, ...] = ()


class GpuWatch(Value):
    """A GPU at the end of each turn of a step. held_back: in how many of the turns the driver gave each reason.

    clocks: of each turn, empty where one is unknown. temperatures, watts: lowest and highest; None where unknown.
    """

    clocks: tuple[int, ...]
    temperatures: tuple[int, int] | None
    watts: tuple[float, float] | None
    held_back: dict[str, int] = Field(default_factory=dict)

    @classmethod
    def of(cls, states: Sequence[GpuState | None]) -> "GpuWatch | None":
        """The clock of each state, the range of the rest; None where there is not one for each turn."""
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
    """Time of one step (one batch) on the whole model; all times in seconds.

    measured_with: id of the cell whose model was timed; cells with equal timing keys share one measurement.
    `first_call` (trace, compilation, choice of kernels) and `warmup` are never part of `rounds`, the raw samples of
    each round in which the models took turns. reference: time of the reference workload around each round.
    low, high: 95 % interval of the number that is shown, the mean with protocol ``keras``, else the median
    (`statistics.bootstrap.over_rounds`); None where there are too few rounds. normalised: median of the samples, each
    divided by the reference time of its round. models: how many took turns, this one included. drift: spread of the
    reference workload's times around the rounds, relative to their median (`statistics.drift`); None where there are
    too few. complete: False where `max_seconds` came before `iterations`.
    doubts: why the measurement is unstable; empty for a stable one.
    session: measurements with the same session took turns round by round, so that their rounds are pairs; None where
    that cannot be known. draws: how many of the rounds each process gave, one process after the other; empty where one
    gave them all. relative: the time relative to the run's anchor; None in records of tlbench 0.1, at other batch sizes
    than the first, and where the anchor was lost. memory: bytes that the process which was timed took for the step at
    most, anonymous memory above what it had before the model was built; None where unknown. device_memory: the most
    bytes that the backend had held on the GPU when the step had had its first calls; None on a CPU. gpu: None on a CPU,
    and where NVIDIA's library is not there to say.
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
        """All samples, in the order they were taken."""
        return tuple(sample for samples in self.rounds for sample in samples)

    @property
    def stable(self) -> bool:
        """Nothing casts a doubt on it."""
        return not self.doubts

    def shown(self, timing: Timing | None) -> float:
        """Seconds: the number that is shown of it, whose interval `low` to `high` is. timing: as its cell asks."""
        return self.mean if timing and shown_statistic(timing.protocol) == "mean" else self.median


class Environment(Value):
    """Where the numbers were taken: `identity` identifies the machine, `volatile` drifts.

    versions: of packages, as imported where they were, else as installed. imported: the folder of each, and the one it
    lies in (``site-packages/keras``). variables: of the environment, that change numbers or times. node: the machine's
    name in its cluster; empty where a run has one machine. plugins: the SHA-256 of each plugin file, by its path
    relative to the working directory.
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
        """What ran: versions of packages, and the beginning of each plugin's SHA-256."""
        return self.versions | {file: sha256[:12] for file, sha256 in self.plugins.items()}


class Timings(Value):
    """Step times on one device (`device`: ``cpu`` or ``gpu``).

    threads: CPU threads the process may use. calls: for each step, the Keras function that is called.
    environment: the machine and software of the processes that timed the steps, by their own word; None where those are
    the record's. arithmetic: what the backend multiplies float32 numbers in on a GPU, ``TF32`` or ``float32``, for
    ``convolutions`` and ``matrix products``; empty on a CPU. peak: FLOP/s of a large matrix product on the same device
    in the same run, for each kind of number; empty on a CPU.
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
    """Memory of the process that trained the cell, in bytes; step times are taken in other processes.

    peak: the kernel's high-water mark (VmHWM); start: resident before the model was built (the framework).
    device_peak: the backend's own counter on a GPU. weights, gradients, optimizer: what the model's state needs.
    allocator: how the process kept memory that it had freed; None: as the C library does by itself.
    """

    peak: int | None
    start: int | None
    device_peak: int | None
    weights: int
    gradients: int
    optimizer: int
    allocator: str | None = None


class Usage(Value):
    """What work cost: CPU seconds of all threads in the program (user) and in the kernel (system), and page faults that
    needed no disk. Kernel seconds beside many faults are memory that was given back and asked for again.
    """

    user: float
    system: float
    faults: float

    @property
    def kernel(self) -> float:
        """The kernel's share of the CPU time; 0 where there was none."""
        whole = self.user + self.system
        return self.system / whole if whole else 0.0

    def since(self, before: "Usage", parts: int = 1) -> "Usage":
        """What came after `before`; of several equal parts, the mean of one."""
        return Usage(
            user=(self.user - before.user) / parts,
            system=(self.system - before.system) / parts,
            faults=(self.faults - before.faults) / parts,
        )

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(user=self.user + other.user, system=self.system + other.system, faults=self.faults + other.faults)

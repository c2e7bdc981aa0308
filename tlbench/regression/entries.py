"""What a comparison looks at: one entry a cell, from runs or from a committed baseline. Values only."""

import base64
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tlbench.core.cell import Cell, StepName, Value
from tlbench.regression.gates import Gates
from tlbench.results.record import Record, StepTiming, Timings

NOT_IDENTITY = ("python", "memory_gib")
"""What `ab` may vary on purpose, and what a container's limit or a reserved page changes."""
STATE = ("weights", "gradients", "optimizer")
EXACT = ("params", "trainable", "depth", "size_mb", "flops")


class Draw(Value):
    """A step as one run measured it; seconds. `low`, `high`: the interval of the median, drift included.

    rounds: the median of each round's samples, split by the process that gave them; only of use beside measurements of
    the same `session`, and therefore not kept in a baseline.
    """

    median: float
    low: float | None
    high: float | None
    normalised: float | None
    stable: bool
    session: str | None = None
    rounds: tuple[tuple[float, ...], ...] = ()


class Times(Value):
    """A step of a cell, and how it was timed: measurements can be compared where all but `draws` are equal."""

    step: StepName
    batch_size: int
    protocol: str
    device: str
    jit: bool
    threads: int
    draws: tuple[Draw, ...]

    @property
    def name(self) -> str:
        """``inference``, or ``inference, batch 8`` where there are several."""
        return f"{self.step} time, batch {self.batch_size}"


class Entry(Value):
    """One cell of one side of a comparison.

    machine: what identifies the machine; data, weights: fingerprints of what the numbers rest on. right: for each
    test image, whether it was predicted right, packed. memory: peaks in bytes, one a run. trained_on: what the process
    did whose memory that is. state: bytes of weights, gradients and optimizer.
    """

    cell: Cell
    status: str
    failure: str | None = None
    fallbacks: tuple[str, ...] = ()
    machine: dict[str, str] = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=dict)
    data: str | None = None
    weights: str | None = None
    counts: dict[str, float] = Field(default_factory=dict)
    state: dict[str, int] = Field(default_factory=dict)
    correct: int | None = None
    images: int | None = None
    right: str | None = None
    memory: tuple[int, ...] = ()
    trained_on: str | None = None
    times: tuple[Times, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the cell gave its numbers."""
        return self.status == "ok"


class Side(Value):
    """One side of a comparison. `gates`: what its suite asks for; `notes`: sentences on what was left out."""

    name: str
    entries: tuple[Entry, ...]
    kind: Literal["run", "runs", "baseline"] = "run"
    suite: str = ""
    created: str = ""
    commit: str | None = None
    gates: Gates = Gates()
    notes: tuple[str, ...] = ()


def pack(right: NDArray[np.bool_]) -> str:
    """Right and wrong answers (N,) as text: base64 of their bits, the first in the highest bit."""
    return base64.b64encode(np.packbits(right).tobytes()).decode()


def unpack(text: str, images: int) -> NDArray[np.bool_]:
    """What `pack` made of `images` answers. Raises ValueError where the text is of another number."""
    bits = np.unpackbits(np.frombuffer(base64.b64decode(text, validate=True), dtype=np.uint8))
    if len(bits) != -(-images // 8) * 8:
        raise ValueError(f"{len(bits)} bits are not those of {images} answers")
    return bits[:images].astype(bool)


def entry(record: Record, right: NDArray[np.bool_] | None) -> Entry:
    """The entry of a record; `right` are the answers on its test images, where they were kept."""
    identity = {key: value for key, value in record.environment.identity.items() if key not in NOT_IDENTITY}
    path = record.path
    trained_on = None
    if path is not None:
        trained_on = "images" if path.whole else f"features{'' if path.computed else ', kept from earlier'}"
    memory = record.memory
    return Entry(
        cell=record.cell,
        status=record.status,
        failure=f"{record.trouble.type}: {record.trouble.message}" if record.trouble else None,
        fallbacks=record.fallbacks,
        machine=identity,
        versions=dict(record.environment.versions),
        data=record.data.fingerprint if record.data else None,
        weights=(record.weights.sha256 or record.weights.source) if record.weights else None,
        counts={key: getattr(record.counts, key) for key in EXACT} if record.counts else {},
        state={key: getattr(memory, key) for key in STATE} if memory else {},
        correct=record.accuracy.correct if record.accuracy else None,
        images=record.accuracy.images if record.accuracy else None,
        right=None if right is None else pack(right),
        memory=(memory.peak,) if memory and memory.peak else (),
        trained_on=trained_on,
        times=tuple(_times(record.timings, step) for step in record.timings.steps) if record.timings else (),
    )


def _times(timings: Timings, step: StepTiming) -> Times:
    rounds, begin = [], 0
    for count in step.draws or (len(step.rounds),):
        rounds.append(step.rounds[begin : begin + count])
        begin += count
    draw = Draw(
        median=step.median,
        low=step.low,
        high=step.high,
        normalised=step.normalised,
        stable=step.stable,
        session=step.session,
        rounds=tuple(tuple(median(samples) for samples in process) for process in rounds),
    )
    return Times(
        step=step.step,
        batch_size=step.batch_size,
        protocol=timings.protocol,
        device=timings.device_name,
        jit=timings.jit,
        threads=timings.threads,
        draws=(draw,),
    )


def merged(entries: Sequence[Entry]) -> Entry:
    """Entries of one cell from several runs, the newest first, as one: every run is a draw of times and memory.

    Runs whose machine, software, images or weights differ from the newest's are left out.
    """
    newest = entries[0]
    alike = [one for one in entries if _basis(one) == _basis(newest)]
    times = tuple(_together(one, alike) for one in newest.times)
    return newest.model_copy(update={"times": times, "memory": tuple(peak for one in alike for peak in one.memory)})


def _basis(one: Entry) -> tuple[object, ...]:
    return one.status, one.machine, one.versions, one.data, one.weights, one.trained_on, one.fallbacks


def _together(times: Times, entries: Sequence[Entry]) -> Times:
    same = [one for each in entries for one in each.times if conditions(one) == conditions(times)]
    return times.model_copy(update={"draws": tuple(draw for one in same for draw in one.draws)})


def conditions(times: Times) -> Mapping[str, object]:
    """How a step was timed."""
    return times.model_dump(exclude={"draws"})

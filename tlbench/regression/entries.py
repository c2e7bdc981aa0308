"""What a comparison looks at: one entry a cell, from runs or from a committed baseline. Values only."""

import base64
from collections.abc import Mapping
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from tlbench.core.cell import Cell, StepName, Value
from tlbench.core.text import OneLine

STATE = ("weights", "gradients", "optimizer")
EXACT = ("params", "trainable", "depth", "size_mb", "flops")

Seconds = Annotated[float, Field(gt=1e-12, lt=1e9)]
Size = Annotated[int, Field(ge=0, le=2**62)]
Number = Annotated[float, Field(ge=0, lt=1e18)]
"""What can have been measured: a baseline comes from outside, and metrics divide by its numbers and take logarithms."""


class Draw(Value):
    """A step as one run measured it; seconds. `low`, `high`: the interval of the number that the run's tables show.

    memory: bytes that its process took for it; None where unknown.
    rounds: the median of each round's samples, split by the process that gave them; only of use beside measurements of
    the same `session`, and therefore not kept in a baseline.
    """

    median: Seconds
    low: Seconds | None
    high: Seconds | None
    normalised: Seconds | None
    stable: bool
    memory: Size | None = None
    session: str | None = None
    rounds: tuple[tuple[Seconds, ...], ...] = ()


class Times(Value):
    """A step of a cell, and how it was timed: measurements can be compared where all but `draws` are equal."""

    step: StepName
    batch_size: Size
    protocol: str
    device: str
    jit: bool
    threads: Size
    draws: Annotated[tuple[Draw, ...], Field(min_length=1)]

    @property
    def name(self) -> str:
        """``inference``, or ``inference, batch 8`` where there are several."""
        return f"{self.step} time, batch {self.batch_size}"


class Entry(Value):
    """One cell of one side of a comparison.

    machine: what identifies the machine; variables: of its environment, that change numbers. timed_on, timed_with:
    machine and versions that took the steps, where those are others; else empty. data, weights: fingerprints of what
    the numbers rest on. right: for each test image, whether it was predicted right, packed.
    memory: peaks in bytes, one a run. trained_on: what the process did whose memory that is. state: bytes of weights,
    gradients and optimizer. extra: for each metric that keeps numbers of its own, their values by name, one a run.
    """

    cell: Cell
    status: str
    failure: OneLine | None = None
    fallbacks: tuple[str, ...] = ()
    machine: dict[str, str] = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=dict)
    variables: dict[str, str] = Field(default_factory=dict)
    timed_on: dict[str, str] = Field(default_factory=dict)
    timed_with: dict[str, str] = Field(default_factory=dict)
    data: str | None = None
    weights: str | None = None
    counts: dict[str, Number] = Field(default_factory=dict)
    state: dict[str, Size] = Field(default_factory=dict)
    correct: Size | None = None
    images: Size | None = None
    right: str | None = None
    memory: tuple[Annotated[Size, Field(ge=1)], ...] = ()
    trained_on: str | None = None
    times: tuple[Times, ...] = ()
    extra: dict[str, dict[str, tuple[float, ...]]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _answers_fit(self) -> Self:
        if (self.correct is None) != (self.images is None):
            raise ValueError("correct and images belong together")
        if self.correct is not None and self.images is not None and not self.correct <= self.images != 0:
            raise ValueError(f"{self.correct} of {self.images} images cannot be right")
        if self.right is not None and (self.images is None or unpack(self.right, self.images).sum() != self.correct):
            raise ValueError("the answers are not those of so many images and so many right ones")
        return self

    @property
    def steps_machine(self) -> dict[str, str]:
        """What identifies the machine that took its steps."""
        return self.timed_on or self.machine

    @property
    def steps_versions(self) -> dict[str, str]:
        """The versions that took its steps."""
        return self.timed_with or self.versions

    @property
    def ok(self) -> bool:
        """Whether the cell gave its numbers."""
        return self.status == "ok"


def pack(right: NDArray[np.bool_]) -> str:
    """Right and wrong answers (N,) as text: base64 of their bits, the first in the highest bit."""
    return base64.b64encode(np.packbits(right).tobytes()).decode()


def unpack(text: str, images: int) -> NDArray[np.bool_]:
    """What `pack` made of `images` answers. Raises ValueError where the text is of another number."""
    bits = np.unpackbits(np.frombuffer(base64.b64decode(text, validate=True), dtype=np.uint8))
    if len(bits) != -(-images // 8) * 8:
        raise ValueError(f"{len(bits)} bits are not those of {images} answers")
    return bits[:images].astype(bool)


def conditions(times: Times) -> Mapping[str, object]:
    """How a step was timed."""
    return times.model_dump(exclude={"draws"})

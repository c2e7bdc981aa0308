"""The values that a comparison uses: an entry per cell, from runs or from a committed baseline."""

import base64
from collections.abc import Mapping
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from tlbench.core.cell import Cell, StepName
from tlbench.core.text import OneLine
from tlbench.core.value import Value
from tlbench.results.basis import Basis

STATE = ("weights", "gradients", "optimizer")
EXACT = ("params", "trainable", "depth", "size_mb", "flops")

Seconds = Annotated[float, Field(gt=1e-12, lt=1e9)]
Size = Annotated[int, Field(ge=0, le=2**62)]
Number = Annotated[float, Field(ge=0, lt=1e18)]
"""Plausible values. A baseline is user input, and metrics divide by its numbers and take their logarithms."""


class Draw(Value):
    """The measurement of a step in one run. Times are in seconds.

    Attributes:
        median: the median of the samples.
        low: the lower end of the confidence interval of the statistic that reports show.
        high: the upper end.
        normalised: the median in units of the reference workload.
        stable: whether there were no doubts about the measurement.
        memory: the peak memory of its process in bytes; None if unknown.
        few: the number of steps if they are too few to give a number (`StepTiming.has_number`); else None.
        session: identifies measurements that were taken in turn with each other.
        rounds: the median of each round by process. Useful only together with measurements of the same session, so
            baselines do not have them.
    """

    median: Seconds
    low: Seconds | None
    high: Seconds | None
    normalised: Seconds | None
    stable: bool
    memory: Size | None = None
    few: Size | None = None
    session: str | None = None
    rounds: tuple[tuple[Seconds, ...], ...] = ()


class Times(Value):
    """The measurements of a step, one per run. Two sides are comparable if all fields but `draws` are equal."""

    step: StepName
    batch_size: Size
    protocol: str
    device: str
    jit: bool
    threads: Size
    draws: Annotated[tuple[Draw, ...], Field(min_length=1)]

    @property
    def name(self) -> str:
        """``inference time, batch 8``."""
        return f"{self.step} time, batch {self.batch_size}"


class Entry(Value):
    """A cell of one side of a comparison.

    Attributes:
        cell: the cell.
        status: the status of its record.
        measured: what identifies its trainings, one per run, the newest first; empty in older baselines.
        failure: why it failed, if it did.
        fallbacks: the stand-ins that it used.
        machine: what identifies the machine.
        versions: the versions of packages.
        variables: environment variables that affect numbers.
        timed_on: the machine that timed the steps, if it is another one; else empty.
        timed_with: the versions that timed the steps, if they are others; else empty.
        data: the fingerprint of the images.
        weights: the SHA-256 or the kind of the weights.
        counts: exact numbers of the model.
        state: the size of weights, gradients and optimizer, in bytes.
        correct: the number of test images that were predicted correctly.
        images: the number of test images.
        right: for each test image whether it was predicted correctly, packed (see `pack`).
        memory: the peak memory of the training process in bytes, one per run.
        trained_on: what that process trained on.
        times: the step times.
        extra: numbers of further metrics by metric and name, one per run.
    """

    cell: Cell
    status: str
    measured: tuple[str, ...] = ()
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
    def _check_answers(self) -> Self:
        if (self.correct is None) != (self.images is None):
            raise ValueError("correct and images belong together")
        if self.correct is not None and self.images is not None and not self.correct <= self.images != 0:
            raise ValueError(f"{self.correct} of {self.images} images cannot be right")
        if self.right is not None and (self.images is None or unpack(self.right, self.images).sum() != self.correct):
            raise ValueError("the answers are not those of so many images and so many right ones")
        return self

    @property
    def steps_machine(self) -> dict[str, str]:
        """What identifies the machine that timed the steps."""
        return self.timed_on or self.machine

    @property
    def steps_versions(self) -> dict[str, str]:
        """The versions of packages that timed the steps."""
        return self.timed_with or self.versions

    @property
    def basis(self) -> Basis:
        """What it rests on, as `Record.basis`."""
        return Basis(self.data or "", self.weights or "", self.fallbacks)

    @property
    def ok(self) -> bool:
        """Whether the cell succeeded."""
        return self.status == "ok"


def pack(right: NDArray[np.bool_]) -> str:
    """Encode answers (N,) as base64 of their bits, the first one in the highest bit."""
    return base64.b64encode(np.packbits(right).tobytes()).decode()


def unpack(text: str, images: int) -> NDArray[np.bool_]:
    """Decode the result of `pack`. Raises ValueError unless it has `images` answers."""
    bits = np.unpackbits(np.frombuffer(base64.b64decode(text, validate=True), dtype=np.uint8))
    if len(bits) != -(-images // 8) * 8:
        raise ValueError(f"{len(bits)} bits are not those of {images} answers")
    return bits[:images].astype(bool)


def conditions(times: Times) -> Mapping[str, object]:
    """The fields that say how a step was timed."""
    return times.model_dump(exclude={"draws"})

"""Reject records whose numbers cannot have been measured. Pure.

A record may come from elsewhere with a valid checksum, and its numbers are divided by, added up and put into
logarithms.
"""

import math
import re
from collections.abc import Iterable
from typing import Any

from tlbench.core.cell import Limit
from tlbench.results.measured import StepTiming
from tlbench.results.record import Accuracy, Record

LARGEST, LARGEST_COUNT = 1e18, 2**62
"""Largest absolute values: of floating-point numbers, and of integers."""
SHORTEST, LONGEST = 1e-12, 1e9
"""Bounds of the time of a step in seconds."""
MAY_BE_LARGE = re.compile(rb"[:\[, ]-?\d{19}|[:\[, ]-?[\d.]+[eE]\+?\d\d")
"""Matches the text of a record that may have a number that is too large; other records need not be searched."""
SHARES = ("top1", "low", "high", "top5", "macro_f1", "calibration_error", "validation_top1")
"""Fields of an accuracy that are between 0 and 1."""
TIMES = ("mean", "median", "minimum", "p95")
"""Fields of a step timing in seconds."""
MAY_BE_ABSENT = ("low", "high", "normalised")
"""Further ones that may be None."""


def check(record: Record, text: bytes) -> None:
    """Check the numbers of a record.

    Args:
        record: the record.
        text: the content of its file.

    Raises:
        ValueError: a number cannot have been measured; the message names the field.
    """
    if MAY_BE_LARGE.search(text) and (name := _too_large(record.model_dump(mode="python"), ())) is not None:
        raise ValueError(f"{name} is larger than any measured value")
    if record.data is not None and record.cell.kind == "trained" and set(record.data.counts) != set(Limit.model_fields):
        raise ValueError("data: counts are not of train, validation and test")
    for part in (record.counts, record.counts and record.counts.backbone, record.counts and record.counts.head):
        numbers = [value for value in vars(part).values() if isinstance(value, int | float)] if part else []
        if not all(0 <= value < math.inf for value in numbers):
            raise ValueError("counts: a number is negative or not finite")
    if record.accuracy is not None:
        _check_accuracy(record.accuracy)
    if record.timings is not None:
        if not any(step.step == "inference" for step in record.timings.steps):
            raise ValueError("timings has no inference step")
        for step in record.timings.steps:
            _check_step(step)


def _too_large(value: Any, path: tuple[str, ...]) -> str | None:
    """The path of a number that is too large, if any. Infinity and NaN are allowed: they are diverged losses."""
    if isinstance(value, dict | list | tuple):
        inner: Iterable[tuple[Any, Any]] = value.items() if isinstance(value, dict) else enumerate(value)
        return next((name for key, one in inner if (name := _too_large(one, (*path, str(key))))), None)
    whole = isinstance(value, int) and not -LARGEST_COUNT <= value <= LARGEST_COUNT
    real = isinstance(value, float) and LARGEST < abs(value) < float("inf")
    return ".".join(path)[:100] if whole or real else None


def _check_accuracy(accuracy: Accuracy) -> None:
    if not 0 <= accuracy.correct <= accuracy.images != 0:
        raise ValueError(f"accuracy: {accuracy.correct} of {accuracy.images} images cannot be correct")
    named = {name: getattr(accuracy, name) for name in SHARES}
    shares = [*named.items(), *accuracy.per_class.items(), *(("resampled", one) for one in accuracy.resampled)]
    for name, share in shares:
        if share is not None and not 0 <= share <= 1:
            raise ValueError(f"accuracy: {name[:100]} is not between 0 and 1")
    if not accuracy.per_class:
        raise ValueError("accuracy: there are no classes")
    if any(len(row) != len(accuracy.confusion) or min(row) < 0 for row in accuracy.confusion):
        raise ValueError("accuracy: confusion is not a square matrix of counts")


def _check_step(step: StepTiming) -> None:
    times = {name: getattr(step, name) for name in (*TIMES, *MAY_BE_ABSENT)}
    for name, seconds in times.items():
        if not (name in MAY_BE_ABSENT and seconds is None) and not SHORTEST < seconds < LONGEST:
            raise ValueError(f"timings: {name} of {step.step} is not a time")
    if not step.rounds or not all(step.rounds):
        raise ValueError(f"timings: a round of {step.step} has no sample")
    if any(not SHORTEST < seconds < LONGEST for samples in step.rounds for seconds in samples):
        raise ValueError(f"timings: a sample of {step.step} is not a time")

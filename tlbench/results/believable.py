"""Whether a record's numbers can have been measured: one may come from elsewhere, with a checksum that fits. Pure.

What shows or judges records divides by their numbers, takes logarithms of them and adds them up.
"""

import math
import re
from collections.abc import Iterable
from typing import Any

from tlbench.core.cell import Limit
from tlbench.results.measured import StepTiming
from tlbench.results.record import Accuracy, Record

LARGEST, LARGEST_COUNT = 1e18, 2**62
SHORTEST, LONGEST = 1e-12, 1e9
"""Seconds of a step."""
MAY_BE_LARGE = re.compile(rb"[:\[, ]-?\d{19}|[:\[, ]-?[\d.]+[eE]\+?\d\d")
"""Spares all other records a walk through their numbers."""
SHARES = ("top1", "low", "high", "top5", "macro_f1", "calibration_error", "validation_top1")
TIMES = ("mean", "median", "minimum", "p95")
MAY_BE_ABSENT = ("low", "high", "normalised")


def check(record: Record, text: bytes) -> None:
    """Raise ValueError, which names the field, for a record with a number that nobody can have measured.

    text: its file.
    """
    if MAY_BE_LARGE.search(text) and (name := _too_large(record.model_dump(mode="python"), ())) is not None:
        raise ValueError(f"{name} is larger than anything that is measured")
    if record.data is not None and record.cell.kind == "trained" and set(record.data.counts) != set(Limit.model_fields):
        raise ValueError("data: counts are not of train, validation and test")
    for part in (record.counts, record.counts and record.counts.backbone, record.counts and record.counts.head):
        numbers = [value for value in vars(part).values() if isinstance(value, int | float)] if part else []
        if not all(0 <= value < math.inf for value in numbers):
            raise ValueError("counts: a number is negative, or none")
    if record.accuracy is not None:
        _check_accuracy(record.accuracy)
    if record.timings is not None:
        if not any(step.step == "inference" for step in record.timings.steps):
            raise ValueError("timings has no inference step")
        for step in record.timings.steps:
            _check_step(step)


def _too_large(value: Any, path: tuple[str, ...]) -> str | None:
    """The place of a number that no sum or conversion would bear; numbers that are not finite are a diverged loss."""
    if isinstance(value, dict | list | tuple):
        inner: Iterable[tuple[Any, Any]] = value.items() if isinstance(value, dict) else enumerate(value)
        return next((name for key, one in inner if (name := _too_large(one, (*path, str(key))))), None)
    whole = isinstance(value, int) and not -LARGEST_COUNT <= value <= LARGEST_COUNT
    real = isinstance(value, float) and LARGEST < abs(value) < float("inf")
    return ".".join(path)[:100] if whole or real else None


def _check_accuracy(accuracy: Accuracy) -> None:
    if not 0 <= accuracy.correct <= accuracy.images != 0:
        raise ValueError(f"accuracy: {accuracy.correct} of {accuracy.images} images cannot be right")
    named = {name: getattr(accuracy, name) for name in SHARES}
    shares = [*named.items(), *accuracy.per_class.items(), *(("resampled", one) for one in accuracy.resampled)]
    for name, share in shares:
        if share is not None and not 0 <= share <= 1:
            raise ValueError(f"accuracy: {name[:100]} is no share")
    if not accuracy.per_class:
        raise ValueError("accuracy: there is no class")
    if any(len(row) != len(accuracy.confusion) or min(row) < 0 for row in accuracy.confusion):
        raise ValueError("accuracy: confusion is no square of counts")


def _check_step(step: StepTiming) -> None:
    times = {name: getattr(step, name) for name in (*TIMES, *MAY_BE_ABSENT)}
    for name, seconds in times.items():
        if not (name in MAY_BE_ABSENT and seconds is None) and not SHORTEST < seconds < LONGEST:
            raise ValueError(f"timings: {name} of {step.step} is no time")
    if not step.rounds or not all(step.rounds):
        raise ValueError(f"timings: a round of {step.step} has no sample")
    if any(not SHORTEST < seconds < LONGEST for samples in step.rounds for seconds in samples):
        raise ValueError(f"timings: a sample of {step.step} is no time")

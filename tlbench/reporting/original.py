"""The Keras applications table: original classifiers, each figure beside the one that keras.io publishes. Pure."""

from collections.abc import Sequence
from typing import Any

from tlbench.backbones import registry as backbones
from tlbench.backbones.spec import Published
from tlbench.reporting import numbers
from tlbench.reporting.numbers import DASH
from tlbench.reporting.rows import Named, time_of
from tlbench.results.record import Record

HEADINGS = [
    "Model",
    "Size (MB)",
    "Top-1 accuracy",
    "Top-5 accuracy",
    "Parameters",
    "Depth",
    "Time (ms) per inference step (CPU)",
    "Time (ms) per inference step (GPU)",
]
LEGEND = (
    "Each figure is followed by the one published at keras.io/api/applications and the difference in brackets; a dash "
    "where there is none. Published times were taken on an AMD EPYC with 92 cores and a Tesla A100: they differ by the "
    "machine. Accuracies marked *published* were not measured here."
)


def is_original(record: Record) -> bool:
    """Whether the record is of an original classifier."""
    return record.cell.head.name == "imagenet"


def cells(named: Sequence[Named]) -> list[str]:
    """One row, in the order of `HEADINGS`."""
    record = named[0].record
    published = published_of(record) or Published(None, None, None, None, None, None, None)
    counts, accuracy = record.counts, record.accuracy
    return [
        record.cell.backbone.label + (" †" if "random weights" in record.fallbacks else ""),
        _beside(counts.size_mb if counts else None, published.size_mb, 0),
        _accuracy(accuracy.top1 if accuracy else None, published.top1),
        _accuracy(accuracy.top5 if accuracy else None, published.top5),
        _beside(counts.params / 1e6 if counts else None, published.params_m, 1, "M"),
        _beside(counts.depth if counts else None, published.depth, 0),
        _time(time_of(named, "cpu", "inference"), published.cpu_ms),
        _time(time_of(named, "gpu", "inference"), published.gpu_ms),
    ]


def published_of(record: Record) -> Published | None:
    """The published row of the record's model; None for models, or arguments, that keras.io does not list."""
    return None if record.cell.backbone.args else backbones.get(record.cell.backbone.name).published


def published_columns(record: Record) -> dict[str, Any]:
    """The published figures, as columns for files."""
    row = published_of(record)
    values = vars(row) if row and is_original(record) else {}
    return {f"published_{key}": values.get(key) for key in Published.__dataclass_fields__}


def _beside(value: float | None, published: float | None, digits: int, unit: str = "") -> str:
    """``97.8 (98, −0)``: the difference is taken at the digits that are published."""
    if value is None:
        return DASH
    shown = f"{value:.{digits}f}{unit}"
    if published is None:
        return f"{shown} ({DASH})"
    difference = round(value, digits) - published
    return f"{shown} ({published:.{digits}f}{unit}, {_signed(difference, digits)})"


def _accuracy(value: float | None, published: float | None) -> str:
    if value is None:
        return DASH if published is None else f"{published:.1f}% *published*"
    if published is None:
        return f"{value:.1%} ({DASH})"
    return f"{value:.1%} ({published:.1f}%, {_signed(value * 100 - published, 1)})"


def _time(measured: str, published: float | None) -> str:
    return f"{measured} ({DASH if published is None else numbers.milliseconds(published)})"


def _signed(difference: float, digits: int) -> str:
    text = f"{difference:+.{digits}f}"
    return "=" if float(text) == 0 else text

"""Records as a pandas table: one row per cell, plain numbers. docs/results-format.md describes the columns."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from tlbench.core.cell import Timing
from tlbench.core.image_size import brief
from tlbench.results.measured import Relative, StepTiming
from tlbench.results.record import Record

OF_STEP = (
    "ms",
    "low_ms",
    "high_ms",
    "mean_ms",
    "median_ms",
    "p95_ms",
    "minimum_ms",
    "normalised",
    "stable",
    "steps",
    "measured_with",
    "first_s",
    "memory_mb",
    "relative",
    "relative_low",
    "relative_high",
    "relative_to",
)
"""Columns of each step, without the name of the step."""
STEP_COLUMNS = tuple(f"{step}_{name}" for step in ("inference", "training") for name in OF_STEP)
COLUMNS = (
    "cell_id",
    "backbone",
    "dataset",
    "strategy",
    "head",
    "output",
    "image_size",
    "weights",
    "seed",
    "epochs",
    "batch_size",
    "optimizer",
    "learning_rate",
    "precision",
    "backend",
    "status",
    "error",
    "advice",
    "top1",
    "top1_low",
    "top1_high",
    "train_images",
    "test_images",
    "test_loss",
    "top5",
    "macro_f1",
    "balanced_accuracy",
    "majority_share",
    "calibration_error",
    "validation_top1",
    "kept_head",
    "params",
    "trainable",
    "non_trainable",
    "depth",
    "size_mb",
    "flops",
    "device",
    *STEP_COLUMNS,
    "timing_batch_size",
    "timing_protocol",
    "jit",
    "memory_peak_mb",
    "memory_start_mb",
    "memory_device_peak_mb",
    "memory_weights_mb",
    "memory_gradients_mb",
    "memory_optimizer_mb",
    "seconds",
    "data_source",
    "data_fallback",
    "data_fingerprint",
    "skipped_files",
    "weights_source",
    "weights_fallback",
    "weights_sha256",
    "weights_as_published",
    "weights_instead_of",
    "epochs_trained",
    "finished",
)


TUNING_COLUMNS = ("tuned", "tuned_trials", "tuned_value", "tuned_seconds")
"""Further columns if a record has a grid search."""


def to_frame(records: Iterable[Record]) -> pd.DataFrame:
    """Records as a table.

    Args:
        records: the records.

    Returns:
        One row per record with the columns `COLUMNS`, and `TUNING_COLUMNS` if a cell was tuned; empty where a cell has
        no
        such value. Units are in the columns' names, and sizes are in MiB.
    """
    given = list(records)
    columns = (*COLUMNS, *TUNING_COLUMNS) if any(record.search for record in given) else COLUMNS
    return pd.DataFrame([_row(record) for record in given], columns=list(columns))


def _row(record: Record) -> dict[str, Any]:
    cell = record.cell
    row: dict[str, Any] = {
        "cell_id": record.cell_id,
        "backbone": cell.backbone.label,
        "dataset": cell.dataset.label,
        "strategy": cell.strategy.label,
        "head": cell.head.label,
        "output": cell.head.output,
        "image_size": cell.image_size if isinstance(cell.image_size, int) else brief(cell.image_size),
        "weights": cell.weights,
        "seed": cell.seed,
        "epochs": cell.train.epochs if cell.train else None,
        "batch_size": cell.train.batch_size if cell.train else None,
        "optimizer": cell.train.optimizer if cell.train else None,
        "learning_rate": cell.train.learning_rate if cell.train else None,
        "precision": cell.precision,
        "backend": cell.backend,
        "status": record.status,
        "seconds": sum(record.phases.values()),
        "epochs_trained": sum(epoch.epoch > 0 for epoch in record.history),
        "finished": record.provenance.finished,
    }
    if record.search:
        found = record.search
        row |= dict(zip(TUNING_COLUMNS, (found.varied, len(found.trials), found.setting, found.seconds), strict=True))
    if record.trouble:
        row |= {"error": f"{record.trouble.type}: {record.trouble.message}", "advice": record.trouble.advice}
    return row | _accuracy(record) | _counts(record) | _timings(record) | _memory(record) | _provenance(record)


def _accuracy(record: Record) -> dict[str, Any]:
    if record.accuracy is None:
        return {}
    found = record.accuracy
    return {
        "top1": found.top1,
        "top1_low": found.low,
        "top1_high": found.high,
        "test_images": found.images,
        "test_loss": found.loss,
        "top5": found.top5,
        "macro_f1": found.macro_f1,
        "balanced_accuracy": found.balanced,
        "majority_share": record.data.majority if record.data else None,
        "calibration_error": found.calibration_error,
        "validation_top1": found.validation_top1,
        "kept_head": record.kept_head,
    }


def _counts(record: Record) -> dict[str, Any]:
    if record.counts is None:
        return {}
    return record.counts.model_dump(include={"params", "trainable", "non_trainable", "depth", "size_mb", "flops"})


def _timings(record: Record) -> dict[str, Any]:
    if record.timings is None:
        return {}
    found = record.timings
    return {
        "device": found.device,
        "jit": found.jit,
        "timing_protocol": found.protocol,
        "timing_batch_size": found.inference.batch_size,
        **_step("inference", found.inference, record.cell.timing),
        **(_step("training", found.training, record.cell.timing) if found.training else {}),
    }


def _step(name: str, step: StepTiming, timing: Timing | None) -> dict[str, Any]:
    return {
        f"{name}_stable": step.stable,
        f"{name}_steps": len(step.samples),
        f"{name}_measured_with": step.measured_with,
        f"{name}_first_s": step.first_call,
        f"{name}_memory_mb": None if step.memory is None else step.memory / 2**20,
        **(_number(name, step, timing) if step.has_number else {}),
    }


def _number(name: str, step: StepTiming, timing: Timing | None) -> dict[str, Any]:
    return {
        f"{name}_ms": step.shown(timing) * 1000,
        f"{name}_low_ms": None if step.low is None else step.low * 1000,
        f"{name}_high_ms": None if step.high is None else step.high * 1000,
        f"{name}_mean_ms": step.mean * 1000,
        f"{name}_median_ms": step.median * 1000,
        f"{name}_p95_ms": step.p95 * 1000,
        f"{name}_minimum_ms": step.minimum * 1000,
        f"{name}_normalised": step.normalised,
        **({} if step.relative is None else _relative(name, step.relative)),
    }


def _relative(name: str, found: Relative) -> dict[str, Any]:
    return {
        f"{name}_relative": found.estimate,
        f"{name}_relative_low": found.low,
        f"{name}_relative_high": found.high,
        f"{name}_relative_to": found.to,
    }


def _memory(record: Record) -> dict[str, Any]:
    if record.memory is None:
        return {}
    found = record.memory
    values = {
        "peak": found.peak,
        "start": found.start,
        "device_peak": found.device_peak,
        "weights": found.weights,
        "gradients": found.gradients,
        "optimizer": found.optimizer,
    }
    return {f"memory_{name}_mb": None if value is None else value / 2**20 for name, value in values.items()}


def _provenance(record: Record) -> dict[str, Any]:
    row: dict[str, Any] = {}
    if record.data:
        row |= {
            "train_images": sum(record.data.counts.get("train", {}).values()) or None,
            "data_source": record.data.source,
            "data_fallback": record.data.fallback,
            "data_fingerprint": record.data.fingerprint,
            "skipped_files": len(record.data.skipped),
        }
    if record.weights:
        row |= {
            "weights_source": record.weights.source,
            "weights_fallback": record.weights.fallback,
            "weights_sha256": record.weights.sha256,
            "weights_as_published": record.weights.as_published,
            "weights_instead_of": record.weights.instead_of,
        }
    return row

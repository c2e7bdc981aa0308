"""Migrate records of older schemas to the current one, one function per step.

`MIGRATIONS[n]` takes the content of a record of schema n (without its checksum) and returns that of schema n + 1.
"""

from collections.abc import Callable, Mapping
from typing import Any

from tlbench.core.errors import UserError
from tlbench.results.measured import shown_statistic
from tlbench.results.record import SCHEMA_VERSION
from tlbench.statistics.bootstrap import over_rounds
from tlbench.statistics.drift import drift

Content = dict[str, Any]
Migrations = Mapping[int, Callable[[Content], Content]]


def _to_2(content: Content) -> Content:
    """Steps become a list, with rounds and the reference workload; memory is split into parts."""
    content = dict(content)
    peak = content.pop("peak_memory_bytes", None)
    if peak is not None:
        unknown = {"start": None, "device_peak": None, "weights": 0, "gradients": 0, "optimizer": 0}
        content["memory"] = {"peak": peak, **unknown}
    timings = content.get("timings")
    if timings is not None:
        timings = dict(timings)
        steps = [_step_2(name, timings.pop(name), str(content["cell_id"])) for name in ("inference", "training")]
        threads = int(content["environment"]["identity"].get("threads", 0))
        content["timings"] = timings | {"threads": threads, "steps": steps}
    return content


def _step_2(name: str, step: Content, cell_id: str) -> Content:
    step = dict(step)
    samples = step.pop("samples")
    doubt = {
        "kind": "unjudged",
        "message": "taken by an earlier version, cell after cell and without a reference workload",
        "advice": "Run the suite again.",
    }
    return step | {
        "step": name,
        "measured_with": cell_id,
        "rounds": [samples],
        "reference": [],
        "mean": sum(samples) / len(samples),
        "normalised": None,
        "models": 1,
        "drift": None,
        "complete": True,
        "doubts": [doubt],
    }


def _to_3(content: Content) -> Content:
    """Adds `path`, which is None because nobody recorded it."""
    return content


def _to_4(content: Content) -> Content:
    """Adds `session` and `draws` of step times, which have defaults."""
    return content


def _to_5(content: Content) -> Content:
    """Intervals and drift of step times are recomputed from the rounds; they were based on readings of other runs."""
    timings = content.get("timings")
    if timings is None:
        return content
    steps = [_step_5(step, timings["protocol"]) for step in timings["steps"]]
    return content | {"timings": timings | {"steps": steps}}


def _step_5(step: Content, protocol: str) -> Content:
    step = {key: value for key, value in step.items() if key not in {"sample_low", "sample_high"}}
    interval = over_rounds(step["rounds"], shown_statistic(protocol))
    ends = (interval.low, interval.high) if interval else (None, None)
    return step | {"low": ends[0], "high": ends[1], "drift": drift(step["reference"])}


def _to_6(content: Content) -> Content:
    """Fields that were added under schema 5, as `path.numpy` was, have defaults."""
    return content


def _to_7(content: Content) -> Content:
    """Adds `weights.as_published`, which is None because nobody looked."""
    return content


MIGRATIONS: Migrations = {1: _to_2, 2: _to_3, 3: _to_4, 4: _to_5, 5: _to_6, 6: _to_7}


class RecordTooNewError(UserError):
    """A record has a schema, or fields, that this version of tlbench does not know."""


def migrate(content: Content, migrations: Migrations = MIGRATIONS, current: int = SCHEMA_VERSION) -> Content:
    """Migrate the content of a record.

    Args:
        content: the content without the checksum.
        migrations: the migrations by the schema that they start from.
        current: the schema to reach.

    Raises:
        RecordTooNewError: the schema is newer than `current`.
        ValueError: `schema_version` is missing, not an integer or unknown.
    """
    version = content.get("schema_version")
    if not isinstance(version, int) or isinstance(version, bool):
        raise ValueError("it has no schema_version")
    if version > current:
        raise RecordTooNewError(
            f"schema {version} is newer than schema {current}, the newest this tlbench reads; update tlbench"
        )
    while version < current:
        if version not in migrations:
            raise ValueError(f"schema {version} is unknown")
        content = {**migrations[version](content), "schema_version": version + 1}
        version += 1
    return content

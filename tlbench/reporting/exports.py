"""Step times in the formats of other tools. Pure."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from tlbench.core.version import __version__
from tlbench.reporting.report import Report, RunRecord
from tlbench.reporting.stand_ins import marked
from tlbench.reporting.views.names import labels_of
from tlbench.results.measured import StepTiming

CHANGED = "+"
"""After the hash of a commit: there were uncommitted changes (`host.environment.git_commit`)."""


def pytest_benchmark(report: Report) -> str:
    """A file for `pytest-benchmark compare`: a benchmark for each step, with its samples as rounds."""
    first = report.rows[0].record
    timed_on = next((row.record for row in report.rows if row.record.timings), first).where_timed.identity
    commit = first.provenance.git_commit or ""
    content = {
        "machine_info": {
            **timed_on,
            "node": "",
            "cpu": {"brand_raw": timed_on.get("cpu", "unknown")},
        },
        "commit_info": {
            "id": commit.removesuffix(CHANGED) or None,
            "time": first.provenance.finished,
            "dirty": commit.endswith(CHANGED),
        },
        "benchmarks": [_benchmark(name, row, step) for name, row, step in _steps(report.rows)],
        "datetime": first.provenance.finished,
        "version": f"tlbench {__version__}",
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def github_action_benchmark(report: Report) -> str:
    """A file for github-action-benchmark's tool `customSmallerIsBetter`: step times in ms, test errors in %."""
    numbers = [
        {
            "name": name,
            "unit": "ms",
            "value": step.shown(row.record.cell.timing) * 1000,
            "range": _range(step),
            "extra": f"{row.run}; {'stable' if step.stable else 'unstable'}",
        }
        for name, row, step in _steps(report.rows)
    ]
    numbers += [
        {
            "name": f"{name} · test error",
            "unit": "%",
            "value": 100 * (1 - row.record.accuracy.top1),
            "range": f"{100 * (1 - row.record.accuracy.high):.1f} to {100 * (1 - row.record.accuracy.low):.1f}",
            "extra": f"{row.run}; {row.record.accuracy.images} images",
        }
        for name, row in zip(_names(report.rows), report.rows, strict=True)
        if row.record.accuracy
    ]
    return json.dumps(numbers, indent=1, ensure_ascii=False) + "\n"


def _names(rows: Sequence[RunRecord]) -> list[str]:
    """The labels of the cells with their stand-ins: other tools show the names alone."""
    return [marked(label, row.record.fallbacks) for label, row in zip(labels_of(rows), rows, strict=True)]


def _steps(rows: Sequence[RunRecord]) -> Iterator[tuple[str, RunRecord, StepTiming]]:
    """Each timed step that has a number, with its name and record. Neither format has a place for a missing one."""
    for name, row in zip(_names(rows), rows, strict=True):
        for step in row.record.timings.steps if row.record.timings else ():
            if step.has_number:
                yield f"{name} · {step.step} batch {step.batch_size}", row, step


def _range(step: StepTiming) -> str:
    if step.low is None or step.high is None:
        return "unknown"
    return f"{step.low * 1000:.3g} to {step.high * 1000:.3g}"


def _benchmark(name: str, row: RunRecord, step: StepTiming) -> dict[str, Any]:
    from pytest_benchmark.stats import Stats

    stats = Stats()
    for sample in step.samples:
        stats.update(sample)
    names = ("min", "max", "mean", "stddev", "rounds", "median", "iqr", "q1", "q3", "iqr_outliers", "stddev_outliers")
    more = ("outliers", "ld15iqr", "hd15iqr", "ops", "total")
    return {
        "group": step.step,
        "name": name,
        "fullname": name,
        "params": None,
        "param": None,
        "extra_info": {"cell": row.record.cell_id, "run": row.run},
        "options": {},
        "stats": {key: getattr(stats, key) for key in (*names, *more)} | {"data": list(step.samples), "iterations": 1},
    }

"""Step times in the formats of other tools. Pure; each entry goes from records to text."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from tlbench.core.version import __version__
from tlbench.reporting.formats import Format, Report
from tlbench.reporting.rows import Named
from tlbench.results.record import StepTiming


def pytest_benchmark(report: Report) -> str:
    """A file that `pytest-benchmark compare` accepts: a benchmark for each step, its samples as the rounds."""
    first = report.named[0].record
    content = {
        "machine_info": {
            **first.environment.identity,
            "node": "",
            "cpu": {"brand_raw": first.environment.identity["cpu"]},
        },
        "commit_info": {"id": first.provenance.git_commit, "time": first.provenance.finished, "dirty": False},
        "benchmarks": [_benchmark(one, step) for one, step in _steps(report.named)],
        "datetime": first.provenance.finished,
        "version": f"tlbench {__version__}",
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def github_action_benchmark(report: Report) -> str:
    """A list for github-action-benchmark's tool `customSmallerIsBetter`: medians in ms, errors in percent points."""
    found = [
        {
            "name": f"{one.record.cell.label} · {step.step} batch {step.batch_size}",
            "unit": "ms",
            "value": step.median * 1000,
            "range": _range(step),
            "extra": f"{one.run}; {'stable' if step.stable else 'unstable'}",
        }
        for one, step in _steps(report.named)
    ]
    found += [
        {
            "name": f"{one.record.cell.label} · test error",
            "unit": "%",
            "value": 100 * (1 - one.record.accuracy.top1),
            "range": f"{100 * (1 - one.record.accuracy.high):.1f} to {100 * (1 - one.record.accuracy.low):.1f}",
            "extra": f"{one.run}; {one.record.accuracy.images} images",
        }
        for one in report.named
        if one.record.accuracy
    ]
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def _steps(named: Sequence[Named]) -> Iterator[tuple[Named, StepTiming]]:
    for one in named:
        for step in one.record.timings.steps if one.record.timings else ():
            yield one, step


def _range(step: StepTiming) -> str:
    if step.low is None or step.high is None:
        return "unknown"
    return f"{step.low * 1000:.3g} to {step.high * 1000:.3g}"


def _benchmark(one: Named, step: StepTiming) -> dict[str, Any]:
    from pytest_benchmark.stats import Stats

    stats = Stats()
    for sample in step.samples:
        stats.update(sample)
    names = ("min", "max", "mean", "stddev", "rounds", "median", "iqr", "q1", "q3", "iqr_outliers", "stddev_outliers")
    more = ("outliers", "ld15iqr", "hd15iqr", "ops", "total")
    name = f"{one.record.cell.label} · {step.step} batch {step.batch_size}"
    return {
        "group": step.step,
        "name": name,
        "fullname": name,
        "params": None,
        "param": None,
        "extra_info": {"cell": one.record.cell_id, "run": one.run},
        "options": {},
        "stats": {key: getattr(stats, key) for key in (*names, *more)} | {"data": list(step.samples), "iterations": 1},
    }


EXPORTS: dict[str, Format] = {
    "pytest-benchmark": pytest_benchmark,
    "github-action-benchmark": github_action_benchmark,
}

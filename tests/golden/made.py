"""A comparison with every verdict, and series of runs: what the committed runs have none of."""

from typing import Any

from tests import builders
from tlbench.core.cell import Cell, Named
from tlbench.regression.both_sides import SAME
from tlbench.regression.comparison import Compared, Comparison
from tlbench.regression.history import Change, Point, Series
from tlbench.regression.metrics.base import NOT_AGAIN
from tlbench.regression.side import Side
from tlbench.regression.verdicts import Judgement

FROZEN, FULL = Named(name="frozen"), Named(name="full")


def compared(cell: Cell, *judgements: dict[str, Any]) -> Compared:
    made = tuple(Judgement(cell=cell, **one) for one in judgements)
    return Compared(cell.label, cell.id, made)


def comparison() -> Comparison:
    slower = builders.cell(strategy=FULL)
    faster = builders.cell(strategy=FROZEN)
    cells = [builders.cell(strategy=strategy, seed=seed) for strategy in (FROZEN, FULL) for seed in (1, 2, 3)]
    accuracy = {"metric": "accuracy", "name": "accuracy", "base": 0.93, "new": 0.885, "effect": -0.045}
    time = {"metric": "time", "name": "inference time, batch 32", "unit": "ms", "base": 20.0, "new": 24.0}
    memory = {"metric": "memory", "name": "peak memory", "unit": "MiB", "base": 600.0, "new": 540.0, "effect": -0.1}
    params = {"metric": "count", "name": "params", "base": 219058.0, "effect": 0.0}
    outcome = {"metric": "outcome", "name": "outcome"}
    return Comparison(
        Side(name="baselines/ci.json", entries=()),
        Side(name="results/ci", entries=(), suite="ci"),
        (
            compared(
                slower,
                accuracy | {"low": -0.081, "high": -0.009, "verdict": "regressed", "seeds": 3, "reason": "sign flips"},
                time | {"effect": 0.2, "low": 0.184, "high": 0.217, "verdict": "regressed"},
                memory | {"low": -0.12, "high": -0.08, "verdict": "improved"},
                params | {"new": 219058.0, "verdict": "unchanged"},
            ),
            compared(
                faster,
                accuracy | {"verdict": "not comparable", "reason": "other images", "effect": None},
                time | {"new": 20.1, "effect": 0.005, "low": -1.0, "high": 0.051, "verdict": "inconclusive"}
                | {"reason": "the interval reaches beyond the gate", "decide": "more runs a side, or `tlbench ab`"},
                params | {"new": 219572.0, "effect": 0.00235, "verdict": "regressed"},
            ),
            compared(cells[0], outcome | {"verdict": "missing", "reason": "the new side has no such cell"}),
            compared(cells[1], outcome | {"verdict": "new", "reason": "no such cell in the base"}),
            compared(cells[2], outcome | {"verdict": "same measurement", "reason": SAME}),
            compared(cells[3], outcome | {"verdict": "newly failing", "reason": "oom: ValueError: no such layer"}),
            compared(cells[4], outcome | {"verdict": "fixed", "reason": "it was oom before"}),
            compared(
                cells[5],
                accuracy | {"new": None, "effect": None, "verdict": "not comparable", "reason": NOT_AGAIN},
                params | {"new": 219058.0, "verdict": "unchanged"},
            ),
        ),
        ("versions: keras 3.14.0 → 3.15.1",),
    )  # fmt: skip


def series() -> list[Series]:
    """Three numbers of two cells over eight runs; the level of one changed with a version."""

    def points(values: list[float], version: str = "3.14.0") -> tuple[Point, ...]:
        return tuple(
            Point(f"run{number}", f"2026-01-{number + 1:02}", {"keras": version if number < 4 else "3.15.1"}, value)
            for number, value in enumerate(values)
        )

    times = points([20.0, 20.2, 19.9, 20.1, 24.0, 24.2, 23.9, 24.1])
    moved = Change(at=times[4], since=times[3], before=20.05, after=24.05, p=0.004)
    first, second = builders.cell(strategy=FROZEN).label, builders.cell(strategy=FULL).label
    return [
        Series(first, "accuracy", "%", "", points([93.0, 93.5] * 4), ()),
        Series(first, "inference time, batch 32", "ms", "Test CPU, 2 threads", times, (moved,)),
        Series(second, "params", "", "", points([219058.0] * 8), ()),
    ]

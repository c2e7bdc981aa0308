"""A report of 40 backbones, 4 strategies and 2 data sets, made from the records of the reference run."""

from functools import partial
from pathlib import Path

import numpy as np

from tlbench.backbones import registry as backbones
from tlbench.core.cell import Named
from tlbench.regression.contrasts import Right
from tlbench.reporting.report import Report, RunRecord
from tlbench.results.record import Record
from tlbench.results.store import Store
from tlbench.session.report import load

SMALL = Path(__file__).parents[2] / "results" / "reference" / "small-cpu"
STRATEGIES = (Named(name="frozen"), Named(name="partial", args={"trainable": 0.3}), Named(name="full"), Named(name="scratch"))  # fmt: skip


def small() -> Report:
    """The reference run itself."""
    return load(SMALL)


def large() -> Report:
    """Each record is one of the reference run's with another name, accuracy, size and time; answers fit its accuracy."""
    store, draw = Store(SMALL), np.random.default_rng(0)
    recorded = {record.cell.dataset.name: record for record in store.read_all().records}
    rows = []
    for name in list(backbones.names())[:40]:
        for data_set, record in recorded.items():
            skill, cost = draw.normal(0.8, 0.05), float(draw.lognormal(0, 1))
            for strategy in STRATEGIES:
                made = _varied(record, name, strategy, float(np.clip(skill + draw.normal(0, 0.03), 0.3, 0.99)), cost)
                assert made.cell.dataset.name == data_set
                rows.append(RunRecord("large", made, partial(_answers, made, int(draw.integers(1000)))))
    return Report("large", rows)


def _varied(record: Record, backbone: str, strategy: Named, top1: float, cost: float) -> Record:
    cell = record.cell.model_copy(update={"backbone": Named(name=backbone), "strategy": strategy})
    assert record.accuracy is not None
    assert record.counts is not None
    assert record.timings is not None
    correct = round(top1 * record.accuracy.images)
    accuracy = record.accuracy.model_copy(
        update={"top1": correct / record.accuracy.images, "correct": correct, "resampled": ()}
    )
    counts = record.counts.model_copy(
        update={"params": int(record.counts.params * cost), "size_mb": record.counts.size_mb * cost}
    )
    steps = tuple(
        step.model_copy(update={"median": step.median * cost, "low": None, "high": None, "measured_with": cell.id})
        for step in record.timings.steps
    )
    timings = record.timings.model_copy(update={"steps": steps})
    changes = {"cell": cell, "cell_id": cell.id, "accuracy": accuracy, "counts": counts, "timings": timings}
    return record.model_copy(update=changes)


def _answers(record: Record, seed: int) -> Right:
    """As many right as the accuracy says; easy images more often."""
    assert record.accuracy is not None
    images = record.accuracy.images
    ease = np.linspace(0, 3, images) + np.random.default_rng(seed).normal(size=images)
    right: Right = np.argsort(np.argsort(-ease)) < record.accuracy.correct
    return right

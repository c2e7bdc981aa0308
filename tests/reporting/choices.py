"""Records of trained models, and the choice among them, for tests of the recommendation."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from tests import builders
from tlbench.core.cell import Named
from tlbench.regression.contrasts import Right
from tlbench.reporting.plots import Choice
from tlbench.reporting.report import Report, RunRecord
from tlbench.reporting.views import choice
from tlbench.results.record import Record

IMAGES = 200


def trained(
    backbone: str, strategy: str, correct: int, ms: float | None = None, seed: int = 0, **changes: object
) -> Record:
    limit = {"limit": changes.pop("limit")} if "limit" in changes else {}
    of = builders.cell(backbone=Named(name=backbone), strategy=Named(name=strategy), seed=seed, **limit)
    timings = builders.timings(inference=ms / 1000, training=ms / 500) if ms else None
    fields: dict[str, object] = {"accuracy": builders.accuracy(correct, IMAGES), "timings": timings}
    return builders.record(of, **fields | changes)


def nested(record: Record) -> Right:
    """The first images are right: a better one has right all that a worse one has."""
    assert record.accuracy is not None
    right: Right = np.arange(IMAGES) < record.accuracy.correct
    return right


def report(records: Sequence[Record]) -> Report:
    return Report("t", [RunRecord("run", one, partial(nested, one)) for one in records])


def chosen(records: Sequence[Record]) -> Choice:
    section, *_ = choice.sections(report(records))
    block = section.blocks[0]
    assert isinstance(block, Choice)
    return block


def on_gpu(record: Record) -> Record:
    return record.model_copy(update={"timings": builders.timings("gpu", 0.002, 0.004)})


THREE = [trained("Big", "full", 190, 80.0), trained("Small", "full", 187, 20.0), trained("Small", "frozen", 150, 20.0)]

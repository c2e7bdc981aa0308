"""Accuracy against the number of training images: which recipes are a curve, and where one overtakes frozen."""

import math
from typing import Any

import numpy as np
import pytest

from tests import builders
from tests.narrow import present
from tlbench.core.cell import Limit, Named
from tlbench.regression.by_images import curves, overtakings
from tlbench.regression.contrasts import recipes
from tlbench.regression.gains import gains
from tlbench.reporting.document import pictures
from tlbench.reporting.formats import as_markdown
from tlbench.reporting.plots import Curves
from tlbench.reporting.report import Report, RunRecord
from tlbench.reporting.views.registry import document
from tlbench.results.record import Record
from tlbench.statistics.crossing import crossing


def trained(strategy: str, size: int, share: float, seed: int = 0, asked: int | None = None, **changes: Any) -> Record:
    """With `size` images a class, of `asked` at most; a frozen head is solved."""
    resampled = tuple(share + np.linspace(-0.01, 0.01, 20)) if strategy == "frozen" else ()
    accuracy = builders.accuracy(round(share * 1000), 1000).model_copy(update={"resampled": resampled})
    counts = builders.data().counts | {"train": {"cats": size, "dogs": size}}
    images = builders.data().model_copy(update={"fingerprint": f"{size:064}", "counts": counts})
    cell = builders.cell(strategy=Named(name=strategy), seed=seed, limit=Limit(train=asked or size), **changes)
    return builders.record(cell, accuracy=accuracy, data=images)


FULL = {10: 0.60, 30: 0.75, 100: 0.86}
FROZEN = {10: 0.70, 30: 0.77, 100: 0.80}


def records(seeds: int = 3) -> list[Record]:
    heads = [trained("frozen", size, share) for size, share in FROZEN.items()]
    return heads + [trained("full", s, share + 0.004 * n, n) for s, share in FULL.items() for n in range(seeds)]


def test_recipes_that_differ_in_their_training_images_alone_are_a_curve_fewest_first() -> None:
    found = curves(recipes(records()[::-1]))
    assert [curve.sizes for curve in found] == [(10.0, 30.0, 100.0)] * 2
    assert {len(recipe.records) for curve in found for recipe in curve.recipes} == {1, 3}
    assert curves(recipes([trained("full", 10, 0.7), trained("full", 30, 0.8, image_size=64)])) == []


def test_what_is_asked_beyond_all_images_is_no_other_size() -> None:
    assert curves(recipes([trained("full", 30, 0.7, asked=100), trained("full", 30, 0.7, asked=200)])) == []


def test_other_test_images_or_weights_are_another_curve_and_images_that_cannot_be_told_apart_are_none() -> None:
    small, large = trained("full", 10, 0.7), trained("full", 30, 0.8)
    assert len(curves(recipes([small, large]))) == 1
    fewer = present(large.data).model_copy(
        update={"counts": present(large.data).counts | {"test": {"cats": 50, "dogs": 50}}}
    )
    assert curves(recipes([small, large.model_copy(update={"data": fewer})])) == []
    mine = builders.weights().model_copy(update={"sha256": "b" * 64})
    assert curves(recipes([small, large.model_copy(update={"weights": mine})])) == []
    others = present(large.data).model_copy(update={"fingerprint": "e" * 64})
    most = trained("full", 100, 0.9)
    doubtful = [small, large, large.model_copy(update={"data": others}), most]
    assert [curve.sizes for curve in curves(recipes(doubtful))] == [(10, 100)]


def test_the_place_is_that_of_the_gains_and_their_intervals() -> None:
    judged = gains(recipes(records()), lambda record: None)
    (found,) = overtakings(judged)
    ends = [(present(present(gain.shift).low), present(present(gain.shift).high)) for gain in judged]
    assert found.crossing == crossing([10, 30, 100], [gain.difference for gain in judged], ends)
    expected = math.exp(np.interp(0, [gain.difference for gain in judged[1:]], np.log([30, 100])))
    assert present(found.crossing).size == pytest.approx(expected)


def test_one_seed_has_no_place() -> None:
    (found,) = overtakings(gains(recipes(records(seeds=1)), lambda record: None))
    assert found.crossing is None


def section(of: list[Record]) -> str:
    said = as_markdown(Report("t", [RunRecord("run", record) for record in of]))
    return said.partition("## Accuracy by number of training images\n")[2].partition("\n## ")[0]


def test_the_report_has_a_column_for_each_number_and_says_where_frozen_is_overtaken() -> None:
    said = section(records())
    head, full = (next(line for line in said.splitlines() if f"| {name} " in line) for name in ("frozen", "full"))
    assert [cell.strip() for cell in head.split("|")[4:7]] == ["70.0% ± 0.6", "77.0% ± 0.6", "80.0% ± 0.6"]
    assert [cell.strip() for cell in full.split("|")[4:7]] == ["60.4% ± 0.4", "75.4% ± 0.4", "86.4% ± 0.4"]
    judged = gains(recipes(records()), lambda record: None)
    found = present(overtakings(judged)[0].crossing)
    assert f"{found.size:.0f} ({found.low:.0f} to {found.high:.0f})" in said
    assert "one seed: not judged" in section(records(seeds=1))
    assert section([trained("frozen", 10, 0.7), trained("full", 10, 0.7)]) == ""


def test_the_curves_are_drawn() -> None:
    drawn = pictures(document(Report("t", [RunRecord("run", record) for record in records()])).blocks)
    (curves_drawn,) = (picture for picture in drawn if picture.name == "images-cats-dogs")
    assert isinstance(curves_drawn, Curves)
    full, frozen = curves_drawn.panels[0].lines
    assert frozen.points == ((10.0, 0.70), (30.0, 0.77), (100.0, 0.80))
    assert [size for size, _ in full.points] == [10.0, 30.0, 100.0]


def test_what_cannot_be_said_is_said() -> None:
    close = [trained("frozen", size, 0.8) for size in (10, 100)]
    close += [trained("full", size, 0.8 + 0.01 * (n - 1), n) for size in (10, 100) for n in range(3)]
    assert "cannot be said" in section(close)
    never = [trained("frozen", size, 0.9) for size in (10, 100)]
    never += [trained("full", size, 0.5 + 0.01 * n, n) for size in (10, 100) for n in range(3)]
    assert "| over 100 " in section(never)

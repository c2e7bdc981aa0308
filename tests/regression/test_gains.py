"""What strategies gain over the frozen backbone on the same images: what is paired with what, and what is judged."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests import builders
from tests.narrow import present
from tlbench.core.cell import Head, Named
from tlbench.regression.contrasts import recipes
from tlbench.regression.gains import Gain, beside, gains
from tlbench.reporting.formats import as_markdown
from tlbench.reporting.report import Report, RunRecord
from tlbench.results.record import Record
from tlbench.statistics.multiple import holm
from tlbench.statistics.trainings import compare, of_answers, without_seeds

Right = NDArray[np.bool_]


def trained(strategy: str, right: Right, seed: int = 0, resampled: tuple[float, ...] = (), **changes: Any) -> Record:
    accuracy = builders.accuracy(int(right.sum()), len(right)).model_copy(update={"resampled": resampled})
    images = builders.data().model_copy(update={"fingerprint": changes.pop("images", "f") * 64})
    cell = builders.cell(strategy=Named(name=strategy), seed=seed, **changes)
    return builders.record(cell, accuracy=accuracy, data=images)


def answers(share: float, draw: int) -> Right:
    found: Right = np.random.default_rng(draw).random(400) < share
    return found


def found(records: dict[int, tuple[Record, Right]]) -> list[Gain]:
    kept = {id(record): right for record, right in records.values()}
    return gains(recipes([record for record, _ in records.values()]), lambda record: kept.get(id(record)))


def test_a_gain_is_that_of_the_paired_answers_and_the_resamples() -> None:
    head, resampled = answers(0.7, 0), tuple(0.7 + 0.01 * np.random.default_rng(1).normal(size=20))
    seeds = [head | answers(0.5, seed) for seed in (2, 3, 4)]
    records = {0: (trained("frozen", head, resampled=resampled), head)}
    records |= {seed + 1: (trained("full", right, seed), right) for seed, right in enumerate(seeds)}
    (gain,) = found(records)
    sides = [without_seeds(of_answers(head[:, None]), resampled), of_answers(np.stack(seeds, axis=1))]
    assert gain.shift == compare(sides, [(0, 1)])[0]
    assert gain.difference == pytest.approx(np.mean(seeds) - head.mean())
    assert gain.verdict == "better than frozen"


def test_one_seed_is_shown_and_not_judged_and_nothing_is_read_for_it() -> None:
    head, other = answers(0.5, 0), answers(0.95, 1)
    tested = recipes([trained("frozen", head, resampled=(0.5, 0.6, 0.5)), trained("full", other)])
    read: list[Record] = []
    (gain,) = gains(tested, lambda record: read.append(record))
    assert (gain.shift, gain.adjusted, gain.verdict) == (None, None, "one seed: not judged")
    assert gain.difference == pytest.approx(other.mean() - head.mean())
    assert [record.cell.strategy.name for record in read] == ["frozen"]


def test_answers_that_were_not_kept_widen_the_interval() -> None:
    head = answers(0.7, 0)
    records = [trained("frozen", head, resampled=(0.69, 0.7, 0.71))]
    kept = {records[0].cell_id: head}
    for seed in range(3):
        right = head ^ (answers(0.05, seed + 1))
        records.append(trained("full", right, seed))
        kept[records[-1].cell_id] = right
    tested = recipes(records)
    (paired,), (apart,) = gains(tested, lambda record: kept[record.cell_id]), gains(tested, lambda record: None)
    assert paired.difference == apart.difference
    widths = [present(g.shift).high - present(g.shift).low for g in (paired, apart)]  # type: ignore[operator]
    assert widths[0] < widths[1]


def test_only_the_same_images_head_and_backbone_are_compared_and_the_plain_head_is_preferred() -> None:
    right = answers(0.7, 0)
    records = {
        0: (trained("frozen", right), right),
        1: (trained("full", right, images="e"), right),
        2: (trained("full", right, head=Head(hidden=(8,))), right),
        3: (trained("full", right, backbone=Named(name="MobileNetV2")), right),
        4: (trained("full", right, image_size=64), right),
    }
    assert found(records) == []
    gradient = builders.cell(strategy=Named(name="frozen", args={"solver": "gradient"}))
    stepped = builders.record(gradient, accuracy=builders.accuracy(1, 400))
    (gain,) = gains(recipes([stepped, trained("frozen", right), trained("full", right)]), lambda record: None)
    assert gain.frozen.cell.strategy.args == {}


def test_a_backbone_from_another_file_of_weights_is_not_compared() -> None:
    frozen, full = (trained(strategy, answers(0.8, 1)) for strategy in ("frozen", "full"))
    assert len(beside(recipes([frozen, full]), "frozen")) == 1
    mine = builders.weights().model_copy(update={"sha256": "b" * 64})
    assert beside(recipes([frozen, full.model_copy(update={"weights": mine})]), "frozen") == []


def test_p_values_are_corrected_over_all_that_is_judged() -> None:
    head = answers(0.7, 0)
    records = {0: (trained("frozen", head, resampled=(0.69, 0.7, 0.71, 0.7)), head)}
    for number, strategy in enumerate(("full", "scratch")):
        for seed in range(3):
            right = answers(0.8 - 0.05 * number, 10 * number + seed + 1)
            records[len(records)] = (trained(strategy, right, seed), right)
    judged = found(records)
    assert [gain.adjusted for gain in judged] == holm([present(gain.shift).p for gain in judged])


def test_the_report_has_a_line_for_each_gain_with_what_is_judged() -> None:
    head = answers(0.7, 0)
    rows = [RunRecord("run", trained("frozen", head, resampled=(0.69, 0.7, 0.71, 0.7)), lambda: head)]
    for seed in range(3):
        right = head | answers(0.5, seed + 1)
        rows.append(RunRecord("run", trained("full", right, seed), lambda right=right: right))  # type: ignore[misc]
    rows.append(RunRecord("run", trained("scratch", answers(0.5, 9))))
    said = as_markdown(Report("t", rows)).partition("## What each strategy gains over frozen\n")[2]
    lines = [[cell.strip() for cell in line.split("|")] for line in said.splitlines() if line.startswith("| cats")]
    gain = next(gain for gain in Report("t", rows).gains if gain.shift)
    shift = present(gain.shift)
    interval = f"{present(shift.low) * 100:+.1f} to {present(shift.high) * 100:+.1f}"
    assert lines[0][3:5] == ["full", "3"]
    assert lines[0][7:11] == [f"{gain.difference * 100:+.1f}", interval, f"{gain.adjusted:.2g}", "better than frozen"]
    assert lines[1][3:5] == ["scratch", "1"]
    assert lines[1][8:11] == ["—", "—", "one seed: not judged"]

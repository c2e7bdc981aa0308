"""What transfer gives over scratch: which curves are set beside each other, and what their seeds say."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from scipy import stats

from tests import builders
from tests.narrow import present
from tlbench.core.cell import Named
from tlbench.regression.contrasts import Recipe, recipes
from tlbench.regression.transfer import above_chance, benefits, chance
from tlbench.reporting.formats import as_markdown
from tlbench.reporting.report import Report, RunRecord
from tlbench.results.record import Record
from tlbench.results.trained import Epoch


def epoch(number: int, accuracy: float) -> Epoch:
    return Epoch(
        epoch=number, loss=0.1, accuracy=0.9, val_loss=0.5, val_accuracy=accuracy, learning_rate=1e-3, seconds=1.0
    )


def trained(strategy: str, curve: Sequence[float], seed: int = 0, head: float | None = None, **changes: Any) -> Record:
    """By validation accuracies; `head`: that of a solved head, before any epoch."""
    history = [epoch(0, head)] if head is not None else []
    history += [epoch(number, accuracy) for number, accuracy in enumerate(curve, start=1)]
    weights = "random" if strategy == "scratch" else "imagenet"
    cell = builders.cell(strategy=Named(name=strategy), seed=seed, weights=weights, **changes)
    return builders.record(cell, history=tuple(history))


SCRATCH = [[0.2, 0.2, 0.4, 0.6, 0.6, 0.6], [0.3, 0.2, 0.5, 0.5, 0.5, 0.5], [0.1, 0.3, 0.6, 0.7, 0.7, 0.7]]
FULL = [[0.8, 0.85, 0.9, 0.9, 0.9, 0.8], [0.82, 0.9, 0.9, 0.9, 0.9, 0.8], [0.81, 0.86, 0.88, 0.88, 0.88, 0.8]]


def by_hand(parts: Sequence[tuple[float, float]], shift: float) -> tuple[float, float, float]:
    """Ends and p of a difference whose variance is that of `parts`, each with its degrees of freedom (Satterthwaite)."""
    variance = sum(part for part, _ in parts)
    freedom = variance**2 / sum(part**2 / of for part, of in parts)
    half = float(stats.t.ppf(0.975, freedom)) * variance**0.5
    return shift - half, shift + half, float(2 * stats.t.sf(abs(shift) / variance**0.5, freedom))


def binomial(*means: float) -> list[tuple[float, float]]:
    """Variances over 200 validation images."""
    return [(mean * (1 - mean) / 200, 199) for mean in means]


def test_differences_are_welchs_over_seeds_and_of_accuracies_over_images_too() -> None:
    records = [trained("scratch", curve, seed) for seed, curve in enumerate(SCRATCH)]
    records += [trained("full", curve, seed, head=0.7) for seed, curve in enumerate(FULL)]
    (found,) = benefits(recipes(records))
    ours, theirs = found.transfer.values("slope"), found.scratch.values("slope")
    expected = stats.ttest_ind(ours, theirs, equal_var=False)
    assert found.shifts["slope"].p == pytest.approx(expected.pvalue)
    for number in ("start", "asymptote"):
        ours, theirs = found.transfer.values(number), found.scratch.values(number)
        means = float(np.mean(ours)), float(np.mean(theirs))
        seeds = [(float(np.var(side, ddof=1)) / 3, 2.0) for side in (ours, theirs)]
        shift = found.shifts[number]
        assert shift.estimate == pytest.approx(means[0] - means[1])
        assert (shift.low, shift.high, shift.p) == pytest.approx(by_hand(seeds + binomial(*means), shift.estimate))
    assert found.transfer.values("start") == [0.8, 0.82, 0.81], "after the first epoch, not of the solved head"


def test_a_solved_head_is_a_start_and_an_asymptote_without_a_slope_and_has_no_luck_of_its_own() -> None:
    records = [trained("scratch", curve, seed) for seed, curve in enumerate(SCRATCH)]
    (found,) = benefits(recipes([*records, trained("frozen", [], head=0.85)]))
    assert set(found.shifts) == {"start", "asymptote"}
    starts, shift = [curve[0] for curve in SCRATCH], found.shifts["start"]
    parts = [(float(np.var(starts, ddof=1)) / 3, 2.0), *binomial(0.85, float(np.mean(starts)))]
    assert (shift.low, shift.high, shift.p) == pytest.approx(by_hand(parts, 0.85 - float(np.mean(starts))))


def test_seeds_that_all_begin_at_chance_do_not_make_a_difference_exact() -> None:
    records = [trained("scratch", [0.5, *curve[1:]], seed) for seed, curve in enumerate(SCRATCH)]
    (found,) = benefits(recipes([*records, trained("frozen", [], head=0.85)]))
    assert present(found.shifts["start"].high) - present(found.shifts["start"].low) > 0.1


def test_one_seed_has_no_interval() -> None:
    (found,) = benefits(recipes([trained("scratch", SCRATCH[0]), trained("full", FULL[0])]))
    assert found.shifts["start"].estimate == pytest.approx(0.6)
    assert {shift.low for shift in found.shifts.values()} == {None}


def test_too_few_epochs_and_other_models_are_not_set_beside_each_other() -> None:
    assert benefits(recipes([trained("scratch", SCRATCH[0][:5]), trained("full", FULL[0][:5])])) == []
    other = trained("full", FULL[0], backbone=Named(name="MobileNetV2"))
    assert benefits(recipes([trained("scratch", SCRATCH[0]), other])) == []


def of_test_images(correct: int, counts: dict[str, int]) -> Recipe:
    images = builders.data()
    data = images.model_copy(update={"counts": images.counts | {"test": counts}})
    return Recipe((builders.record(data=data, accuracy=builders.accuracy(correct, sum(counts.values()))),))


def test_what_was_trained_as_long_is_set_beside_whatever_the_order_of_the_suite() -> None:
    def long(strategy: str, epochs: int, rate: float = 1e-3) -> Record:
        train = builders.cell().training.model_copy(update={"epochs": epochs, "learning_rate": rate})
        return trained(strategy, [0.5] * epochs, train=train)

    asked = [long(strategy, epochs) for strategy in ("scratch", "full") for epochs in (6, 60)]
    for records in (asked, asked[::-1]):
        found = benefits(recipes(records))
        assert {one.scratch.recipe.cell.training.epochs for one in found} == {6, 60}
        assert all(one.scratch.recipe.cell.training == one.transfer.recipe.cell.training for one in found)
    rates = [long(strategy, 6, rate) for strategy in ("scratch", "full") for rate in (1e-5, 1e-2)]
    for one in benefits(recipes(rates)):
        assert one.scratch.recipe.cell.training == one.transfer.recipe.cell.training
    unequal = as_markdown(Report("r", [RunRecord("r", one) for one in (asked[0], asked[3])]))
    assert "1 row beside a scratch that took another number of epochs." in unequal
    assert re.search(r"\| +Epochs +\|", unequal.split("## What transfer gives over scratch")[1])


def test_above_chance_is_above_the_most_frequent_class() -> None:
    assert chance(of_test_images(0, {"cats": 150, "dogs": 50})) == 0.75
    assert not above_chance(of_test_images(155, {"cats": 150, "dogs": 50}))
    assert not above_chance(of_test_images(110, {"cats": 100, "dogs": 100}))
    assert above_chance(of_test_images(120, {"cats": 100, "dogs": 100}))


def text(*records: Record) -> str:
    return as_markdown(Report("t", [RunRecord("run", record) for record in records]))


def test_the_report_names_each_number_and_what_it_cannot_say() -> None:
    poor = builders.accuracy(104, 200)
    records = [trained("full", curve, seed, head=0.7) for seed, curve in enumerate(FULL)]
    for seed, curve in enumerate(SCRATCH):
        records.append(trained("scratch", curve, seed).model_copy(update={"accuracy": poor}))
    said = text(*records)
    section = said.split("## What transfer gives over scratch\n")[1].split("\n## ")[0]
    (found,) = benefits(recipes(records))
    start = found.shifts["start"]
    assert "81.0% ± 1.0" in section
    assert (
        f"{start.estimate * 100:+.1f} ({present(start.low) * 100:+.1f} to {present(start.high) * 100:+.1f})" in section
    )
    assert "scratch has not learned, its test accuracy of 52.0% cannot be told from guessing (50.0%)" in section
    assert "60.0% ± 10.0 ↑" in section
    assert "↑ marks" in section


def test_of_a_run_in_which_nothing_was_trained_beside_scratch_the_report_does_not_blame_the_epochs() -> None:
    records = [trained("scratch", SCRATCH[0]), trained("full", FULL[0], image_size=160)]
    said = as_markdown(Report("r", [RunRecord("r", record) for record in records]))
    assert "Nothing was trained beside scratch that differs from it in the training alone" in said
    assert "tell no plateau" not in said


def test_of_a_run_with_few_epochs_the_report_says_what_is_missing() -> None:
    said = text(trained("scratch", SCRATCH[0][:3]), trained("full", FULL[0][:3]))
    assert "Fewer than 6 epochs tell no plateau" in said
    assert "What transfer gives" not in text(trained("scratch", SCRATCH[0]))

"""What all metrics share: how effects, changes and gates are shown, and what a registry takes."""

import math
from pathlib import Path

import pytest

from tests import builders
from tests.core.test_plugins import install
from tlbench.core.errors import UserError
from tlbench.regression.metrics.accuracy import AccuracyMetric
from tlbench.regression.metrics.base import Metric
from tlbench.regression.metrics.count import CountMetric
from tlbench.regression.metrics.memory import MemoryMetric
from tlbench.regression.metrics.registry import METRICS, Metrics, in_order
from tlbench.regression.metrics.time import TimeMetric
from tlbench.regression.verdicts import Judgement

TIME, ACCURACY, MEMORY, COUNT = TimeMetric(), AccuracyMetric(), MemoryMetric(), CountMetric()


def judgement(effect: float | None, low: float | None = None, high: float | None = None) -> Judgement:
    return Judgement(
        cell=builders.cell(), metric="time", name="time", verdict="unchanged", effect=effect, low=low, high=high
    )


@pytest.mark.parametrize(
    ("metric", "effect", "low", "high", "words"),
    [
        (TIME, 0.102, 0.081, 0.12, "+10.2% (+8.1 to +12.0)"),
        (ACCURACY, -0.034, None, None, "-3.4 points"),
        (ACCURACY, 0.0, -0.01, 0.01, "0.0 points (-1.0 to +1.0)"),
        (MEMORY, -0.0001, -1.0, math.inf, "0.0% (? to ?)"),
    ],
)
def test_a_change_is_written_with_its_interval(
    metric: Metric, effect: float, low: float | None, high: float | None, words: str
) -> None:
    assert metric.written_change(judgement(effect, low, high)) == words


def test_what_has_no_effect_has_no_change_to_write() -> None:
    with pytest.raises(ValueError, match="has no effect"):
        TIME.written_change(judgement(None))


@pytest.mark.parametrize(
    ("metric", "value", "words"),
    [
        (TIME, 32.31, "32.3"),
        (TIME, 382.4, "382"),
        (ACCURACY, 0.9301, "93.0%"),
        (MEMORY, 612.7, "613"),
        (COUNT, 219058.0, "219,058"),
    ],
)
def test_each_metric_writes_its_numbers(metric: Metric, value: float, words: str) -> None:
    assert metric.written(value) == words


def test_effects_have_more_as_worse_and_are_shown_as_new_against_base() -> None:
    assert TIME.shown(math.log(1.1)) == pytest.approx(0.1)
    assert ACCURACY.shown(0.03) == -0.03


def test_gates_are_written_as_a_suite_has_them() -> None:
    assert [metric.written_gate() for metric in METRICS.values()] == ["5%", "2pp", "10%", ""]


def test_what_a_model_is_worth_comes_before_what_it_costs() -> None:
    assert [metric.name for metric in in_order()] == ["accuracy", "time", "memory", "count"]


def test_an_entry_point_that_gives_no_metric_of_its_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    names = {"hello": "wordless:hello", "time": f"{TimeMetric.__module__}:TimeMetric"}
    install(tmp_path, "wordless", **names)
    metrics = Metrics("metric", "tlbench.test_words", {})
    with pytest.raises(UserError, match="gives 'hello'; it must name an instance of"):
        metrics["hello"]
    with pytest.raises(UserError, match=r"gives <class .*TimeMetric'>; it must name an instance of"):
        metrics["time"]

"""Numbers that a comparison could not judge or that were not measured again: what is said, and the exit code."""

import inspect
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from tests import builders
from tests.regression.sides import FAILED, RIGHT, judged, made, number, side, timed, unknown
from tlbench.core.cell import Cell, Limit, Named
from tlbench.regression import baseline
from tlbench.regression.comparison import Comparison
from tlbench.regression.entries import Entry
from tlbench.regression.metrics.base import Finding, Gate, Pair
from tlbench.regression.metrics.count import CountMetric
from tlbench.regression.metrics.registry import METRICS
from tlbench.regression.side import entry
from tlbench.regression.verdicts import Judgement
from tlbench.reporting import comparison_formats as outputs


def test_nothing_compared_is_never_fine() -> None:
    broken = entry(builders.record(status="failed", failure=FAILED, timings=None, accuracy=None, counts=None), None)
    assert judged([broken], [broken]).exit_code == 3
    assert judged([], [made()]).exit_code == 3


def test_counts_alone_are_not_green_where_other_numbers_were_asked_for() -> None:
    drawn = made().model_copy(update={"fallbacks": ("synthetic data", "drawn weights")})
    found = judged([drawn], [made()])
    assert found.of("unchanged")
    assert found.exit_code == 3
    first = outputs.text(found).splitlines()[0]
    assert first == (
        "only counts could be compared (of 1 cell; base against new); accuracy, time and memory could not: "
        "stand-ins differ: synthetic data, drawn weights in the base, none now"
    )
    assert "::error title=tlbench::only counts could be compared" in outputs.github(found)
    assert judged([drawn], [drawn]).exit_code == 0


def test_a_row_whose_accuracy_could_not_be_judged_is_not_called_unchanged() -> None:
    of, same = (made(of=builders.cell(seed=seed, timing=None)).model_copy(update={"times": ()}) for seed in (0, 1))
    other = of.model_copy(update={"weights": "b" * 64})
    text = outputs.text(judged([of, same], [other, same]))
    assert text.startswith("1 with accuracy not judged, 1 unchanged (of 2 cells; base against new); accuracy could not")
    assert [line.split("  ")[0] for line in text.splitlines()[4:6]] == ["accuracy not judged", "unchanged"]


def test_what_could_not_be_judged_is_looked_up_as_often_for_many_cells_as_for_few(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked_up: list[Comparison] = []
    unjudged = inspect.getattr_static(Comparison, "unjudged").fget

    def noted(comparison: Comparison) -> list[Judgement]:
        looked_up.append(comparison)
        found: list[Judgement] = unjudged(comparison)
        return found

    monkeypatch.setattr(Comparison, "unjudged", property(noted))
    often = []
    for cells in (2, 20):
        base = [made(of=builders.cell(seed=seed)) for seed in range(cells)]
        comparison = judged(base, [one.model_copy(update={"weights": "b" * 64}) for one in base])
        looked_up.clear()
        outputs.text(comparison)
        often.append(len(looked_up))
    assert often[0] == often[1]


def test_a_suite_of_counts_alone_is_green_on_any_machine() -> None:
    of = builders.cell(timing=None)
    counts = unknown(entry(builders.record(of, accuracy=None, timings=None, memory=None), None))
    assert judged([counts], [counts]).exit_code == 0
    timed_here = unknown(entry(builders.record(accuracy=None, timings=timed()), None))
    elsewhere = timed_here.model_copy(update={"machine": {"cpu": "another"}})
    found = judged([timed_here], [elsewhere])
    assert found.out_of_reach, "times of another machine are not comparable, which is said"
    assert found.exit_code == 0


OTHER_WEIGHTS = "started from other weights"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"weights": "b" * 64}, OTHER_WEIGHTS),
        ({"data": "0" * 64}, "trained or tested on other images"),
        ({"data": "0" * 64, "images": 100, "correct": 45, "right": None}, "trained or tested on other images"),
        ({"cell": builders.cell(limit=Limit(train=50))}, "trained in another way"),
        (
            {"cell": builders.cell(recipe=3)},
            "trained by another recipe (edition 1 in the base, 3 now)",
        ),
    ],
)
def test_an_accuracy_of_both_sides_that_cannot_be_judged_is_not_green(changes: dict[str, Any], reason: str) -> None:
    worse = RIGHT & (np.arange(200) % 2 == 1)
    new = made(worse).model_copy(update=changes)
    found = judged([made()], [new])
    accuracy = number(found, "accuracy")
    assert (accuracy.verdict, accuracy.reason) == ("not comparable", reason)
    assert (accuracy.base, accuracy.new) == (0.9, (new.correct or 0) / (new.images or 1))
    assert (found.unjudged, found.exit_code) == ([accuracy], 3)
    assert number(found, "params").verdict == "unchanged", "what could be judged is"
    again = judged([made()], [made()])
    assert (again.unjudged, again.exit_code) == ([], 0), "one seed is shown, not judged"


def other_weights(of: Cell | None = None) -> Entry:
    return made(RIGHT & (np.arange(200) < 82), of=of).model_copy(update={"weights": "b" * 64})


def test_every_format_shows_both_accuracies_that_could_not_be_judged_and_why() -> None:
    found = judged([made()], [other_weights()])
    numbers = "(90.0% → 36.5%, not judged)"
    said = f"accuracy not comparable {numbers}; {OTHER_WEIGHTS}"
    text = outputs.text(found)
    assert text.splitlines()[0].endswith(f"; accuracy could not be judged: {OTHER_WEIGHTS}")
    for shown in (text, outputs.markdown(found), outputs.as_html(found)):
        assert "— 90.0% → 36.5%" in shown
        assert OTHER_WEIGHTS in shown
    assert "Not judged, though both sides have it" in outputs.as_html(found)
    warning, *_, last = outputs.github(found).splitlines()
    assert warning.startswith("::warning title=tlbench%3A accuracy not judged::")
    assert warning.endswith(said.replace("%", "%25"))
    assert last.startswith("::error title=tlbench::")
    root = ElementTree.fromstring(outputs.junit(found))
    (failure,) = root.iter("failure")
    assert failure.get("message", "").endswith(said)
    assert root[0].get("failures") == "1"
    content = json.loads(outputs.as_json(found))
    (kept,) = [one for cell in content["cells"] for one in cell["judgements"] if one["name"] == "accuracy"]
    assert (kept["base"], kept["new"], kept["reason"], content["exit_code"]) == (0.9, 0.365, OTHER_WEIGHTS, 3)


def test_accuracies_that_could_not_be_judged_share_a_warning() -> None:
    cells = [builders.cell(strategy=Named(name=name)) for name in ("frozen", "full", "scratch", "norm")]
    found = judged([made(of=cell) for cell in cells], [other_weights(cell) for cell in cells])
    (warning,) = [line for line in outputs.github(found).splitlines() if "not judged::" in line]
    assert f"accuracy of 4 cells not judged, since {OTHER_WEIGHTS}: 90.0%25 → 36.5%25 in " in warning
    assert warning.count("→") == 3


def test_a_cell_whose_accuracy_cannot_be_judged_is_not_covered_by_another_that_can() -> None:
    full = builders.cell(strategy=Named(name="full"))
    assert judged([made(), made(of=full)], [made(), other_weights(full)]).exit_code == 3
    slower = [made(timings=timed(0.02, "s")), made(of=full)]
    assert judged(slower, [made(timings=timed(0.04, "s", phase=1)), other_weights(full)]).exit_code == 1
    assert judged([made(), made(of=full), made(of=builders.cell(seed=9))], [made(), other_weights(full)]).exit_code == 2


def test_numbers_of_another_machine_are_no_reason_to_fail() -> None:
    elsewhere = made(timings=timed()).model_copy(update={"machine": {"cpu": "another"}})
    found = judged([made()], [elsewhere])
    assert {one.metric for one in found.of("not comparable")} == {"memory", "time"}
    assert (found.unjudged, found.exit_code) == ([], 0)


def test_an_accuracy_that_was_not_measured_again_is_not_green() -> None:
    base, new = made(), made().model_copy(update={"correct": None, "images": None, "right": None})
    found = judged([base], [new])
    accuracy = number(found, "accuracy")
    assert (accuracy.verdict, accuracy.reason, accuracy.base) == ("not comparable", "not measured again", 0.9)
    assert found.exit_code == 2
    assert outputs.text(found).splitlines()[0].endswith("; accuracy could not be compared: not measured again")
    assert outputs.github(found).splitlines()[-1].startswith("::error title=tlbench::")
    failure = ElementTree.fromstring(outputs.junit(found)).find(".//testcase[@name='accuracy']/failure")
    assert failure is not None
    elsewhere = judged([base.model_copy(update={"machine": {"cpu": "another"}})], [new])
    assert elsewhere.exit_code == 2
    assert judged([new], [base]).exit_code == 0, "more is known than before"


def test_a_seed_whose_accuracy_was_not_measured_again_is_not_left_out_silently() -> None:
    seeds = [made(of=builders.cell(strategy=Named(name="full"), seed=seed)) for seed in range(3)]
    lost = seeds[0].model_copy(update={"correct": None, "images": None, "right": None})
    found = judged(seeds, [lost, *seeds[1:]])
    assert [one.seeds for one in found.judgements if one.name == "accuracy"] == [1, 2]
    assert (len(found.lost), found.exit_code) == (1, 2)


def test_memory_that_was_not_measured_again_counts_on_the_same_machine_alone() -> None:
    base, new = made(), made().model_copy(update={"memory": ()})
    here = judged([base], [new])
    memory = number(here, "peak memory")
    assert (memory.verdict, memory.reason, memory.base) == ("not comparable", "not measured again", 600)
    assert here.exit_code == 2
    other = judged([base.model_copy(update={"machine": {"cpu": "another"}})], [new])
    assert number(other, "peak memory").reason == "taken on another machine"
    assert other.exit_code == 0
    of_counts = {"correct": None, "images": None, "right": None, "times": (), "cell": builders.cell(timing=None)}
    bare, without = (one.model_copy(update=of_counts) for one in (base, new))
    assert judged([bare.model_copy(update={"machine": {"cpu": "another"}})], [without]).exit_code == 0


def test_memory_that_was_measured_in_another_way_is_said() -> None:
    times = made(timings=timed(memory=80 * 2**20)).model_copy(update={"memory": ()})
    memory = judged([times], [made()]).of("not comparable")
    assert [(one.name, one.reason) for one in memory] == [("memory of an inference step", "measured in another way")]


def test_a_count_that_was_not_made_again_is_said() -> None:
    base = made()
    new = base.model_copy(update={"counts": {key: value for key, value in base.counts.items() if key != "flops"}})
    found = judged([base], [new])
    assert (number(found, "flops").reason, found.exit_code) == ("not measured again", 2)
    assert "counts not comparable (1): not measured again" in outputs.text(found)


def test_numbers_of_a_plugin_that_were_not_measured_again_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent(CountMetric):
        """The mean over all cells that have the number, as a finding of the first cell."""

        name = "silent"

        def compare(self, pairs: Sequence[Pair], gate: Gate, tests: int) -> Iterator[Finding]:
            if any(new.extra for _, new in pairs):
                yield Finding(pairs[0][1].cell, "mean", "", 0.5, 0.5, verdict="unchanged")

    new, other = made(), made(of=builders.cell(seed=1))
    base, second = (one.model_copy(update={"extra": {"silent": {"error": (0.5,)}}}) for one in (new, other))
    unknown = judged([base], [new])
    assert "not compared, since no installed package has the metric: silent" in unknown.notes
    assert unknown.exit_code == 0
    monkeypatch.setitem(METRICS._builtin, "silent", Silent())
    found = judged([base], [new])
    assert (number(found, "error").reason, found.exit_code) == ("not measured again", 2)
    assert not judged([base], [base]).lost
    partly = judged([base, second], [new, second])
    assert [(one.name, one.cell.seed) for one in partly.lost] == [("error", 0)]


def trained_once(of: Cell | None = None, **changes: Any) -> Entry:
    return made(of=of, **changes).model_copy(update={"measured": ("a training",)})


def test_a_measurement_that_both_sides_have_is_not_judged(tmp_path: Path) -> None:
    once, other = trained_once(), made(of=builders.cell(strategy=Named(name="full")))
    baseline.write(side(once), tmp_path / "base.json")
    (kept,) = baseline.read(tmp_path / "base.json").entries
    for base in (once, kept):
        found = judged([base], [once, other])
        assert [(one.verdict, one.reason) for one in found.judgements] == [
            ("same measurement", "both sides have the same measurement"),
            ("new", "no such cell in the base"),
        ]
        assert found.exit_code == 0
        text = outputs.text(found)
        assert text.startswith("1 new, 1 with the same measurement on both sides (of 2 cells;")
        assert "1 cell not judged: both sides have the same measurement" in text
        assert "::notice title=tlbench::" in outputs.github(found)
        assert ElementTree.fromstring(outputs.junit(found)).find(".//skipped") is not None
        assert outputs.as_html(found)
    assert judged([once, other], [once]).exit_code == 2
    elsewhere = other.model_copy(update={"fallbacks": ("synthetic data",)})
    assert judged([once, other], [once, elsewhere]).exit_code == 3, "the other cell could not be compared"
    again = once.model_copy(update={"measured": ("another training",)})
    assert number(judged([once], [again]), "params").verdict == "unchanged"


def test_steps_that_were_timed_again_are_judged_without_what_was_not_trained_again() -> None:
    once, slower = trained_once(), trained_once(timings=timed(0.4))
    found = judged([once], [slower])
    (time,) = found.judgements
    assert (time.metric, time.verdict) == ("time", "regressed")
    assert "1 cell was not trained again: only the step times are judged" in found.notes
    assert judged([once], [trained_once(timings=None)]).exit_code == 2
    assert number(judged([trained_once(timings=None)], [once]), "inference time, batch 32").verdict == "new"

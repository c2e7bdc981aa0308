"""Comparing two sides: which cells belong together, every verdict there is, and how all is shown."""

import json
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import xmlschema

from tests import builders
from tests.regression.sides import FAILED, RIGHT, judged, made, number, side, timed, unknown
from tlbench.core.cell import Cell, Limit, Named
from tlbench.core.errors import UserError
from tlbench.regression import baseline
from tlbench.regression.comparison import Comparison, compare
from tlbench.regression.decide import confirmed, flagged
from tlbench.regression.entries import Entry
from tlbench.regression.gates import Gates
from tlbench.regression.metrics.base import Finding, Gate, Pair
from tlbench.regression.metrics.count import CountMetric
from tlbench.regression.metrics.registry import METRICS
from tlbench.regression.side import entry, merged, selected, unlike
from tlbench.reporting import comparison_formats as outputs
from tlbench.reporting.judgements import change
from tlbench.reporting.views import baseline as baseline_view
from tlbench.suite.schema import GatesSection


def test_equal_runs_are_unchanged_where_that_can_be_known() -> None:
    found = judged([made()], [made()])
    assert number(found, "params").verdict == "unchanged"
    assert number(found, "peak memory").verdict == "unchanged"
    time = number(found, "inference time, batch 32")
    assert time.verdict == "inconclusive"
    assert "tlbench ab" in time.decide
    assert found.exit_code == 0


def test_failing_fixed_missing_and_new_cells() -> None:
    fine, other = made(), made(of=builders.cell(strategy=Named(name="full")))
    broken = entry(builders.record(status="failed", failure=FAILED, timings=None, accuracy=None, counts=None), None)
    assert judged([fine], [broken]).exit_code == 2
    assert "ValueError: no such layer" in judged([fine], [broken]).of("newly failing")[0].reason
    assert judged([broken], [fine]).of("fixed")
    missing = judged([fine, other], [fine])
    assert (len(missing.of("missing")), missing.exit_code) == (1, 2)
    assert judged([fine], [fine, other]).of("new")
    assert missing.notes == ()


def test_a_cell_that_fails_and_is_not_in_the_base_is_newly_failing() -> None:
    fine, other = made(), builders.cell(strategy=Named(name="full"))
    found = judged([fine], [fine, entry(builders.failed(other, status="timeout", failure=FAILED), None)])
    (judgement,) = found.of("newly failing")
    assert judgement.reason == "no such cell in the base, and it fails: timeout: ValueError: no such layer"
    assert found.exit_code == 2
    assert "no such layer" in outputs.text(found)
    assert "newly failing" in outputs.github(found)
    assert ElementTree.fromstring(outputs.junit(found)).find(".//failure") is not None
    untimed = judged([fine], [fine, made(of=other, timings=None, timing_failure=FAILED)])
    (judgement,) = untimed.of("newly failing")
    assert judgement.reason == "no such cell in the base, and it fails: ValueError: no such layer"
    assert untimed.exit_code == 2


def test_a_cell_without_times_in_the_base_whose_timing_fails_now_is_newly_failing() -> None:
    base, failing = made(timings=None), made(timings=None, timing_failure=FAILED)
    found = judged([base], [failing])
    (judgement,) = found.of("newly failing")
    assert (judgement.metric, judgement.reason) == ("time", "ValueError: no such layer")
    assert found.exit_code == 2
    assert judged([failing], [failing]).exit_code == 0, "it failed before"


def test_cells_that_are_missing_and_new_under_one_name_are_told_apart() -> None:
    found = judged([made()], [made(of=builders.cell(image_size=160, limit=Limit(train=50)))])
    assert [one.verdict for one in found.cells] == ["new", "missing"]
    assert found.notes == (
        "1 cell is missing and new under the same name, since these differ: limit, image_size 96 → 160",
    )


def test_a_failure_of_several_lines_is_one_in_a_comparison(tmp_path: Path) -> None:
    failure = FAILED.model_copy(update={"message": "no such layer:\n  conv_9\r\n\nof 12"})
    broken = entry(builders.record(status="failed", failure=failure, timings=None, accuracy=None, counts=None), None)
    found = judged([made()], [broken])
    (judgement,) = found.of("newly failing")
    assert judgement.reason == "failed: ValueError: no such layer: conv_9 of 12"
    assert outputs.markdown(found).splitlines()[-1].endswith("of 12")
    older = tmp_path / "older.json"
    baseline.write(side(broken), older)
    older.write_text(older.read_text().replace("layer: conv_9", "layer:\\nconv_9"))
    assert baseline.read(older).entries[0].failure == "ValueError: no such layer: conv_9 of 12"


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


def test_a_suite_of_counts_alone_is_green_on_any_machine() -> None:
    counts = unknown(entry(builders.record(accuracy=None, timings=None, memory=None), None))
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
        ({"data": "0" * 64}, "trained and tested on other images"),
        ({"data": "0" * 64, "images": 100, "correct": 45, "right": None}, "trained and tested on other images"),
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


def test_new_cells_are_not_counted_as_good_or_better() -> None:
    found = judged([made()], [made(), made(of=builders.cell(strategy=Named(name="full")))])
    rows = dict(re.findall(r"<tr><t[hd][^>]*>([A-Z][^<]*)</t[hd]><td[^>]*>(\d+)<", outputs.as_html(found)))
    compared = found.of("improved", "unchanged", "fixed")
    assert int(rows["As good or better"]) == len(compared) > 0
    assert rows["New, compared with nothing"] == "1"
    assert "New, compared" not in outputs.as_html(judged([made()], [made()]))


def test_cells_that_differ_only_in_how_they_are_measured_belong_together() -> None:
    quick, longer = builders.cell(), builders.cell(timing=None)
    found = judged([made(of=quick)], [made(of=longer, timings=None)])
    assert number(found, "params").verdict == "unchanged"
    time = number(found, "inference time, batch 32")
    assert (time.verdict, time.reason) == ("not comparable", "no step times in the new run")
    assert found.exit_code == 2, "what the base has and nobody measured again is not green"


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
    of_counts = {"correct": None, "images": None, "right": None, "times": ()}
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


def test_gates_of_some_cells() -> None:
    section = GatesSection.model_validate(
        {"time": "5%", "cells": [{"backbone": "Mobile*", "time": "20%"}, {"strategy": "full", "accuracy": "4pp"}]}
    )
    gates = section.value()
    found = gates.of(builders.cell(strategy=Named(name="full")))
    assert (found["time"], found["accuracy"]) == (0.2, 0.04)
    assert gates.of(builders.cell(backbone=Named(name="ResNet50")))["time"] == 0.05


def test_what_is_not_confirmed_is_inconclusive() -> None:
    fine, slow = made(timings=timed(0.02, "s")), made(timings=timed(0.024, "s", phase=1))
    first = judged([fine], [slow])
    (flag,) = flagged(first)
    assert flag.metric == "time"
    kept, gone = confirmed(first, judged([fine], [slow])), confirmed(first, judged([fine], [fine]))
    assert (kept.exit_code, gone.exit_code) == (1, 0)
    assert number(gone, flag.name).reason == "measured again it was unchanged"
    died = entry(builders.record(status="oom", failure=FAILED, timings=None, accuracy=None, counts=None), None)
    left = confirmed(first, judged([fine], [died]))
    assert (left.exit_code, number(left, flag.name).verdict) == (1, "regressed")
    assert "it could not be measured again" in number(left, flag.name).reason
    counts = builders.record().counts
    assert counts is not None
    more = judged([made()], [made(counts=counts.model_copy(update={"params": counts.params + 1}))])
    assert not flagged(more)
    assert confirmed(more, judged([made()], [made()])).exit_code == 1


@pytest.mark.parametrize("lost", ["time", "machine"])
def test_a_second_measurement_that_cannot_be_judged_does_not_clear_a_regression(lost: str) -> None:
    base, new = made(timings=timed(0.02, "s")), made(timings=timed(0.04, "s", phase=1))
    first = judged([base], [new])
    assert first.exit_code == 1
    other = new.model_copy(update={"times": ()} if lost == "time" else {"machine": {"cpu": "Other CPU"}})
    name = "inference time, batch 32"
    again = judged([base], [other])
    assert number(again, name).verdict in ("missing", "not comparable")
    found = number(confirmed(first, again), name)
    assert (found.verdict, found.reason) == ("regressed", "it could not be measured again")


def test_accuracies_are_not_measured_again_since_the_same_seeds_tell_nothing_new() -> None:
    worse = RIGHT.copy()
    worse[1:40] = False
    cells = [builders.cell(seed=seed) for seed in range(3)]
    found = judged([made(of=cell) for cell in cells], [made(worse, of=cell) for cell in cells])
    assert number(found, "accuracy").verdict == "regressed"
    assert flagged(found) == []


def many() -> Comparison:
    """24 cells, one of them worse, one failing, one noisy."""
    cells = [builders.cell(seed=seed, strategy=Named(name=name)) for name in ("frozen", "full") for seed in range(12)]
    base = [made(of=cell, timings=timed(0.02, "s")) for cell in cells]
    new = [made(of=cell, timings=timed(0.02 if number else 0.024, "s", phase=1)) for number, cell in enumerate(cells)]
    new[5] = entry(
        builders.record(cells[5], status="oom", failure=FAILED, timings=None, accuracy=None, counts=None), None
    )
    return judged(base, new)


def test_markdown_of_24_cells_fits_a_screen() -> None:
    text = outputs.markdown(many())
    lines = text.splitlines()
    assert len(lines) <= 40
    assert text.count("\n|") == 26
    assert "| **regressed**" in text
    assert "seed 0" in text
    assert "gap" not in "".join(line for line in lines if line.startswith("|"))
    assert "oom: ValueError: no such layer" in text


def test_junit_has_a_case_for_each_number_and_a_failure_for_each_regression() -> None:
    found = many()
    root = ElementTree.fromstring(outputs.junit(found))
    (suite,) = root
    assert suite.get("tests") == str(len(found.judgements)) == str(len(suite.findall("testcase")))
    assert suite.get("failures") == str(len(suite.findall("testcase/failure"))) == "2"
    assert suite.get("skipped") == str(len(suite.findall("testcase/skipped")))
    assert {failure.get("type") for failure in suite.iter("failure")} == {"regressed", "newly failing"}


def test_junit_is_what_its_readers_expect() -> None:
    """Against a schema of our own, which is stricter than those of the programs that read JUnit XML."""
    schema = xmlschema.XMLSchema(Path(__file__).parents[1] / "data" / "junit.xsd")
    text = outputs.junit(many())
    schema.validate(text)
    with pytest.raises(xmlschema.XMLSchemaValidationError):
        schema.validate(text.replace(' tests="', ' test="'))


def test_github_annotations_are_escaped_one_a_line() -> None:
    lines = outputs.github(many()).splitlines()
    assert lines[0].startswith("::error title=tlbench%3A inference time%2C batch 32 regressed::")
    assert all(line.startswith("::") for line in lines)
    assert "20.0%25" in lines[0]


def test_json_is_strict_and_whole() -> None:
    found = many()
    content = json.loads(outputs.as_json(found), parse_constant=lambda name: pytest.fail(name))
    assert content["exit_code"] == 1
    assert len(content["cells"]) == 24
    assert sum(len(cell["judgements"]) for cell in content["cells"]) == len(found.judgements)


def test_effects_without_an_interval_are_shown_as_unknown() -> None:
    judgement = many().judgements[0].model_copy(update={"low": -math.inf, "high": math.inf, "effect": -0.0001})
    assert change(judgement) in {"0.0% (? to ?)", "0.0 points (? to ?)"}


def test_times_are_compared_by_the_machine_that_took_them_wherever_cells_were_trained(tmp_path: Path) -> None:
    server = builders.environment(cpu="Server CPU").model_copy(update={"versions": {"keras": "3.16.0"}})
    on_server = timed().model_copy(update={"environment": server})
    here, elsewhere, laptop = made(), made(timings=on_server), builders.environment(cpu="Laptop CPU")
    apart = judged([here], [elsewhere])
    time = number(apart, "inference time, batch 32")
    assert (time.verdict, time.reason) == ("not comparable", "taken on another machine (different CPU)")
    assert number(apart, "peak memory").verdict != "not comparable"  # it was trained on the same
    assert "versions of step times: keras 3.15.1 → 3.16.0" in apart.notes
    together = judged([elsewhere], [made(timings=on_server, environment=laptop)])
    assert number(together, "inference time, batch 32").verdict != "not comparable"
    assert number(together, "peak memory").reason == "taken on another machine"
    baseline.write(side(elsewhere), tmp_path / "base.json")
    kept = baseline.read(tmp_path / "base.json").entries[0]
    assert (kept.steps_machine["cpu"], kept.machine["cpu"]) == ("Server CPU", "Test CPU")
    shown = str(baseline_view.document(side(kept)).title)
    assert shown.endswith("on Test CPU, 2 threads; times on Server CPU, 2 threads")


def test_draws_of_two_machines_are_not_merged() -> None:
    elsewhere = made(timings=timed(0.04).model_copy(update={"environment": builders.environment(cpu="Server CPU")}))
    assert len(merged([made(), made(), elsewhere]).times[0].draws) == 2


def test_a_selected_cell_that_the_new_side_lacks_is_missing() -> None:
    first, second, full = (
        builders.cell(seed=0), builders.cell(seed=1), builders.cell(strategy=Named(name="full")),
    )  # fmt: skip
    longer = first.model_copy(update={"timing": first.protocol.model_copy(update={"iterations": 500})})
    base = side(*(made(of=cell) for cell in (first, second, full)))
    new = side(made(of=longer))
    kept, also = selected(base, new, "strategy=frozen")
    assert [entry.cell for entry in kept.entries] == [first, second]
    found = compare(kept, also, Gates())
    assert {one.id: one.verdict for one in found.cells}[second.id] == "missing"
    assert found.exit_code == 2
    for one in (first, longer):  # whichever side's id is given
        kept, also = selected(base, new, f"id={one.id}")
        assert [[entry.cell for entry in of.entries] for of in (kept, also)] == [[first], [longer]]
    with pytest.raises(UserError, match="strategy=partial matches none of the 4 cells"):
        selected(base, new, "strategy=partial")
    with pytest.raises(UserError, match="strategy=partial matches none of the 3 cells"):  # a cell of both sides is one
        selected(base, base, "strategy=partial")


def test_scipy_is_unknown_where_older_records_do_not_name_it() -> None:
    """It is always installed, so a name that is missing says nothing; of other packages it says that they were not."""

    def with_(**versions: str) -> Entry:
        environment = builders.environment().model_copy(update={"versions": {"keras": "3.15.1", **versions}})
        return made(environment=environment)

    def notes(base: Entry, new: Entry) -> list[str]:
        return [note for note in judged([base], [new]).notes if note.startswith("versions")]

    assert notes(with_(), with_(scipy="1.15.0")) == notes(with_(scipy="1.15.0"), with_()) == []
    assert notes(with_(scipy="1.14.0"), with_(scipy="1.15.0")) == ["versions: scipy 1.14.0 → 1.15.0"]
    assert notes(with_(), with_(torch="2.9.0")) == ["versions: torch absent → 2.9.0"]
    assert unlike(with_(), with_(scipy="1.15.0")) == []
    assert unlike(with_(scipy="1.14.0"), with_(scipy="1.15.0")) == ["versions"]

"""Comparing two sides: which cells belong together, every verdict there is, and how all is shown."""

import json
import math
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import xmlschema

from tests import builders
from tests.regression.sides import FAILED, RIGHT, judged, made, number, side, timed
from tlbench.core.cell import Limit, Named
from tlbench.core.errors import UserError
from tlbench.regression import baseline
from tlbench.regression.comparison import Comparison, compare
from tlbench.regression.decide import confirmed, flagged
from tlbench.regression.entries import Entry
from tlbench.regression.gates import Gates
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
    two = [made(of=builders.cell(image_size=size)) for size in (96, 128)]
    smaller = [made(of=one.cell.model_copy(update={"resize": "crop"})) for one in two]
    assert judged(two, smaller).notes == (
        "2 cells are missing and new under the same name, since these differ: resize stretch → crop",
    ), "each beside the cell that is most alike"


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


def test_what_another_edition_of_the_recipes_measures_again_is_of_the_same_cell() -> None:
    fine, slow = made(timings=timed(0.02, "s")), made(timings=timed(0.024, "s", phase=1))
    first = judged([fine], [slow])
    (flag,) = flagged(first)
    other = builders.cell(recipe=fine.cell.recipe + 1)
    again = [made(of=other, timings=timed(0.02, "s")), made(of=other, timings=timed(0.024, "s", phase=1))]
    gone = confirmed(first, judged([again[0]], [again[0]]))
    assert (gone.exit_code, number(gone, flag.name).reason) == (0, "measured again it was unchanged")
    assert number(confirmed(first, judged([again[0]], [again[1]])), flag.name).reason == "confirmed"
    twice = [again[0], made(of=builders.cell(recipe=fine.cell.recipe + 2), timings=timed(0.02, "s"))]
    unknown = confirmed(first, judged(twice, twice))
    assert "it could not be measured again" in number(unknown, flag.name).reason, "which of the two is it?"


@pytest.mark.parametrize("other", [{"timing": None}, {"jit": "on"}, {"limit": Limit(train=50)}])
def test_what_is_measured_again_in_another_way_clears_no_regression(other: dict[str, Any]) -> None:
    fine, slow = made(timings=timed(0.02, "s")), made(timings=timed(0.024, "s", phase=1))
    first = judged([fine], [slow])
    again = made(of=builders.cell(**other), timings=timed(0.02, "s"))
    found = confirmed(first, judged([again], [again]))
    assert (found.exit_code, len(found.of("regressed"))) == (1, len(first.of("regressed")))


def test_what_both_comparisons_note_is_said_once() -> None:
    base = made(timings=timed(0.02, "s"))
    new = made(timings=timed(0.024, "s", phase=1)).model_copy(update={"versions": base.versions | {"keras": "9"}})
    first = judged([base], [new])
    assert len([note for note in first.notes if note.startswith("versions: ")]) == 1
    assert confirmed(first, judged([base], [new])).notes == first.notes


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

"""The recommendation in each format of a report: tables, JSON, LaTeX, HTML and the terminal."""

import json

import pytest

from tests import builders
from tests.reporting.choices import THREE, chosen, on_gpu, report, trained
from tests.reporting.tables import table
from tlbench.core.cell import Named
from tlbench.reporting.answer import sentence
from tlbench.reporting.formats import as_json, as_latex, as_markdown, as_text, kept_files
from tlbench.reporting.render import latex
from tlbench.reporting.report import Report, RunRecord
from tlbench.reporting.views import rows


def test_the_full_table_says_which_rows_may_be_the_best() -> None:
    text = as_markdown(report(THREE))
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.split("## cats_dogs\n")[1].splitlines()
    ]
    table = [line for line in lines if len(line) > 5][:5]
    place = table[0].index("Best?")
    assert [line[place] for line in table[2:]] == ["leads", "may be", "not as trained"]
    assert "Best? leads: the highest top-1" in text
    assert "not as trained: as trained here (one seed), the model that leads is better; of the recipe" in text
    assert "“Not as trained” is said of the model that was trained here" in " ".join(as_text(report(THREE)).split())
    assert "Best?" not in as_markdown(report(THREE[:1]))


def test_a_row_of_several_seeds_that_is_beaten_has_an_empty_place() -> None:
    seeds = [
        trained(name, "full", right + seed, 20.0, seed)
        for name, right in (("A", 190), ("B", 120))
        for seed in (0, 1, 2)
    ]
    text = as_markdown(report(seeds))
    assert [row["Best?"] for row in table(text, "cats_dogs")] == ["leads", ""]
    assert "empty: another one is better." in text
    assert "not as trained" not in text.lower()


def test_no_row_leads_where_nothing_is_recommended() -> None:
    """The column says what the sentence says. A table that has only such rows has no such column."""
    poor = [trained("A", "full", 112, 80.0), trained("B", "frozen", 108, 20.0)]
    text = as_markdown(report(poor))
    assert "Best?" not in text + as_text(report(poor))
    assert "a 95 % interval that holds for all rows of the same images together" in text
    other = builders.data().model_copy(update={"fingerprint": "0" * 64})
    good = [trained(record.cell.backbone.name, "full", 190, 80.0, data=other) for record in poor]
    mixed = as_markdown(report([*poor, *good]))
    assert [row["Best?"] for row in table(mixed, "cats_dogs")] == ["—", "—", "leads", "may be"]
    assert "Best? leads: the highest top-1" in mixed
    assert "—: none is recommended, since the highest top-1 is not clearly above what guessing gets." in mixed
    assert "—: none is recommended" not in as_markdown(report(THREE))


def test_a_model_has_one_interval_and_one_place_in_all_of_a_report() -> None:
    """The table of the data set has the accuracies of the answer, in its order, and not in that of the suite."""
    seeds = [trained("Many", "full", 180 + seed, 20.0, seed) for seed in range(3)]
    of = report([*reversed(THREE), *seeds])
    (decision,) = of.decisions
    expected = [rows.with_interval(mark.y) for mark in decision.choice.scatter.marks]
    assert expected[0] == "95.0% (90–98)"
    full = [row["Top-1"].partition(" ±")[0] for row in table(as_markdown(of), "cats_dogs")]
    screen = [line.split("  ") for line in as_text(of).splitlines() if "%" in line and "–" in line]
    assert full == expected
    assert [next(part.strip() for part in line if "%" in part) for line in screen] == expected
    assert "a 95 % interval that holds for all rows of the same images together" in as_markdown(of)
    assert "with its 95 % interval" in as_markdown(report(THREE[:1]))


def test_json_begins_with_the_answer() -> None:
    answer, *others = json.loads(as_json(report(THREE)))["answers"]
    assert not others
    assert (answer["for"], answer["sentence"]) == ("cats_dogs", sentence(chosen(THREE)))
    assert answer["chance"] == 0.5
    assert answer["take"] == {
        "name": "Big, full",
        "cells": [THREE[0].cell_id],
        "top1": 0.95,
        "low": pytest.approx(0.8990, abs=1e-4),  # Wilson's of 190 of 200 at 1 - 0.05 / 3
        "high": pytest.approx(0.9759, abs=1e-4),
        "cost": {"axis": "inference-cpu", "value": 80.0, "unit": "ms"},
    }
    assert answer["cheapest_rival"] == answer["may_be_as_good"][0]
    assert answer["cheapest_rival"]["cost"] == {"axis": "inference-cpu", "value": 20.0, "unit": "ms"}
    assert [one["cells"] for one in answer["may_be_as_good"]] == [[THREE[1].cell_id]]
    for bound in (answer["take"]["low"], answer["take"]["high"]):
        assert bound == round(bound, 12), "the rest differs among processors"


def test_json_has_no_cost_where_none_is_known_and_no_rival_where_there_is_none() -> None:
    (untimed,) = json.loads(as_json(report([trained("A", "full", 190), trained("B", "full", 189)])))["answers"]
    assert untimed["take"]["cost"] == {"axis": "size", "value": 0.836, "unit": "MiB"}
    (alone,) = json.loads(as_json(report([trained("A", "full", 190, counts=None, memory=None)])))["answers"]
    assert (alone["take"]["cost"], alone["cheapest_rival"]) == (None, None)


def test_latex_begins_with_the_answer() -> None:
    assert f"\\textbf{{{latex.escape(sentence(chosen(THREE)))}}}" in as_latex(report(THREE))


def test_a_run_of_which_nothing_but_accuracy_is_known_has_a_report_without_that_picture() -> None:
    bare = [
        builders.record(builders.cell(strategy=Named(name=name)), timings=None, memory=None, counts=None)
        for name in ("frozen", "full")
    ]
    made = kept_files(report(bare))
    assert b"Take MobileNet (alpha=0.25), " in made["report.html"]
    assert not any(name.startswith("report.choice") for name in made)


@pytest.mark.parametrize("name", ["MobileNetV2ButWithALongName", "X"])
def test_a_screenful_fits_a_hundred_columns_even_with_both_devices(name: str) -> None:
    records = [
        trained(name, "a strategy with quite a long name, and some arguments too", 180 + n, 20.0 + n, n)
        for n in range(3)
    ]
    both = [RunRecord("cpu", one) for one in records]
    both += [RunRecord("gpu", on_gpu(one)) for one in records]
    lines = as_text(Report("t", both)).splitlines()
    assert max(map(len, lines)) <= 100
    assert any("Infer GPU" in line for line in lines)

"""Stand-ins are named in every output that rests on them, also where no data set is shown."""

import json
import re

import pytest

from tests import builders
from tests.regression import sides
from tests.regression.sides import judged
from tlbench.core.cell import Named
from tlbench.regression.comparison import Comparison
from tlbench.regression.entries import Entry
from tlbench.reporting.comparison_formats import COMPARISON_FORMATS
from tlbench.reporting.formats import FORMATS, as_markdown, as_svg, as_text, columns_as_text, with_columns
from tlbench.reporting.report import Report, RunRecord
from tlbench.reporting.stand_ins import Sides, note
from tlbench.reporting.views import baseline
from tlbench.results.record import Record

DRAWN = ("synthetic data", "random weights")


def entry(marks: tuple[str, ...] = DRAWN, name: str = "MobileNet") -> Entry:
    of = sides.made()
    return of.model_copy(update={"fallbacks": marks, "cell": of.cell.model_copy(update={"backbone": Named(name=name)})})


def compared(*marks: tuple[str, ...]) -> Comparison:
    entries = [entry(of, f"Net{place}") for place, of in enumerate(marks)]
    return judged(entries, entries)


def record(drawn: bool = True, seed: int = 0) -> Record:
    kinds = {"data": builders.data(fallback=drawn), "weights": builders.weights(fallback=drawn)}
    of = builders.cell(seed=seed)
    return builders.record(of, **kinds, accuracy=builders.accuracy(), timings=builders.timings())


def report(*records: Record) -> Report:
    return Report("t", tuple(RunRecord("run", each) for each in records))


@pytest.mark.parametrize("name", list(COMPARISON_FORMATS))
def test_each_format_of_a_comparison_names_them_and_is_silent_without(name: str) -> None:
    said = str(COMPARISON_FORMATS[name](compared(DRAWN)))
    assert "Stand-ins in 1 cell: synthetic data, random weights." in said
    assert "synthetic data" not in str(COMPARISON_FORMATS[name](compared(())))


@pytest.mark.parametrize("name", ["text", "markdown", "html", "junit"])
def test_each_cell_of_a_comparison_has_its_own(name: str) -> None:
    said = str(COMPARISON_FORMATS[name](compared(DRAWN, ())))
    assert "Stand-ins in 1 of 2 cells: synthetic data, random weights." in said
    assert re.search(r"Net0[^<>|?]* \(synthetic data, random weights\)", said)
    assert not re.search(r"Net1[^<>|?\n]* \(synthetic", said)


def test_the_json_of_a_comparison_has_them_by_cell() -> None:
    content = json.loads(str(COMPARISON_FORMATS["json"](compared(DRAWN, ()))))
    assert [cell["stand_ins"] for cell in content["cells"]] == [list(DRAWN), []]


def test_stand_ins_of_one_side_are_not_said_of_both() -> None:
    real, drawn = [entry(())], [entry(DRAWN)]
    for base, new, whose in ((drawn, real, "base"), (real, drawn, "new")):
        of = judged(base, new)
        side = "base" if base is drawn else "new side"
        for name in COMPARISON_FORMATS:
            said = str(COMPARISON_FORMATS[name](of))
            assert f"Stand-ins of the {side} in 1 cell: synthetic data, random weights." in said
        for name in ("text", "markdown", "html", "junit"):
            said = str(COMPARISON_FORMATS[name](of))
            assert f" ({whose}: synthetic data, random weights)" in said
            assert " (synthetic data" not in said
        (cell,) = json.loads(str(COMPARISON_FORMATS["json"](of)))["cells"]
        assert [cell[f"{one}_stand_ins"] for one in ("base", "new")] == [list(one[0].fallbacks) for one in (base, new)]


def test_what_both_sides_share_is_said_of_both() -> None:
    assert Sides(DRAWN, ("random weights", "batch 16 for 32")).told == (
        "both: random weights; base: synthetic data; new: batch 16 for 32",
    )
    assert Sides(DRAWN, None).told == Sides(None, DRAWN).told == Sides(DRAWN, DRAWN).told == DRAWN
    assert Sides((), ()).told == Sides().told == ()


def test_a_base_with_another_recipe_is_marked_too() -> None:
    other = entry(DRAWN)
    other = other.model_copy(update={"cell": other.cell.model_copy(update={"jit": "on"})})
    said = str(COMPARISON_FORMATS["text"](judged([other], [entry(())])))
    assert "(base: synthetic data, random weights)" in said


@pytest.mark.parametrize("name", ["github-action-benchmark", "pytest-benchmark"])
def test_exported_benchmarks_have_them_in_their_names(name: str) -> None:
    def names(of: Report) -> list[str]:
        made = json.loads(str(FORMATS[name].make(of)))
        return [one["name"] for one in (made if isinstance(made, list) else made["benchmarks"])]

    assert all("(synthetic data, random weights)" in one for one in names(report(record())))
    assert not any("synthetic data" in one for one in names(report(record(drawn=False))))


@pytest.mark.parametrize("name", ["text", "markdown", "latex", "csv", "json"])
def test_chosen_columns_have_one_for_them_if_a_row_has_some(name: str) -> None:
    columns = ["backbone", "top1"]
    both = with_columns(report(record(), record(drawn=False, seed=1)), columns, name)
    assert both.count("synthetic data, random weights") == 1
    assert "stand" not in with_columns(report(record(drawn=False)), columns, name)


def test_chosen_columns_on_a_terminal_have_it() -> None:
    assert "stand_ins" in columns_as_text(report(record()), ["top1"], 80)


def test_a_baseline_shows_them_above_and_in_the_row() -> None:
    of = compared(DRAWN, ()).base
    first, table = baseline.document(of).blocks
    assert "Stand-ins in 1 of 2 cells: synthetic data, random weights." in str(first)
    assert "(synthetic data, random weights)" in str(table)
    assert len(baseline.document(compared(()).base).blocks) == 1


def test_a_picture_of_all_data_sets_has_them_in_its_name() -> None:
    assert not [name for name in as_svg(report(record())) if "synthetic-data" not in name]
    assert not [name for name in as_svg(report(record(drawn=False))) if "synthetic-data" in name]


def test_the_note_counts_cells_and_names_each_kind_once() -> None:
    assert note([DRAWN, DRAWN, ("synthetic data", "drawn weights")]) == (
        "Stand-ins in 3 cells: synthetic data, random weights, drawn weights."
    )
    assert note([(), ()]) == note([]) == ""


def test_weights_that_a_suite_asks_for_are_named_in_the_headline_and_the_table() -> None:
    asked = builders.cell(weights="random", strategy=Named(name="frozen"))
    scratch = builders.cell(weights="random", strategy=Named(name="scratch"))
    drawn = {"accuracy": builders.accuracy(), "weights": builders.weights(source="random")}
    text = as_text(report(builders.record(asked, **drawn), builders.record(scratch, **drawn)))
    assert "frozen, random weights" in text
    assert "scratch, random" not in text
    page = as_markdown(report(builders.record(asked, **drawn)))
    assert "(random weights)" in page.partition("## cats_dogs\n")[2]
    fallback = builders.record(builders.cell(weights="imagenet"), weights=builders.weights(fallback=True))
    assert ", random weights," not in as_text(report(fallback))

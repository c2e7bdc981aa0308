"""The history in each format: the same numbers, and a course in small of each."""

import json
import re
from dataclasses import replace

import pytest

from tests.golden import made
from tlbench.regression.history import Change, Series
from tlbench.reporting.history_formats import HISTORY_FORMATS, as_text
from tlbench.reporting.numbers import UNROUNDED
from tlbench.reporting.views.series import BLOCKS, MOST_IN_COURSE, course, table


def test_a_course_rises_from_the_lowest_to_the_highest() -> None:
    assert course([1, 2, 3, 4, 5, 6, 7, 8]) == BLOCKS
    assert course([5, 1]) == "█▁"
    assert course([3.0, 3.0]) == "▄▄"


def test_every_number_has_a_line_with_its_ends() -> None:
    lines = table(made.series()).rows
    assert [line[1] for line in lines] == ["accuracy (%)", "inference time, batch 32 (ms)", "params"]
    assert lines[1][2:] == ("▁▁▁▁███" + "█", "20", "24.1", "1")
    assert max(len(str(line[2])) for line in lines) <= MOST_IN_COURSE


@pytest.mark.parametrize("name", ["text", "markdown", "html"])
def test_each_format_tells_the_change_of_level(name: str) -> None:
    said = HISTORY_FORMATS[name]("t", made.series(), 8)
    assert "+20.0%" in said
    assert "keras 3.14.0 → 3.15.1" in said


@pytest.mark.parametrize("name", list(HISTORY_FORMATS))
def test_each_format_marks_stand_ins(name: str) -> None:
    drawn = [replace(one, stand_ins=("synthetic data", "drawn weights")) for one in made.series()]
    said = HISTORY_FORMATS[name]("t", drawn, 8)
    assert "synthetic data" in said
    assert "drawn weights" in said


def test_the_text_has_the_numbers_that_moved_and_says_how_many_runs_a_change_of_level_takes() -> None:
    two = [replace(one, points=one.points[3:5], changes=()) for one in made.series()]
    lines = HISTORY_FORMATS["text"]("t", two, 2).splitlines()
    assert lines[0] == "2 runs, 3 series, 0 changes of level"
    assert "No series has more than 2 runs: a change of level can be found from 6 runs on." in "\n".join(lines)
    moved = [re.split(" {2,}", line) for line in lines if " → " in line and "First" not in line]
    assert [(row[0], *row[2:]) for row in moved] == [
        ("inference time, batch 32", "20.1 → 24 ms", "+19.4%", "2"),
        ("accuracy", "93.5 → 93.0%", "-0.5 points", "2"),
    ]
    assert "params" not in "\n".join(lines)
    assert "is seen from" not in HISTORY_FORMATS["text"]("t", made.series(), 8)


def test_the_page_of_few_runs_says_that_nothing_was_judged() -> None:
    two = [replace(one, points=one.points[3:5], changes=()) for one in made.series()]
    page = HISTORY_FORMATS["html"]("t", two, 2)
    assert "No series has more than 2 runs: a change of level can be found from 6 runs on." in page
    assert re.search("Kept it, as far as can be seen</td><td[^>]*>0<", page)
    assert re.search("Fewer than 6 runs, so that only a count can be judged</td><td[^>]*>3<", page)
    assert "No number changed its level." not in page
    many = HISTORY_FORMATS["html"]("t", made.series(), 8)
    assert "Fewer than" not in many
    assert "No series has more than" not in many


@pytest.mark.parametrize("name", ["text", "html"])
def test_changes_of_counts_are_said_to_be_listed_only_where_some_are(name: str) -> None:
    count = made.series()[2]
    points = (count.points[0], replace(count.points[1], value=219572.0))
    still = replace(count, points=points, changes=())
    moved = replace(still, changes=(Change(at=points[1], since=points[0], before=219058.0, after=219572.0, p=0.0),))
    assert "Every change of a count is listed." in HISTORY_FORMATS[name]("t", [moved], 2)
    assert "Every change of a count" not in HISTORY_FORMATS[name]("t", [still], 2)


def between(first: float, last: float, name: str = "accuracy", unit: str = "%", cell: str = "a cell") -> Series:
    of = made.series()[0]
    points = tuple(replace(point, value=value) for point, value in zip(of.points, (first, last), strict=False))
    return replace(of, cell=cell, name=name, unit=unit, points=points)


def test_numbers_in_per_cent_are_rounded_as_in_reports() -> None:
    text = HISTORY_FORMATS["text"]("t", [between(84.75, 85.25)], 2)
    assert "84.8 → 85.3%  " in text
    assert "+0.5 points" in text
    assert UNROUNDED in text
    assert table([between(84.75, 85.25)]).rows[0][3:5] == ("84.8", "85.3")
    assert "<title>run1: 85.3%</title>" in HISTORY_FORMATS["html"]("t", [between(84.75, 85.25)], 2)


def test_the_largest_movement_is_first_and_none_that_rounding_hides_is_listed() -> None:
    series = [
        between(396.1, 395.9, "peak memory", "MiB"),
        between(1000.0, 1000.4, "weight", "MiB"),
        between(80.0, 80.04),
        between(441.0, 442.0, "peak memory", "MiB", cell="another cell"),
        between(13.2, 17.5, "training time", "ms"),
        between(80.8, 80.0),
    ]
    lines = HISTORY_FORMATS["text"]("t", series, 2).splitlines()
    moved = [line.split("  ")[0] for line in lines if " → " in line and "First" not in line]
    assert moved == ["training time", "accuracy", "peak memory"]
    assert UNROUNDED not in HISTORY_FORMATS["text"]("t", series[:3], 2)


def test_movements_fit_the_terminal() -> None:
    cell = "MobileNetV2 (alpha=0.35) · cats_dogs · partial (trainable=0.3) · gap · seed 2 · limit.test 200 · train.epochs 5"
    series = [between(13.2 + place, 17.5, "training time, batch 32", "ms", f"{cell}{place}") for place in range(5)]
    text = as_text("t", series, 2, columns=80)
    assert max(map(len, text.splitlines())) <= 80
    assert "At most 3 cells of a number are listed; 2 more moved." in text
    assert "gap" not in text


def test_a_change_of_a_large_count_shows_all_digits() -> None:
    counts = made.series()[2]
    before, after = counts.points[3], replace(counts.points[4], value=219061.0)
    change = Change(at=after, since=before, before=219058.0, after=219061.0, p=0.0)
    grown = replace(counts, points=(*counts.points[:4], after), changes=(change,))
    assert "219,058 → 219,061 (+0.0%)" in HISTORY_FORMATS["text"]("t", [grown], 5)
    page = HISTORY_FORMATS["html"]("t", [grown], 5)
    assert "<title>run4: 219,061</title>" in page
    assert 'text-anchor="end">219,061</text>' in page
    assert "219,058 to 219,061, 5 runs" in page
    large = replace(counts, points=(replace(after, value=138357544.0),))
    assert 'text-anchor="end">138.358M</text>' in HISTORY_FORMATS["html"]("t", [large], 1)
    assert "e+0" not in page


def test_json_has_every_point() -> None:
    content = json.loads(HISTORY_FORMATS["json"]("t", made.series(), 8))
    assert [len(one["points"]) for one in content] == [8, 8, 8]

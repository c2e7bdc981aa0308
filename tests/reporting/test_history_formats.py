"""The history in each format: the same numbers, and a course in small of each."""

import json
from dataclasses import replace

import pytest

from tests.golden import made
from tlbench.core.errors import UserError
from tlbench.reporting.history_formats import HISTORY_FORMATS, history_format
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


def test_json_has_every_point() -> None:
    content = json.loads(HISTORY_FORMATS["json"]("t", made.series(), 8))
    assert [len(one["points"]) for one in content] == [8, 8, 8]


def test_an_unknown_format_is_named_with_the_nearest() -> None:
    with pytest.raises(UserError, match="there is no format 'htm'; did you mean 'html'"):
        history_format("htm")

"""Step times that cells ask for and that neither side has."""

from typing import Any

import pytest

from tests import builders
from tests.regression import sides
from tests.regression.sides import judged
from tlbench.regression.entries import Entry
from tlbench.reporting.comparison_formats import COMPARISON_FORMATS
from tlbench.results.record import Failure


def entry(timed: bool = False, seed: int = 0, **changes: Any) -> Entry:
    of = builders.cell(seed=seed)
    return sides.made(of=of, timings=sides.timed() if timed else None, **changes)


def test_asked_for_and_measured_on_neither_side_is_not_green() -> None:
    found = judged([entry()], [entry()])
    assert found.exit_code == 3
    assert len(found.untimed) == 1


@pytest.mark.parametrize("name", list(COMPARISON_FORMATS))
def test_each_format_says_so(name: str) -> None:
    said = str(COMPARISON_FORMATS[name](judged([entry()], [entry()])))
    assert "asked for, measured on neither side" in said
    assert "step times" in said


def test_no_cell_that_asks_for_none_or_says_why_it_has_none_counts() -> None:
    plain = builders.cell(timing=None)
    alike = [sides.made(of=plain, timings=None)]
    assert judged(alike, alike).exit_code == 0
    failed = [entry(timing_failure=Failure(type="ValueError", message="no", advice=""))]
    assert not judged(failed, failed).untimed


def test_one_timed_cell_is_enough() -> None:
    found = judged([entry(timed=True), entry(seed=1)], [entry(timed=True), entry(seed=1)])
    assert not found.untimed
    assert found.exit_code == 0

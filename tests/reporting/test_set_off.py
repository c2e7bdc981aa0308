"""A change of a time that was set off against the machine's speed: the reader is told of both."""

import pytest

from tests import builders
from tests.regression import sides
from tests.regression.sides import judged, number, timed
from tlbench.regression.comparison import Compared, Comparison
from tlbench.regression.verdicts import Judgement
from tlbench.reporting.comparison_formats import COMPARISON_FORMATS
from tlbench.reporting.judgements import set_off


def compared(relative: float | None) -> Comparison:
    """13.2 ms after 16.2 ms, which is -18.5 %; `relative`: the change in units of the reference workload."""
    units = (None, None) if relative is None else (1.0, 1 + relative)
    before, now = (
        sides.made(timings=timed(seconds, normalised=unit))
        for seconds, unit in zip((0.0162, 0.0132), units, strict=True)
    )
    return judged([before], [now])


def test_the_smaller_change_counts_and_the_other_one_is_told_with_the_factor() -> None:
    time = number(compared(-0.106), "inference time, batch 32")
    assert time.effect == pytest.approx(-0.106)
    assert time.bare == pytest.approx(13.2 / 16.2 - 1)
    assert set_off(time) == "set off against the machine, 1.10x as fast as before; -18.5% as timed"


@pytest.mark.parametrize("relative", [None, -0.3])
def test_a_change_as_timed_is_told_once(relative: float | None) -> None:
    found = compared(relative)
    time = number(found, "inference time, batch 32")
    assert (time.effect, time.bare) == (pytest.approx(13.2 / 16.2 - 1), None)
    assert "set off" not in str(COMPARISON_FORMATS["text"](found))


@pytest.mark.parametrize("name", ["text", "markdown", "html"])
def test_tables_explain_it(name: str) -> None:
    said = str(COMPARISON_FORMATS[name](compared(-0.106)))
    assert "Changes of times are set off against the machine" in said.replace("&#x27;", "'")


@pytest.mark.parametrize("name", ["text", "markdown", "html", "github", "junit"])
def test_a_regression_has_both_changes(name: str) -> None:
    slower = Judgement(
        cell=builders.cell(), metric="time", name="time", base=1, new=3, effect=1.0, bare=2.0, verdict="regressed"
    )
    cell = Compared(slower.cell.label, slower.cell.id, (slower,))
    said = str(COMPARISON_FORMATS[name](Comparison(sides.side(), sides.side(), (cell,))))
    assert "0.67x as fast as before; +200.0% as timed" in said.replace("&nbsp;", " ").replace("%25", "%")

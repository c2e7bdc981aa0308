"""Spans of time as people write them."""

import pytest

from tlbench.core.duration import duration, parse_duration
from tlbench.core.errors import UserError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90 s", 90), ("20 min", 1200), ("20min", 1200), ("1.5 hours", 5400), ("8 H", 28800), ("1 day", 86400), ("2 minutes", 120)],
)  # fmt: skip
def test_a_span_has_a_unit(text: str, seconds: float) -> None:
    assert parse_duration(text, "budget") == seconds


@pytest.mark.parametrize(
    "text", ["", "20", "min", "-5 min", "0 s", "20 m", "1e3 s", "nan s", "9999 days", "20 min 3 s", "٣ s"]
)
def test_what_is_none_is_refused_with_a_way_out(text: str) -> None:
    with pytest.raises(UserError, match=r"budget: .* is no span of time; write one as 90 s, 20 min or 8 h"):
        parse_duration(text, "budget")


def test_what_is_written_is_read_again() -> None:
    assert [duration(seconds) for seconds in (40, 720, 19_080)] == ["40 s", "12 min", "5.3 h"]
    assert parse_duration(duration(720), "") == 720

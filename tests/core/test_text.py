"""Rules of writing."""

import pytest

from tlbench.core.text import listed, one_line, three_digits


@pytest.mark.parametrize(
    ("text", "line"),
    [("", ""), ("a  b", "a  b"), ("a\n", "a"), ("a\r\n  b\n\nc", "a b c"), ("a\u2028b", "a b"), ("\n", "")],
)
def test_one_line(text: str, line: str) -> None:
    assert one_line(text) == line


def test_listed() -> None:
    assert [listed(list(words)) for words in ("", "a", "ab", "abc")] == ["", "a", "a and b", "a, b and c"]


@pytest.mark.parametrize(("value", "text"), [(382.4, "382"), (25.94, "25.9"), (3.814, "3.81"), (1430.2, "1430")])
def test_three_digits(value: float, text: str) -> None:
    assert three_digits(value) == text

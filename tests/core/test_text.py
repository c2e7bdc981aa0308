"""Rules of writing."""

import pytest

from tlbench.core.text import harmless, listed, one_line, three_digits


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


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("caf\u00e9 ::x", "caf\u00e9 ::x"),
        ("a\n::error::b", "a ::error::b"),
        ("::error::b", ": :error::b"),
        ("##[error]", "## [error]"),
        ("\x1b[31mred\x07\u202e\udce9", r"\x1b[31mred\x07\u202e\udce9"),
    ],
)
def test_what_a_name_could_command_is_shown(text: str, printed: str) -> None:
    assert harmless(text) == printed

"""JSON of others is read, or refused as what it is not."""

import pytest

from tlbench.core.json_text import DEEPEST, parse_json


@pytest.mark.parametrize("text", ["3", "[]", '{"a": [1, {"b": null}]}', "[" * DEEPEST + "]" * DEEPEST])
def test_json_is_read(text: str) -> None:
    assert str(parse_json(text.encode())) == str(parse_json(text))


@pytest.mark.parametrize("levels", [DEEPEST + 1, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_lists_in_lists_without_end_are_refused(levels: int, opening: str, closing: str) -> None:
    with pytest.raises(ValueError, match="more than 200 lists and mappings are in each other"):
        parse_json(opening * levels + "0" + closing * levels)


def test_what_is_no_json_is_said_as_python_does() -> None:
    with pytest.raises(ValueError, match="Expecting value: line 1 column 2"):
        parse_json("[")

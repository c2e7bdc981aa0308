"""Each test that docs/reliability.md names is there."""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
NAMED = re.compile(r"`(\w+(?:/\w+)+\.py)(?:::([\w, ]+))?`")


def functions(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def missing(text: str) -> list[str]:
    """Files and functions that are named and not there."""
    lost = []
    for file, names in NAMED.findall(text):
        if not (TESTS / file).is_file():
            lost.append(file)
            continue
        there = functions(TESTS / file)
        lost += [f"{file}::{name}" for name in filter(None, re.split(r", *", names)) if name not in there]
    return lost


def test_every_promise_has_the_test_it_names() -> None:
    text = (TESTS.parent / "docs" / "reliability.md").read_text(encoding="utf-8")
    assert len(NAMED.findall(text)) > 60
    assert missing(text) == []


def test_what_is_not_there_is_seen() -> None:
    text = "`docs/test_promises.py::test_what_is_not_there_is_seen, test_nothing` and `docs/test_none.py`"
    assert missing(text) == ["docs/test_promises.py::test_nothing", "docs/test_none.py"]

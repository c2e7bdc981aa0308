"""The page of the lessons and the suites of the lessons name each other."""

import re
from pathlib import Path

from tlbench.suite.named import bundled_suites

PAGE = Path(__file__).parents[2] / "docs" / "lessons.md"


def test_every_suite_of_a_lesson_is_on_the_page_and_every_one_named_there_exists() -> None:
    named = set(re.findall(r"`(?:tlbench run )?(lessons/\w+)`", PAGE.read_text(encoding="utf-8")))
    there = {name for name in bundled_suites() if name.startswith("lessons/")}
    assert named == there

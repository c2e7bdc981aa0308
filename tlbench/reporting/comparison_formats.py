"""The formats of a comparison: one entry each, from a comparison to text. Pure."""

import json
import math
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

from tlbench.regression.comparison import Comparison
from tlbench.regression.verdicts import JUDGED, WORST_FIRST, Judgement, Verdict
from tlbench.reporting import comparison_page as page

FAILING: frozenset[Verdict] = frozenset({"regressed", "newly failing", "missing"})


def as_json(comparison: Comparison) -> str:
    """Everything, for programs; numbers that are not finite are null."""
    content = {
        "base": comparison.base.name,
        "new": comparison.new.name,
        "exit_code": comparison.exit_code,
        "headline": page.headline(comparison),
        "notes": list(comparison.notes),
        "cells": [
            {
                "id": cell.id,
                "cell": cell.label,
                "verdict": cell.verdict,
                "judgements": [_plain(one) for one in cell.judgements],
            }
            for cell in comparison.cells
        ],
    }
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(one: Judgement) -> dict[str, Any]:
    content = one.model_dump(exclude={"cell"})
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in content.items()
    }


def junit(comparison: Comparison) -> str:
    """JUnit XML: a test case for each number. What regressed is a failure, what cannot be judged is skipped."""
    root = ElementTree.Element("testsuites")
    judgements = [(cell, one) for cell in comparison.cells for one in cell.judgements]
    failures = sum(one.verdict in FAILING for _, one in judgements)
    skipped = sum(one.verdict in {"not comparable", "inconclusive"} for _, one in judgements)
    counts = {"tests": len(judgements), "failures": failures, "errors": 0, "skipped": skipped}
    named = {key: str(value) for key, value in counts.items()}
    suite = ElementTree.SubElement(root, "testsuite", {"name": f"tlbench {comparison.new.suite}".strip(), **named})
    for cell, one in judgements:
        case = ElementTree.SubElement(suite, "testcase", {"classname": _legal(cell.label), "name": _legal(one.name)})
        if one.verdict in FAILING:
            ElementTree.SubElement(case, "failure", {"message": _legal(page.sentence(one)), "type": one.verdict})
        elif one.verdict in {"not comparable", "inconclusive"}:
            ElementTree.SubElement(case, "skipped", {"message": _legal(page.sentence(one))})
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _legal(words: str) -> str:
    """Without the characters that XML 1.0 forbids (section 2.2)."""
    return "".join(one for one in words if one in "\t\n\r" or (ord(one) >= 32 and not 0xD800 <= ord(one) <= 0xDFFF))


def github(comparison: Comparison) -> str:
    """GitHub's workflow commands: an error for each regression, a warning for what is inconclusive."""
    lines = []
    for one in sorted(comparison.judgements, key=lambda each: WORST_FIRST.index(each.verdict)):
        kind = "error" if one.verdict in FAILING else "warning" if one.verdict == "inconclusive" else None
        if kind:
            title = _escape(f"tlbench: {one.name} {one.verdict}", property_=True)
            lines.append(f"::{kind} title={title}::{_escape(page.sentence(one))}")
    kind = "notice" if any(one.verdict in JUDGED for one in comparison.judgements) else "error"
    lines.append(f"::{kind} title=tlbench::{_escape(page.headline(comparison))}")
    return "\n".join(lines) + "\n"


def _escape(words: str, *, property_: bool = False) -> str:
    """As GitHub's toolkit escapes (actions/toolkit, packages/core/src/command.ts)."""
    words = words.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return words.replace(":", "%3A").replace(",", "%2C") if property_ else words


OUTPUTS: dict[str, Callable[[Comparison], str]] = {
    "text": page.text,
    "markdown": page.markdown,
    "json": as_json,
    "junit": junit,
    "github": github,
}

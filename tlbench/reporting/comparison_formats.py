"""The output formats of a comparison. Pure.

A package adds one to its pyproject.toml::

    [project.entry-points."tlbench.comparison_formats"]
    slack = "my_package.slack:message"
"""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

from tlbench.core.plugins import Registry
from tlbench.core.text import first_of
from tlbench.regression.comparison import Comparison
from tlbench.regression.metrics.time import TimeMetric
from tlbench.regression.verdicts import WORST_FIRST, Judgement
from tlbench.reporting.document import plain
from tlbench.reporting.judgements import sentence, values
from tlbench.reporting.output import Made
from tlbench.reporting.render import html, terminal
from tlbench.reporting.render import markdown as in_markdown
from tlbench.reporting.stand_ins import marked, note_on, of_comparison
from tlbench.reporting.views.comparison import FAILING, document, headline
from tlbench.reporting.views.comparison_page import MOST_NAMED, page


def text(comparison: Comparison, columns: int | None = None) -> str:
    """Text for a terminal with so many columns; None for any number."""
    return terminal.render(document(comparison), columns)


def markdown(comparison: Comparison) -> str:
    """Markdown for a comment on a pull request, or a job's summary."""
    said = document(comparison)
    return in_markdown.render(replace(said, title=f"tlbench: {plain(said.title)}"), level=2)


def as_html(comparison: Comparison) -> str:
    """A self-contained HTML page, with regressions first."""
    said = page(comparison)
    return html.render(replace(said, title=f"tlbench: {plain(said.title)}"))


def as_json(comparison: Comparison) -> str:
    """All verdicts and judgements as JSON; numbers that are not finite are null."""
    marks = of_comparison(comparison)
    content = {
        "base": comparison.base.name,
        "new": comparison.new.name,
        "exit_code": comparison.exit_code,
        "headline": headline(comparison),
        "notes": [*filter(None, [note_on(marks.values())]), *comparison.notes],
        "cells": [
            {
                "id": cell.id,
                "cell": cell.label,
                "stand_ins": list(marks[cell.id].either),
                "base_stand_ins": list(marks[cell.id].base or ()),
                "new_stand_ins": list(marks[cell.id].new or ()),
                "verdict": cell.verdict,
                "judgements": [_plain(judgement) for judgement in cell.judgements],
            }
            for cell in comparison.cells
        ],
    }
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(judgement: Judgement) -> dict[str, Any]:
    content = judgement.model_dump(exclude={"cell", "label"})
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in content.items()
    }


def junit(comparison: Comparison) -> str:
    """JUnit XML with a test case for each judgement: regressions, numbers of the base that were not measured again, and
    those that had to be judged and could not, are failures; undecided ones are skipped.
    """
    root = ElementTree.Element("testsuites")
    judgements = [(cell, judgement) for cell in comparison.cells for judgement in cell.judgements]
    failing = [each for each in comparison.judgements if each.verdict in FAILING or each.lost]
    failing += [*comparison.unjudged, *comparison.untimed]
    fails = set(map(id, failing))
    failures = len(fails)
    skipped = sum(judgement.verdict in SKIPPED and id(judgement) not in fails for _, judgement in judgements)
    marks = of_comparison(comparison)
    counts = {"tests": len(judgements), "failures": failures, "errors": 0, "skipped": skipped}
    named = {key: str(value) for key, value in counts.items()}
    suite = ElementTree.SubElement(
        root, "testsuite", {"name": _legal(f"tlbench {comparison.new.suite}".strip()), **named}
    )
    if rests := note_on(marks.values()):
        properties = ElementTree.SubElement(suite, "properties")
        ElementTree.SubElement(properties, "property", {"name": "stand-ins", "value": rests})
    for cell, judgement in judgements:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            {"classname": _legal(marked(cell.label, marks[cell.id].told)), "name": _legal(judgement.name)},
        )
        if id(judgement) in fails:
            ElementTree.SubElement(
                case, "failure", {"message": _legal(plain(sentence(judgement))), "type": judgement.verdict}
            )
        elif judgement.verdict in SKIPPED:
            ElementTree.SubElement(case, "skipped", {"message": _legal(plain(sentence(judgement)))})
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _legal(words: str) -> str:
    """`words` without the characters that XML 1.0 forbids (section 2.2)."""
    return FORBIDDEN.sub("", words)


SKIPPED = {"same measurement", "not comparable", "inconclusive"}
FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def github(comparison: Comparison) -> str:
    """GitHub's workflow commands: an error for each regression, a warning for each inconclusive judgement.

    There is no warning for an accuracy of one seed that changed within its gate: every run would have some. For the
    same reason, all inconclusive times share one notice. Accuracies that could not be judged share a warning for each
    reason. Numbers that were not measured again share the last line, an error then.
    """
    marks = of_comparison(comparison)
    rests = note_on(marks.values())
    lines = [f"::notice title={_escape('tlbench: stand-ins', property_=True)}::{_escape(rests)}"] if rests else []
    times = [each for each in comparison.of("inconclusive") if each.metric == TimeMetric.name]
    for judgement in sorted(comparison.judgements, key=lambda judgement: WORST_FIRST.index(judgement.verdict)):
        doubtful = (
            judgement.verdict == "inconclusive" and not judgement.trifling and judgement.metric != TimeMetric.name
        )
        kind = "error" if judgement.verdict in FAILING else "warning" if doubtful else None
        if kind:
            named = f"tlbench: {judgement.name} {judgement.verdict}"
            title = _escape(marked(named, marks[judgement.cell.id].told), property_=True)
            lines.append(f"::{kind} title={title}::{_escape(plain(sentence(judgement)))}")
    for (name, reason), several in _by_reason(comparison.unjudged).items():
        title = _escape(f"tlbench: {name} not judged", property_=True)
        lines.append(f"::warning title={title}::{_escape(_not_judged(reason, several))}")
    if times:
        title = _escape("tlbench: times inconclusive", property_=True)
        lines.append(f"::notice title={title}::{_escape(_undecided(times))}")
    kind = "notice" if comparison.decides and not comparison.lost else "error"
    lines.append(f"::{kind} title=tlbench::{_escape(headline(comparison))}")
    return "\n".join(lines) + "\n"


def _by_reason(judgements: Sequence[Judgement]) -> dict[tuple[str, str], list[Judgement]]:
    """The judgements by the name of the number and the reason."""
    groups: dict[tuple[str, str], list[Judgement]] = {}
    for judgement in judgements:
        groups.setdefault((judgement.name, judgement.reason), []).append(judgement)
    return groups


def _not_judged(reason: str, several: Sequence[Judgement]) -> str:
    """``MobileNet · cats_dogs: accuracy not comparable (89.5% → 37.0%, not judged); started from other weights``."""
    if len(several) == 1:
        return plain(sentence(several[0]))
    named = first_of([f"{values(each)} in {each.of}" for each in several], MOST_NAMED, "; ")
    return f"{several[0].name} of {len(several)} cells not judged, since {reason}: {named}"


def _undecided(times: Sequence[Judgement]) -> str:
    """``8 times are inconclusive (4 of inference time, batch 32; 4 of training time, batch 32): ...``."""
    names = Counter(judgement.name for judgement in times)
    which = "; ".join(f"{count} of {name}" for name, count in names.items())
    many = "1 time is" if len(times) == 1 else f"{len(times)} times are"
    return (
        f"{many} inconclusive ({which}): neither a change nor its absence is shown; the summary says what would decide"
    )


def _escape(words: str, *, property_: bool = False) -> str:
    """Escape as GitHub's toolkit does (actions/toolkit, packages/core/src/command.ts)."""
    words = words.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return words.replace(":", "%3A").replace(",", "%2C") if property_ else words


COMPARISON_FORMATS: Registry[Callable[[Comparison], Made]] = Registry(
    "format",
    "tlbench.comparison_formats",
    {"text": text, "markdown": markdown, "html": as_html, "json": as_json, "junit": junit, "github": github},
    of=Callable,
)

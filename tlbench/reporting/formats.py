"""The formats of a report. Pure.

A package adds one to its pyproject.toml::

    [project.entry-points."tlbench.formats"]
    latex = "my_package.latex:FORMAT"
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tlbench.core.plugins import Registry
from tlbench.reporting import exports, output
from tlbench.reporting.output import Made
from tlbench.reporting.render import html, markdown
from tlbench.reporting.report import Report, RunRecord
from tlbench.reporting.views.registry import document


@dataclass(frozen=True)
class Format:
    """How a report is written. extension: of its file. kept: whether a run's folder always has one."""

    extension: str
    make: Callable[[Report], Made]
    kept: bool = False


def as_markdown(report: Report) -> str:
    """The tables that people read."""
    return markdown.render(document(report))


def as_html(report: Report) -> str:
    """The same as a page of its own."""
    return html.render(document(report))


def as_csv(report: Report) -> str:
    """One row a cell, plain numbers."""
    return report.frame.to_csv(index=False)


def as_json(report: Report) -> str:
    """The same rows as objects, a line each, null where there is nothing."""
    lines = report.frame.to_json(orient="records", lines=True, double_precision=15, force_ascii=False)
    rows = lines.rstrip("\n").replace("\n", ",\n").replace("\\/", "/")  # pandas escapes slashes, JSON need not
    return f'{{"title": {json.dumps(report.title, ensure_ascii=False)}, "rows": [\n{rows}\n]}}\n'


FORMATS: Registry[Format] = Registry(
    "format",
    "tlbench.formats",
    {
        "markdown": Format("md", as_markdown, kept=True),
        "csv": Format("csv", as_csv, kept=True),
        "json": Format("json", as_json, kept=True),
        "html": Format("html", as_html),
        "pytest-benchmark": Format("json", exports.pytest_benchmark),
        "github-action-benchmark": Format("json", exports.github_action_benchmark),
    },
)


def kept_files(report: Report) -> dict[str, bytes]:
    """The files of a run's folder, by name; Markdown is the first."""
    made: dict[str, bytes] = {}
    for form in FORMATS.values():
        if form.kept:
            several = output.files(form.make(report), form.extension)
            made |= {file_name(ending, report.rows): content for ending, content in several.items()}
    return made


def file_name(ending: str, rows: Sequence[RunRecord]) -> str:
    """``report.md``; with stand-ins among the records ``report.synthetic-data.random-weights.md``."""
    marks = sorted({mark.replace(" ", "-") for row in rows for mark in row.record.fallbacks}, reverse=True)
    return ".".join(["report", *marks, ending])

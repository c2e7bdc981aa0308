"""The output formats of `tlbench history`. Pure."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

from tlbench.regression.history import Series
from tlbench.reporting.document import Document, Section
from tlbench.reporting.render import html, markdown, terminal
from tlbench.reporting.views.series import page, summary, table


def as_text(title: str, series: Sequence[Series], runs: int, columns: int | None = None) -> str:
    """Text for a terminal with so many columns: the number of series and every change of level."""
    return terminal.text(*summary(series, runs), columns=columns) + "\n"


def as_markdown(title: str, series: Sequence[Series], runs: int) -> str:
    """The same in Markdown, with a table of all series."""
    every = Section("All numbers", (table(series),), folded=True)
    return markdown.render(Document(title, (*summary(series, runs), every)))


def as_html(title: str, series: Sequence[Series], runs: int) -> str:
    """A self-contained HTML page with a figure for each series."""
    return html.render(page(title, series))


def as_json(title: str, series: Sequence[Series], runs: int) -> str:
    """All series and their change points as JSON."""
    return json.dumps([asdict(one) for one in series], indent=1, ensure_ascii=False) + "\n"


HISTORY_FORMATS: Mapping[str, Callable[[str, Sequence[Series], int], str]] = {
    "text": as_text,
    "markdown": as_markdown,
    "html": as_html,
    "json": as_json,
}

"""The formats of a history. Pure."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

from tlbench.core.errors import UserError, nearest
from tlbench.regression.history import Series
from tlbench.reporting.document import Document, Section
from tlbench.reporting.render import html, markdown, terminal
from tlbench.reporting.views.series import page, summary, table


def as_text(title: str, series: Sequence[Series], runs: int) -> str:
    """For a terminal: how much was followed, and each change of level."""
    return terminal.text(*summary(series, runs)) + "\n"


def as_markdown(title: str, series: Sequence[Series], runs: int) -> str:
    """The same, and every number with its course."""
    every = Section("All numbers", (table(series),), folded=True)
    return markdown.render(Document(title, (*summary(series, runs), every)))


def as_html(title: str, series: Sequence[Series], runs: int) -> str:
    """A page with a picture of each number."""
    return html.render(page(title, series))


def as_json(title: str, series: Sequence[Series], runs: int) -> str:
    """All series and their change points, for programs."""
    return json.dumps([asdict(one) for one in series], indent=1, ensure_ascii=False) + "\n"


HISTORY_FORMATS: Mapping[str, Callable[[str, Sequence[Series], int], str]] = {
    "text": as_text,
    "markdown": as_markdown,
    "html": as_html,
    "json": as_json,
}


def history_format(name: str) -> Callable[[str, Sequence[Series], int], str]:
    """The format of that name. Raises UserError where there is none."""
    if name not in HISTORY_FORMATS:
        raise UserError(f"--format: there is no format {name!r}; {nearest(name, list(HISTORY_FORMATS), 'formats')}")
    return HISTORY_FORMATS[name]

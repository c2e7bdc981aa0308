"""The output formats of `tlbench deploy`. Pure."""

import json
from collections.abc import Callable, Mapping

from tlbench.reporting.render import html, markdown, terminal
from tlbench.reporting.views.deployment import document
from tlbench.results.deployment import Deployment


def as_text(deployment: Deployment, columns: int | None = None) -> str:
    """Text for a terminal with so many columns."""
    return terminal.render(document(deployment), columns)


def as_markdown(deployment: Deployment) -> str:
    """The same tables in Markdown."""
    return markdown.render(document(deployment))


def as_html(deployment: Deployment) -> str:
    """A self-contained HTML page."""
    return html.render(document(deployment))


def as_json(deployment: Deployment) -> str:
    """All values, with the raw samples, as JSON."""
    return json.dumps(deployment.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"


DEPLOYMENT_FORMATS: Mapping[str, Callable[[Deployment], str]] = {
    "text": as_text,
    "markdown": as_markdown,
    "html": as_html,
    "json": as_json,
}

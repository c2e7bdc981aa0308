"""The formats of what `tlbench deploy` found. Pure."""

import json
from collections.abc import Callable, Mapping

from tlbench.core.errors import UserError, nearest
from tlbench.reporting.render import html, markdown, terminal
from tlbench.reporting.views.deployment import document
from tlbench.results.deployment import Deployment


def as_text(deployment: Deployment) -> str:
    """For a terminal."""
    return terminal.render(document(deployment))


def as_markdown(deployment: Deployment) -> str:
    """The same tables for a page or a pull request."""
    return markdown.render(document(deployment))


def as_html(deployment: Deployment) -> str:
    """A page of its own."""
    return html.render(document(deployment))


def as_json(deployment: Deployment) -> str:
    """All of it, raw samples too, for programs."""
    return json.dumps(deployment.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"


DEPLOYMENT_FORMATS: Mapping[str, Callable[[Deployment], str]] = {
    "text": as_text,
    "markdown": as_markdown,
    "html": as_html,
    "json": as_json,
}


def deployment_format(name: str) -> Callable[[Deployment], str]:
    """The format of that name. Raises UserError where there is none."""
    if name not in DEPLOYMENT_FORMATS:
        raise UserError(f"--format: there is no format {name!r}; {nearest(name, list(DEPLOYMENT_FORMATS), 'formats')}")
    return DEPLOYMENT_FORMATS[name]

"""`tlbench history`: how numbers moved over many runs."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from tlbench.cli.terminal import say
from tlbench.reporting.output import write
from tlbench.reporting.render import html, terminal
from tlbench.reporting.views.series import page, summary
from tlbench.session.trends import Trends, trends


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--html", "file", type=click.Path(path_type=Path), help="Write a static page with plots to this file.")
@click.option("--json", "as_json", is_flag=True, help="All series and their change points as JSON.")
def command(folder: Path, file: Path | None, as_json: bool) -> int:
    """Follow every number of every cell over all runs under DIR, and say where its level changed.

    Times and memory of different machines are followed apart. A change point takes about ten runs to be seen; counts
    are exact, and every change of one is told.

    Example: tlbench history results/ci --html history.html
    """
    followed = trends(folder, say=say)
    if file is not None:
        write(html.render(page(f"tlbench: history of {folder}", followed.series)), file)
        say(f"Page: {file}")
    click.echo(_json(followed) if as_json else terminal.text(*summary(followed.series, followed.runs)))
    return 0


def _json(followed: Trends) -> str:
    return json.dumps([asdict(series) for series in followed.series], indent=1, ensure_ascii=False)

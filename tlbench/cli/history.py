"""`tlbench history`: how numbers moved over many runs."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from tlbench.cli.terminal import say
from tlbench.core.files import write_atomically
from tlbench.reporting.history_page import render, sentence
from tlbench.session.trends import Trends, trends


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--html", type=click.Path(path_type=Path), help="Write a static page with plots to this file.")
@click.option("--json", "as_json", is_flag=True, help="All series and their change points as JSON.")
def command(folder: Path, html: Path | None, as_json: bool) -> int:
    """Follow every number of every cell over all runs under DIR, and say where its level changed.

    Times and memory of different machines are followed apart. A change point takes about ten runs to be seen; counts
    are exact, and every change of one is told.

    Example: tlbench history results/ci --html history.html
    """
    followed = trends(folder, say=say)
    if html is not None:
        write_atomically(html, render(f"tlbench: history of {folder}", followed.series).encode())
        say(f"Page: {html}")
    click.echo(_json(followed) if as_json else _text(followed))
    return 0


def _text(followed: Trends) -> str:
    lines = [f"{one.cell}: {one.name}: {sentence(one, change)}" for one in followed.series for change in one.changes]
    changes = f"{len(lines)} change{'s' if len(lines) != 1 else ''} of level"
    return "\n".join([f"{followed.runs} runs, {len(followed.series)} series, {changes}", *lines])


def _json(followed: Trends) -> str:
    return json.dumps([asdict(series) for series in followed.series], indent=1, ensure_ascii=False)

"""A report on the terminal. Imports no pandas: a run with nothing left to do answers at once."""

import sys
from pathlib import Path

import click


def print_markdown(text: str) -> None:
    """Markdown as it is in a pipe, as tables on a terminal wide enough for them."""
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.markdown import Markdown

        console = Console()
        if console.width >= 140:
            console.print(Markdown(text))
            return
    click.echo(text)


def written_report(run: Path) -> str | None:
    """The run's report in Markdown, where it is newer than all records; else None."""
    reports, records = list(run.glob("report*.md")), list((run / "records").glob("*.json"))
    if len(reports) != 1 or not records:
        return None
    newest = max(record.stat().st_mtime_ns for record in records)
    return reports[0].read_text(encoding="utf-8") if reports[0].stat().st_mtime_ns >= newest else None

"""A report on the terminal."""

import sys

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


def say(sentence: str) -> None:
    """A sentence on stderr."""
    click.echo(sentence, err=True)

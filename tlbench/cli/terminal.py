"""What commands say beside their results."""

import click


def say(sentence: str) -> None:
    """A sentence on stderr."""
    click.echo(sentence, err=True)

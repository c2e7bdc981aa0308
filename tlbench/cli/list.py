"""`tlbench list`: what a suite may name."""

import json
from typing import Any

import click

from tlbench.backbones import registry as backbones
from tlbench.backbones.weights import official_file
from tlbench.datasets import registry as datasets
from tlbench.reporting.document import Table
from tlbench.reporting.render import terminal
from tlbench.strategies import registry as strategies

Rows = list[dict[str, Any]]


@click.command()
@click.argument("kind", type=click.Choice(["backbones", "datasets", "strategies", "heads"]))
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def command(kind: str, as_json: bool) -> None:
    """List what a suite may name.

    Example: tlbench list backbones
    """
    rows = LISTS[kind]()
    if as_json:
        click.echo(json.dumps(rows, indent=1))
    else:
        shown = [["—" if value in (None, "") else str(value) for value in row.values()] for row in rows]
        click.echo(terminal.text(Table.of(list(rows[0]), shown)))


def _backbones() -> Rows:
    rows = []
    for name in backbones.names():
        info = backbones.get(name)
        official, published = official_file(info, {}, False), info.published
        rows.append(
            {
                "name": name,
                "family": info.family,
                "image size": info.default_size,
                "at least": info.min_size,
                "arguments": ", ".join(info.arguments),
                "published top-1": published.top1 if published else None,
                "published params (M)": published.params_m if published else None,
                "weights file": official.file if official else None,
            }
        )
    return rows


def _datasets() -> Rows:
    rows: Rows = [
        {"name": info.name, "classes": len(info.classes), "what": info.title} for info in datasets.DATASETS.values()
    ]
    rows.append({"name": datasets.SYNTHETIC, "classes": None, "what": "drawn pictures with the classes of `like`"})
    rows.append({"name": "{name: ..., path: ...}", "classes": None, "what": "any folder with one folder a class"})
    return rows


def _strategies() -> Rows:
    return [
        {
            "name": name,
            "arguments": ", ".join(strategies.arguments(name)),
            "learning rate (adam)": f"{strategies.STRATEGIES[name].adam_rate:g}",
            "start": strategies.STRATEGIES[name].weights,
            "what": strategies.STRATEGIES[name].summary,
        }
        for name in strategies.names()
    ]


def _heads() -> Rows:
    arguments = "hidden, dropout, output"
    return [
        {"name": "gap", "arguments": arguments, "what": "global average pooling, hidden layers, dropout, Dense"},
        {
            "name": "flatten",
            "arguments": arguments,
            "what": "all positions as one vector, hidden layers, dropout, Dense",
        },
        {"name": "imagenet", "arguments": "", "what": "the original classifier of 1000 classes (tlbench inspect only)"},
    ]


LISTS = {"backbones": _backbones, "datasets": _datasets, "strategies": _strategies, "heads": _heads}

"""`tlbench list`: the names that a suite can use, and the metrics that comparisons judge."""

import json
from typing import Any

import click
import yaml

from tlbench.backbones import registry as backbones
from tlbench.backbones.official import official_file
from tlbench.cli.options import json_option, plugin_option
from tlbench.cli.terminal import width
from tlbench.core.cell import Head
from tlbench.core.errors import nearest
from tlbench.datasets import registry as datasets
from tlbench.heads import registry as heads
from tlbench.regression.metrics.registry import in_order
from tlbench.reporting.document import Note, Table
from tlbench.reporting.render import terminal
from tlbench.strategies import registry as strategies
from tlbench.suite.named import bundled_suites

Rows = list[dict[str, Any]]
KINDS = ["backbones", "datasets", "strategies", "heads", "metrics", "suites"]
WIDE = ("family", "weights file")
"""Columns to leave out on a terminal that is too narrow for all."""


class Kind(click.Choice[str]):
    """One of `KINDS`; for another word, the error suggests the nearest."""

    def __init__(self) -> None:
        super().__init__(KINDS)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """`value`, if it is one of `KINDS`. Raises click.BadParameter otherwise."""
        if value not in KINDS:
            self.fail(f"there is no list of {value!r}; {nearest(str(value), KINDS, 'lists')}", param, ctx)
        return str(value)


@click.command()
@click.argument("kind", metavar="KIND", type=Kind())
@json_option
@plugin_option
def command(kind: str, as_json: bool) -> None:
    """List the names that a suite can use, the metrics that comparisons judge, or the suites included in tlbench.

    KIND is backbones, datasets, strategies, heads, metrics or suites.

    Example: tlbench list backbones
    """
    rows = LISTS[kind]()
    if as_json:
        click.echo(json.dumps(rows, indent=1))
    else:
        most = width()
        drawn = terminal.text(_table(rows), columns=most)
        wide = [key for key in WIDE if key in rows[0]]
        if most is not None and wide and _width(terminal.text(_table(rows))) > most:
            without = [{key: value for key, value in row.items() if key not in wide} for row in rows]
            left_out = Note((f"Not shown: {' and '.join(wide)}; --json and output to a file have them.",))
            drawn = terminal.text(_table(without), left_out, columns=most)
        click.echo(drawn)


def _table(rows: Rows) -> Table:
    shown = [["—" if value in (None, "") else str(value) for value in row.values()] for row in rows]
    return Table.of(list(rows[0]), shown)


def _width(text: str) -> int:
    return max(map(len, text.split("\n")))


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
                "published top-1": published.top1 if published else None,
                "published params (M)": published.params_m if published else None,
                "weights file": official.file if official else None,
                "arguments": ", ".join(info.arguments),
            }
        )
    return rows


def _datasets() -> Rows:
    rows: Rows = [
        {"name": info.name, "classes": len(info.classes), "what": info.title} for info in datasets.DATASETS.values()
    ]
    rows.append({"name": datasets.SYNTHETIC, "classes": None, "what": "drawn pictures with the classes of `like`"})
    rows.append(
        {
            "name": datasets.IMAGENET,
            "classes": 1000,
            "what": "ImageNet's validation images, for strategy pretrained only",
        }
    )
    own = {
        "path": "any folder with one folder a class, or as Hugging Face or tensorflow-datasets keeps it",
        "csv": "a CSV of paths and labels",
        "npz": "images and labels as arrays, as MedMNIST's",
        "parquet": "images and labels in a table, as Hugging Face's",
    }
    return rows + [{"name": f"{{name: ..., {key}: ...}}", "classes": None, "what": what} for key, what in own.items()]


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
    arguments = ", ".join(key for key in Head.model_fields if key != "name")
    rows: Rows = [{"name": name, "arguments": arguments, "what": info.summary} for name, info in heads.HEADS.items()]
    what = "the original classifier of 1000 classes, for strategy pretrained"
    return [*rows, {"name": heads.ORIGINAL, "arguments": "", "what": what}]


def _metrics() -> Rows:
    return [{"name": metric.name, "gate": metric.written_gate(), "what": metric.summary} for metric in in_order()]


def _suites() -> Rows:
    files = bundled_suites().items()
    return [{"name": name, "what": yaml.safe_load(file.read_text("utf-8")).get("description")} for name, file in files]


LISTS = {
    "backbones": _backbones,
    "datasets": _datasets,
    "strategies": _strategies,
    "heads": _heads,
    "metrics": _metrics,
    "suites": _suites,
}

"""`tlbench run`: train and measure every cell of a suite."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from tlbench.cli.options import data_option, weights_option
from tlbench.cli.progress import Terminal
from tlbench.cli.show import show_report
from tlbench.datasets.cache_dir import cache_dir
from tlbench.errors import UserError
from tlbench.execution.executors import EXECUTORS
from tlbench.execution.inputs import Inputs, Places, find_inputs
from tlbench.execution.runner import run_cells
from tlbench.results.run_folder import RunFolder
from tlbench.results.store import Store
from tlbench.suite import Suite, expand, load_suite
from tlbench.suite.cell import Cell
from tlbench.suite.select import select

SOME_FAILED = 2


@click.command()
@click.argument("suite_file", metavar="SUITE", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the run; default results/<suite>/<time>-<id>.")
@click.option("--fresh", is_flag=True, help="Start a new run even where one could be resumed or is finished.")
@click.option("--executor", type=click.Choice(list(EXECUTORS)), default="process", show_default=True)
@click.option("--select", "expression", default="", help="Only these cells: 'backbone=MobileNet* strategy=frozen,full'.")
@data_option
@weights_option
def command(
    suite_file: Path,
    out: Path | None,
    fresh: bool,
    executor: str,
    expression: str,
    data: Path | None,
    weights: Path | None,
) -> int:
    """Train and measure every cell of SUITE, then write and print its tables.

    A run that was stopped goes on where it was; a finished one answers at once.

    Example: tlbench run suites/small.yaml
    """
    console = Console(stderr=True)
    suite = load_suite(suite_file)
    cells = expand(suite)
    chosen = select(cells, expression) if expression else cells
    inputs = _find(suite, chosen if expression else cells, data, weights, console)
    folder = _folder(suite, cells, inputs, out, fresh, console)
    store = Store(folder.path)
    done = store.done_ids()
    todo = [cell for cell in chosen if cell.id not in done]
    if todo:
        _run(suite, todo, len(chosen), inputs, executor, folder, store, console)
    else:
        console.print(f"All {len(chosen)} cells are done already; --fresh measures them again.", highlight=False)
    return show_report(folder.path, [cell.id for cell in chosen])


def _find(suite: Suite, cells: Sequence[Cell], data: Path | None, weights: Path | None, console: Console) -> Inputs:
    places = Places(
        data=data,
        weights=weights,
        cache=cache_dir(),
        dataset_paths=suite.dataset_paths,
        synthetic_allowed=suite.fallback.datasets == "synthetic",
        random_allowed=suite.fallback.weights == "random",
    )
    with console.status("Looking for images and weights") as status:
        inputs = find_inputs(cells, places, lambda name, done, total: status.update(f"Decoding {name}: {done}/{total}"))
    for sentence in inputs.fallbacks():
        console.print(f"[yellow]fallback[/] {sentence}", highlight=False)
    if inputs.skipped():
        console.print(f"[yellow]skipped[/] {inputs.skipped()} files that are no images; `tlbench data check` names them")
    return inputs


def _folder(
    suite: Suite, cells: Sequence[Cell], inputs: Inputs, out: Path | None, fresh: bool, console: Console
) -> RunFolder:
    ids, sources = [cell.id for cell in cells], inputs.sources()
    found: RunFolder | None = None
    ...

"""`tlbench run`: train and measure every cell of a suite."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from tlbench.cli.options import data_option, imagenet_option, weights_option
from tlbench.cli.page import print_markdown, written_report
from tlbench.cli.progress import Terminal
from tlbench.datasets.cache_dir import cache_dir, feature_dir, most_features
from tlbench.errors import UserError
from tlbench.execution import child
from tlbench.execution.executors import EXECUTORS, Executor
from tlbench.execution.groups import grouped
from tlbench.execution.inputs import Inputs, Places, find_inputs
from tlbench.execution.job import Keep
from tlbench.execution.resume import Found, resumable
from tlbench.execution.runner import run_groups
from tlbench.execution.timing import time_cells
from tlbench.machine import side_by_side
from tlbench.measurement.environment import project_commit
from tlbench.results.run_folder import RunFolder, create, is_run, new_path, open_run, runs_under
from tlbench.results.store import Store
from tlbench.suite.cell import Cell
from tlbench.suite.expand import expand
from tlbench.suite.load import Suite, load_suite
from tlbench.suite.select import select

RESULTS = Path("results")
INTERRUPTED = 130


@click.command()
@click.argument("suite_file", metavar="SUITE", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the run; default results/<suite>/<time>-<id>.")
@click.option("--fresh", is_flag=True, help="Start a new run even where one could be resumed or is finished.")
@click.option("--executor", type=click.Choice(list(EXECUTORS)), default="process", show_default=True)
@click.option(
    "--select", "expression", default="", help="Only these cells: 'backbone=MobileNet* strategy=frozen,full'."
)
@click.option(
    "--workers",
    type=click.IntRange(1),
    help="Cells that train side by side; default 2 where memory allows, 1 on a GPU.",
)
@click.option("--untimed", is_flag=True, help="Leave the step times for later: the same command without it takes them.")
@click.option("--uncut", is_flag=True, help="Train every model whole, on images: nothing is kept of frozen layers.")
@data_option
@weights_option
@imagenet_option
def command(
    suite_file: Path,
    out: Path | None,
    fresh: bool,
    executor: str,
    expression: str,
    workers: int | None,
    untimed: bool,
    uncut: bool,
    data: Path | None,
    weights: Path | None,
    imagenet: Path | None,
) -> int:
    """Train and measure every cell of SUITE, then write and print its tables.

    A run that was stopped goes on where it was; a finished one answers at once.

    Example: tlbench run suites/small.yaml
    """
    if executor == "inline" and workers and workers > 1:
        raise UserError("--workers: the inline executor runs one cell after the other; leave out one of the two")
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    suite = load_suite(suite_file)
    for note in suite.notes:
        console.print(f"[yellow]note[/] {escape(note)}")
    cells = expand(suite)
    chosen = select(cells, expression) if expression else cells
    inputs = _find(suite, chosen, data, weights, imagenet, console)
    how = _How(
        executor=EXECUTORS[executor],
        keep=None if uncut else Keep(feature_dir(), most_features()),
        workers=workers or (1 if executor == "inline" else side_by_side()),
        timed=not untimed,
    )
    folder, done = _folder(suite, cells, chosen, inputs, out, fresh, console)
    if any(cell.id not in done for cell in chosen):
        try:
            _run(suite, chosen, inputs, how, folder, console)
        except KeyboardInterrupt:
            console.print(f"Stopped. What is finished is kept in {folder.path}; the same command goes on from there.")
            return INTERRUPTED
    else:
        console.print(f"All {len(chosen)} cells are done already; --fresh measures them again.")
        if (text := written_report(folder.path)) is not None:
            print_markdown(text)
            return 0
    from tlbench.cli.show import show_run  # pandas

    return show_run(folder, {cell.id for cell in chosen})


def _find(
    suite: Suite,
    cells: Sequence[Cell],
    data: Path | None,
    weights: Path | None,
    imagenet: Path | None,
    console: Console,
) -> Inputs:
    places = Places(
        data=data,
        weights=weights,
        imagenet=imagenet,
        cache=cache_dir(),
        dataset_paths=suite.dataset_paths,
        synthetic_allowed=suite.fallback.datasets == "synthetic",
        random_allowed=suite.fallback.weights == "random",
    )
    with console.status("Looking for images and weights") as status:

        def on_decode(name: str, done: int, total: int) -> None:
            if done == 1:
                child.warm_up_server(cells[0].backend)  # loads the framework while images are decoded
            status.update(f"Preparing {name}: {done}/{total}")

        inputs = find_inputs(cells, places, on_decode)
    for sentence in inputs.fallbacks():
        console.print(f"[yellow]fallback[/] {escape(sentence)}")
    for sentence in (*inputs.repeated(), *inputs.notes()):
        console.print(f"[yellow]note[/] {escape(sentence)}")
    for sentence in inputs.skipped():
        console.print(f"[yellow]skipped[/] {escape(sentence)}")
    return inputs


def _folder(
    suite: Suite,
    cells: Sequence[Cell],
    chosen: Sequence[Cell],
    inputs: Inputs,
    out: Path | None,
    fresh: bool,
    console: Console,
) -> tuple[RunFolder, frozenset[str]]:
    """The run's folder, new or found, and the ids of the cells that are trained and timed there."""
    ids, now = [cell.id for cell in cells], datetime.now(UTC)
    found: Found | None = None
    if out is not None and is_run(out):
        if fresh:
            raise UserError(f"--fresh: {out} holds a run already; give --out another folder")
        found = resumable([open_run(out)], ids, chosen, inputs)
        if found is None:
            raise UserError(f"{out} holds a run of other cells, images or weights; give --out another folder")
    elif out is None and not fresh:
        found = resumable(runs_under(RESULTS / suite.name), ids, chosen, inputs)
    if found is None:
        folder = create(
            out or new_path(RESULTS, suite.name, ids, now), suite.name, suite.text, ids, now, project_commit()
        )
        console.print(f"New run in {folder.path}")
        return folder, frozenset()
    for aside in found.set_aside:
        console.print(f"[yellow]set aside[/] {escape(f'{aside.path}: {aside.reason}')}")
    done, asked = found.done - found.untimed, {cell.id for cell in chosen}
    if not asked <= done:
        trained, waiting = len(asked & found.done), len(asked & found.untimed)
        untimed = f", {waiting} of them without step times" if waiting else ""
        console.print(f"Going on in {found.folder.path}: {trained} of {len(chosen)} cells are done{untimed}")
    return found.folder, done


@dataclass(frozen=True)
class _How:
    executor: Executor
    keep: Keep | None
    workers: int
    timed: bool


def _run(suite: Suite, chosen: Sequence[Cell], inputs: Inputs, how: _How, folder: RunFolder, console: Console) -> None:
    store, logs = Store(folder.path), folder.path / "logs"
    trained = {record.cell_id for record in store.read_all().records if record.status == "ok"}
    todo = [cell for cell in chosen if cell.id not in trained]
    with Terminal(console, len(chosen), len(chosen) - len(todo)) as events:
        groups = grouped([inputs.job(cell) for cell in todo], how.keep)
        run_groups(groups, how.executor, store, events, timeout=suite.timeout, logs=logs, workers=how.workers)
        if not how.timed:
            return
        readings = cache_dir() / "reference"
        time_cells(chosen, how.executor, store, events, timeout=suite.timeout, logs=logs, readings=readings)

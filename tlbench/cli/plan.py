"""`tlbench plan`: the cells of a suite."""

import json
from pathlib import Path

import click
from tabulate import tabulate

from tlbench.execution.sharing import estimates, shared_work
from tlbench.results.run_folder import is_run, runs_under
from tlbench.results.store import Store
from tlbench.suite.cell import Cell
from tlbench.suite.expand import expand
from tlbench.suite.load import load_suite
from tlbench.suite.select import select


@click.command()
@click.argument("suite_file", metavar="SUITE", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder of a run, to see what is done; default: the newest."
)
@click.option(
    "--select", "expression", default="", help="Only these cells: 'backbone=MobileNet* strategy=frozen,full'."
)
@click.option("--json", "as_json", is_flag=True, help="The whole cells, as JSON.")
def command(suite_file: Path, out: Path | None, expression: str, as_json: bool) -> None:
    """List the cells of SUITE and which of them are done. Runs nothing, looks for no data.

    Example: tlbench plan suites/small.yaml --select strategy=frozen
    """
    suite = load_suite(suite_file)
    for note in suite.notes:
        click.echo(f"note {note}", err=True)
    cells = expand(suite)
    chosen = select(cells, expression) if expression else cells
    done = _done(suite.name, [cell.id for cell in cells], out)
    if as_json:
        rows = [{"id": c.id, "label": c.label, "done": c.id in done, "cell": c.model_dump(mode="json")} for c in chosen]
        click.echo(json.dumps(rows, indent=1))
        return
    click.echo(tabulate([_row(cell, cell.id in done) for cell in chosen], HEADINGS, disable_numparse=True))
    click.echo(f"\n{len(chosen)} cells, {sum(cell.id in done for cell in chosen)} done.")
    earlier = [Store(run.path).read_all().records for run in runs_under(RESULTS / suite.name)]
    for sentence in (*shared_work(chosen), *estimates(chosen, earlier)):
        click.echo(sentence)


RESULTS = Path("results")
HEADINGS = ["Id", "Backbone", "Data set", "Strategy", "Head", "Image", "Epochs", "Rate", "Seed", "Done"]


def _row(cell: Cell, done: bool) -> list[str]:
    return [
        cell.id,
        cell.backbone.label,
        cell.dataset.label,
        cell.strategy.label,
        cell.head.label,
        str(cell.image_size),
        str(cell.train.epochs) if cell.train else "",
        f"{cell.train.learning_rate:g}" if cell.train else "",
        str(cell.seed),
        "yes" if done else "",
    ]


def _done(suite: str, ids: list[str], out: Path | None) -> set[str]:
    """Cells with an `ok` record in the run, or in the newest run of the same cells."""
    if out is not None:
        return Store(out).done_ids() if is_run(out) else set()
    for folder in runs_under(RESULTS / suite):
        if list(folder.run.cells) == ids:
            return Store(folder.path).done_ids()
    return set()

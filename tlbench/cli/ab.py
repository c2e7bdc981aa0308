"""`tlbench ab`: measure two environments in turn on one machine, and compare."""

from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from tlbench.cli.judging import Judge, Work, environments
from tlbench.cli.options import data_option, image_options, weights_option
from tlbench.cli.outputs import format_option, gate_option, gates_of, write_outputs
from tlbench.errors import UserError
from tlbench.execution.environments import CURRENT
from tlbench.execution.pairs import Effort
from tlbench.regression.decide import confirmed, flagged
from tlbench.suite.expand import expand
from tlbench.suite.load import load_suite
from tlbench.suite.select import select

RESULTS = Path("results")


@click.command()
@click.argument("suite_file", metavar="SUITE", type=click.Path(path_type=Path))
@click.option(
    "--a", "first", required=True, metavar="ENV", help="The base: 'keras==3.14.*', a python, git:REV, current."
)
@click.option("--b", "second", default=CURRENT, show_default=True, metavar="ENV", help="What is compared with it.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of both runs; default results/<suite>-ab/<time>.")
@click.option("--select", "expression", default="", help="Only these cells, as in `tlbench run`.")
@click.option("--rounds", type=click.IntRange(5), default=20, show_default=True, help="Rounds with each process.")
@click.option("--processes", type=click.IntRange(1), default=4, show_default=True, help="Processes a side, at most.")
@click.option("--minutes", type=click.FloatRange(0), default=30.0, show_default=True, help="No process is begun after.")
@click.option("--confirm/--no-confirm", default=True, show_default=True, help="Measure again what seems to be worse.")
@format_option
@gate_option
@data_option
@weights_option
def command(
    suite_file: Path,
    first: str,
    second: str,
    out: Path | None,
    expression: str,
    rounds: int,
    processes: int,
    minutes: float,
    confirm: bool,
    formats: tuple[str, ...],
    gates: tuple[str, ...],
    data: Path | None,
    weights: Path | None,
) -> int:
    """Train SUITE in two environments, measure their steps in turn, and judge the second against the first.

    An environment is a requirement that is laid over this environment, an interpreter's path, git:REVISION of the
    project in the working directory, or current. Measuring goes on until each time is decided. Exit codes are those of
    `tlbench compare`.

    Example: tlbench ab suites/ci.yaml --a "keras==3.14.*"
    """
    suite = load_suite(suite_file)
    cells = select(expand(suite), expression) if expression else expand(suite)
    place = out or RESULTS / f"{suite.name}-ab" / f"{datetime.now(UTC):%Y%m%d-%H%M%S}"
    if place.exists() and any(place.iterdir()):
        raise UserError(f"{place} is not empty; give --out another folder")
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    for note in suite.notes:
        console.print(f"[yellow]note[/] {escape(note)}")
    interpreters = environments({"a": first, "b": second}, place / "environments", console)
    work = Work(
        suite.path, image_options(data, weights), suite.timeout, Effort(processes, rounds, minutes * 60), console
    )
    judge = Judge(interpreters, lambda side: gates_of(side, gates))
    found = judge.measure(work, cells, place)
    if confirm and flagged(found):
        found = confirmed(found, judge.again(work, found, cells, place / "again"))
    console.print(f"Runs: {place / 'a'}, {place / 'b'}")
    write_outputs(found, formats)
    return found.exit_code

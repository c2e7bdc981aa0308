"""`tlbench ab`: measure two environments in turn on one machine, and compare."""

from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from tlbench.cli.options import data_option, plugin_option, weights_option
from tlbench.cli.outputs import asked_gates, asked_outputs, format_option, gate_option, write_outputs
from tlbench.cli.progress import Terminal
from tlbench.measuring.phase import Effort
from tlbench.session.ab import ab
from tlbench.session.compare import changed
from tlbench.sides.environments import CURRENT
from tlbench.suite.load import load_suite

RESULTS = Path("results")


@click.command()
@click.argument("suite_file", metavar="SUITE", type=click.Path(path_type=Path))
@click.option(
    "--a", "base", required=True, metavar="ENV", help="The base: 'keras==3.14.*', a python, git:REV, current."
)
@click.option("--b", "new", default=CURRENT, show_default=True, metavar="ENV", help="What is compared with it.")
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
@plugin_option
def command(
    suite_file: Path,
    base: str,
    new: str,
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
    project in the working directory, or current. Both execute the files of --plugin. Measuring goes on until each time
    is decided. Exit codes are those of `tlbench compare`.

    Example: tlbench ab suites/ci.yaml --a "keras==3.14.*"
    """
    outputs = asked_outputs(formats)
    suite = load_suite(suite_file)
    place = out or RESULTS / f"{suite.name}-ab" / f"{datetime.now(UTC):%Y%m%d-%H%M%S}"
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    with Terminal(console, 0, 0) as events:
        for note in suite.notes:
            events.note(note)
        comparison = ab(
            suite.path,
            base,
            new,
            out=place,
            events=events,
            select=expression,
            data=data,
            weights=weights,
            effort=Effort(processes, rounds, minutes * 60),
            gates=changed(suite.gates, asked_gates(gates)),
            confirm=confirm,
        )
    console.print(f"Runs: {place / 'a'}, {place / 'b'}")
    write_outputs(comparison, outputs)
    return comparison.exit_code

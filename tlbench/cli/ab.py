"""`tlbench ab`: measure two environments in turn on one machine, and compare them."""

from datetime import UTC, datetime
from pathlib import Path

import click

from tlbench.cli.options import PLACE, data_option, plugin_option, select_option, weights_option
from tlbench.cli.outputs import (
    also_json_option,
    format_option,
    gate_option,
    parse_gates,
    parse_outputs,
    write_outputs,
)
from tlbench.cli.overwriting import refuse_overwriting
from tlbench.cli.progress import on_stderr
from tlbench.cli.terminal import say
from tlbench.measuring.phase import Effort
from tlbench.reporting.comparison_formats import COMPARISON_FORMATS
from tlbench.session.ab import ab, interrupted
from tlbench.sides.environments import CURRENT
from tlbench.statistics.processes import FEWEST_PROCESSES
from tlbench.suite.load import load_suite

RESULTS = Path("results")


@click.command()
@click.argument("suite_file", metavar="SUITE", type=PLACE)
@click.option(
    "--a", "base", required=True, metavar="ENV", help="The base: 'keras==3.14.*', a python, git:REVISION, or current."
)
@click.option("--b", "new", default=CURRENT, show_default=True, metavar="ENV", help="The environment to compare.")
@click.option("--out", type=PLACE, help="Folder for both runs; default results/<suite>-ab/<time>.")
@select_option
@click.option("--rounds", type=click.IntRange(5), default=20, show_default=True, help="Least rounds per process.")
@click.option(
    "--processes",
    type=click.IntRange(FEWEST_PROCESSES),
    default=4,
    show_default=True,
    help="Most processes per side; no verdict follows from one.",
)
@click.option(
    "--minutes",
    type=click.FloatRange(0),
    default=30.0,
    show_default=True,
    help="Start no third or further process per side after this time.",
)
@click.option(
    "--confirm/--no-confirm", default=True, show_default=True, help="Measure again whatever seems to have regressed."
)
@format_option(COMPARISON_FORMATS)
@gate_option
@data_option
@weights_option
@also_json_option
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
    as_json: bool,
) -> int:
    """Run SUITE in two environments, time their steps in turn, and compare the second environment with the first.

    ENV is a requirement, installed on top of this environment; the path of an interpreter; git:REVISION of the project
    in the working directory; or current. Files of --plugin are executed in both. Measuring continues until every time
    is decided or the limits below are reached; two processes per side are always timed. Exit codes are those of
    `tlbench compare`.

    Example: tlbench ab suites/ci.yaml --a "keras==3.14.*"
    """
    outputs, asked = parse_outputs(formats, as_json), parse_gates(gates)
    suite = load_suite(suite_file)
    refuse_overwriting([file for *_, file in outputs], suite.path)
    place = out or RESULTS / f"{suite.name}-ab" / f"{datetime.now(UTC):%Y%m%d-%H%M%S}"
    try:
        with on_stderr() as events:
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
                gates=asked,
                confirm=confirm,
            )
    except KeyboardInterrupt:
        say(interrupted(place))
        raise
    say(f"Runs: {place / 'a'}, {place / 'b'}")
    write_outputs(comparison, outputs)
    return comparison.exit_code

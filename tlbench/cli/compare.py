"""`tlbench compare`: what changed between two runs, and whether that is a regression."""

from pathlib import Path

import click
from rich.console import Console

from tlbench.cli.options import data_option, plugin_option, weights_option
from tlbench.cli.outputs import asked_gates, asked_outputs, format_option, gate_option, write_outputs
from tlbench.cli.progress import Terminal
from tlbench.cli.terminal import say
from tlbench.core.errors import UserError
from tlbench.regression.decide import flagged
from tlbench.session import ab
from tlbench.session.compare import changed, compare
from tlbench.sides.environments import CURRENT


@click.command()
@click.argument("base", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@format_option
@gate_option
@click.option("--confirm", is_flag=True, help="Measure again, in turn, what seems to be worse; needs --base-env.")
@click.option("--base-env", metavar="ENV", help="Where the base's code runs, as `tlbench ab --a` takes it.")
@click.option("--new-env", default=CURRENT, show_default=True, metavar="ENV", help="Where the new side's code runs.")
@click.option("--suite", type=click.Path(path_type=Path), help="The suite to confirm by; default: the copy in NEW.")
@data_option
@weights_option
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@plugin_option
def command(
    base: Path,
    new: Path,
    formats: tuple[str, ...],
    gates: tuple[str, ...],
    confirm: bool,
    base_env: str | None,
    new_env: str,
    suite: Path | None,
    data: Path | None,
    weights: Path | None,
    as_json: bool,
) -> int:
    """Judge NEW against BASE: times, memory, counts and accuracy, each by its own model of noise.

    Either is a run, a folder of runs (every run is one draw), or a baseline written by `tlbench baseline save`.
    Exit codes: 0 nothing regressed, 1 something did, 2 a cell fails that did not or is missing, 3 nothing could be
    compared, or only counts where both sides have more.

    Example: tlbench compare baselines/ci.json results/ci --format text --format markdown=summary.md
    """
    asked, outputs = asked_gates(gates), asked_outputs(formats, as_json)
    comparison = compare(base, new, gates=asked)
    if confirm and base_env is None:
        raise UserError("--confirm measures the base again and needs --base-env: a requirement, a python or git:REV")
    if confirm and base_env is not None and flagged(comparison):
        suite_file = suite or ab.suite_of(new, say)
        with Terminal(Console(stderr=True, highlight=False, soft_wrap=True)) as events:
            comparison = ab.confirm(
                comparison,
                suite_file,
                base_env,
                new_env,
                events=events,
                data=data,
                weights=weights,
                gates=changed(comparison.base.gates, asked),
            )
    write_outputs(comparison, outputs)
    return comparison.exit_code

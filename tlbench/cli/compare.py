"""`tlbench compare`: what changed between two runs, and whether that is a regression."""

from pathlib import Path

import click

from tlbench.cli.outputs import format_option, gate_option, gates_of, write_outputs
from tlbench.regression.comparison import compare
from tlbench.regression.sides import load_side


@click.command()
@click.argument("base", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@format_option
@gate_option
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
def command(base: Path, new: Path, formats: tuple[str, ...], gates: tuple[str, ...], as_json: bool) -> int:
    """Judge NEW against BASE: times, memory, counts and accuracy, each by its own model of noise.

    Either is a run, a folder of runs (every run is one draw), or a baseline written by `tlbench baseline save`.
    Exit codes: 0 nothing regressed, 1 something did, 2 a cell fails that did not or is missing, 3 nothing could be
    compared.

    Example: tlbench compare baselines/ci.json results/ci --format text --format markdown=summary.md
    """
    before, after = load_side(base), load_side(new)
    comparison = compare(before, after, gates_of(after, gates))
    write_outputs(comparison, ("json",) if as_json else formats)
    return comparison.exit_code

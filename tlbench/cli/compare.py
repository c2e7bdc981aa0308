"""`tlbench compare`: what changed between two runs, and whether that is a regression."""

import tempfile
from pathlib import Path

import click
from rich.console import Console

from tlbench.cli.judging import Judge, Work, environments
from tlbench.cli.options import data_option, image_options, weights_option
from tlbench.cli.outputs import format_option, gate_option, gates_of, write_outputs
from tlbench.cli.show import find_run
from tlbench.errors import UserError
from tlbench.execution.environments import CURRENT
from tlbench.execution.pairs import Effort
from tlbench.regression.comparison import Comparison, compare
from tlbench.regression.decide import confirmed, flagged
from tlbench.regression.sides import load_side
from tlbench.results.run_folder import SUITE_FILE
from tlbench.suite.expand import expand
from tlbench.suite.load import load_suite


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
    compared.

    Example: tlbench compare baselines/ci.json results/ci --format text --format markdown=summary.md
    """
    before, after = load_side(base), load_side(new)
    comparison = compare(before, after, gates_of(after, gates))
    if confirm:
        if base_env is None:
            raise UserError(
                "--confirm measures the base again and needs --base-env: a requirement, a python or git:REV"
            )
        if flagged(comparison):
            specs, options = {"a": base_env, "b": new_env}, image_options(data, weights)
            again = _again(comparison, suite or find_run(new).path / SUITE_FILE, specs, gates, options)
            comparison = confirmed(comparison, again)
    write_outputs(comparison, ("json",) if as_json else formats)
    return comparison.exit_code


def _again(
    found: Comparison, suite_file: Path, specs: dict[str, str], gates: tuple[str, ...], options: tuple[str, ...]
) -> Comparison:
    """The flagged cells, trained and measured again in both environments."""
    suite = load_suite(suite_file)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    with tempfile.TemporaryDirectory(prefix="tlbench-confirm-") as temporary:
        place = Path(temporary)
        interpreters = environments(specs, place / "environments", console)
        work = Work(suite.path, options, suite.timeout, Effort(), console)
        judge = Judge(interpreters, lambda side: gates_of(side, gates))
        return judge.again(work, found, expand(suite), place / "runs")

"""`tlbench compare`: what changed between two runs, and whether a change is a regression."""

from pathlib import Path

import click

from tlbench.cli.options import (
    PLACE,
    data_option,
    plugin_option,
    refuse_without_effect,
    select_option,
    shard_option,
    weights_option,
)
from tlbench.cli.outputs import also_json_option, format_option, gate_option, parse_gates, parse_outputs, write_outputs
from tlbench.cli.overwriting import refuse_overwriting
from tlbench.cli.progress import on_stderr
from tlbench.cli.terminal import say
from tlbench.core.errors import UserError
from tlbench.regression.decide import flagged
from tlbench.reporting.comparison_formats import COMPARISON_FORMATS
from tlbench.session import ab
from tlbench.session.compare import changed, compare
from tlbench.sides.environments import CURRENT


@click.command()
@click.argument("base", type=PLACE)
@click.argument("new", type=PLACE)
@format_option(COMPARISON_FORMATS)
@gate_option
@select_option
@shard_option
@click.option(
    "--confirm", is_flag=True, help="Measure again, in turn, whatever seems to have regressed. Needs --base-env."
)
@click.option("--base-env", metavar="ENV", help="The environment of BASE, as for `tlbench ab --a`.")
@click.option("--new-env", default=CURRENT, show_default=True, metavar="ENV", help="The environment of NEW.")
@click.option("--suite", type=PLACE, help="The suite for --confirm and --shard; default: the copy in the run NEW.")
@data_option
@weights_option
@also_json_option
@plugin_option
def command(
    base: Path,
    new: Path,
    formats: tuple[str, ...],
    gates: tuple[str, ...],
    expression: str,
    shard: str,
    confirm: bool,
    base_env: str | None,
    new_env: str,
    suite: Path | None,
    data: Path | None,
    weights: Path | None,
    as_json: bool,
) -> int:
    """Compare times, memory, counts and accuracy of NEW with those of BASE, each by a test that suits its noise.

    BASE and NEW are runs, folders of runs (repeated measurements), or baselines written by `tlbench baseline save`.
    Exit codes: 0 no regression, 1 a regression, 2 a cell is missing or newly fails, or a number of BASE was not
    measured again, 3 nothing could be compared, or nothing but counts although both sides have more, or an accuracy
    of both sides could not be judged, since weights, images or training differ, or step times were asked for and
    neither side has any.

    Example: tlbench compare baselines/ci.json results/ci --format text --format markdown=summary.md
    """
    asked, outputs = parse_gates(gates), parse_outputs(formats, as_json)
    refuse_overwriting([file for *_, file in outputs], base, new, suite)
    if not confirm:
        refuse_without_effect("without --confirm", "base_env", "new_env", "data", "weights")
    if not confirm and not shard:
        refuse_without_effect("without --confirm or --shard", "suite")
    if confirm and base_env is None:
        raise UserError("--confirm measures BASE again and needs --base-env: a requirement, a python or git:REVISION")
    comparison = compare(base, new, gates=asked, select=expression, shard=shard, suite=suite)
    if base_env is not None and confirm and flagged(comparison):
        suite_file = suite or ab.suite_of(new, say)
        with on_stderr() as events:
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

"""`tlbench run`: train and measure every cell of a suite."""

from contextlib import suppress
from pathlib import Path

import click

from tlbench.cli.options import (
    PLACE,
    data_option,
    imagenet_option,
    plugin_option,
    select_option,
    shard_option,
    weights_option,
)
from tlbench.cli.outputs import main_results
from tlbench.cli.progress import on_stderr
from tlbench.cli.signals import exit_code
from tlbench.cli.terminal import say, say_page
from tlbench.core.text import counted
from tlbench.execution.executors import EXECUTORS
from tlbench.results.run_folder import record_files
from tlbench.session.run import run

SOME_FAILED = 2


@click.command()
@click.argument("suite_file", metavar="SUITE", type=PLACE)
@click.option("--out", type=PLACE, help="Folder of the run; default results/<suite>/<time>-<id>.")
@click.option("--fresh", is_flag=True, help="Start a new run even if one could be resumed or is finished.")
@click.option(
    "--executor",
    type=click.Choice(list(EXECUTORS)),
    default="process",
    show_default=True,
    help="Where cells run: in child processes, in this process (inline), or on a Ray cluster.",
)
@select_option
@shard_option
@click.option(
    "--workers",
    type=click.IntRange(1),
    help="Number of cells that train in parallel, each with its own GPU or share of the cores; default: one per GPU, "
    "or without GPU 2 if memory allows.",
)
@click.option(
    "--untimed", is_flag=True, help="Do not measure step times now; the same command without this option does."
)
@click.option("--uncut", is_flag=True, help="Train whole models on images, without caching features of frozen layers.")
@click.option("--budget", metavar="TIME", help="Train only the most promising cells that fit this time, as '20 min'.")
@data_option
@weights_option
@imagenet_option
@plugin_option
def command(
    suite_file: Path,
    out: Path | None,
    fresh: bool,
    executor: str,
    expression: str,
    shard: str,
    workers: int | None,
    untimed: bool,
    uncut: bool,
    budget: str | None,
    data: Path | None,
    weights: Path | None,
    imagenet: Path | None,
) -> int:
    """Train and measure every cell of SUITE, then write the report and print the main results.

    A stopped run resumes, and a finished one prints its results at once. If the suite has changed, results that are
    still valid are reused. Exit code 2 if a cell failed.

    Example: tlbench run suites/small.yaml
    """
    progress = on_stderr()
    try:
        with progress as events:
            done = run(
                suite_file,
                select=expression,
                shard=shard,
                out=out,
                fresh=fresh,
                executor=executor,
                workers=workers,
                timed=not untimed,
                cut=not uncut,
                data=data,
                weights=weights,
                imagenet=imagenet,
                budget=budget,
                events=events,
            )
    except OSError as error:
        with suppress(OSError):
            if progress.folder is not None and record_files(progress.folder):
                error.add_note(f"finished cells are kept in {progress.folder}")
        raise
    except KeyboardInterrupt as error:
        if progress.folder is None:
            raise
        again = "the same command without --fresh" if fresh else "the same command"
        say(f"Stopped. Finished cells are kept in {progress.folder}; {again} resumes the run.")
        return exit_code(error)
    if len(done.cells) < len(done.run.cells):
        say(
            f"Selected: {len(done.cells)} of {counted(len(done.run.cells), 'cell')}. The tables show every cell that "
            f"{done.path} has a record of."
        )
    click.echo(main_results(done.text, lambda: done.report), nl=False)
    if done.predicted:
        say(done.predicted)
    say_page(done)
    return SOME_FAILED if done.failed else 0

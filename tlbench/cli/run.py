"""`tlbench run`: train and measure every cell of a suite."""

from pathlib import Path

import click
from rich.console import Console

from tlbench.cli.options import data_option, imagenet_option, plugin_option, select_option, shard_option, weights_option
from tlbench.cli.progress import Terminal
from tlbench.cli.signals import exit_code
from tlbench.cli.terminal import say, say_page
from tlbench.execution.executors import EXECUTORS
from tlbench.session.run import run

SOME_FAILED = 2


@click.command()
@click.argument("suite_file", metavar="SUITE", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the run; default results/<suite>/<time>-<id>.")
@click.option("--fresh", is_flag=True, help="Start a new run even where one could be resumed or is finished.")
@click.option("--executor", type=click.Choice(list(EXECUTORS)), default="process", show_default=True)
@select_option
@shard_option
@click.option(
    "--workers",
    type=click.IntRange(1),
    help="Cells that train side by side, each with a GPU or a part of the cores of its own; default one a GPU, else 2 "
    "where memory allows.",
)
@click.option("--untimed", is_flag=True, help="Leave the step times for later: the same command without it takes them.")
@click.option("--uncut", is_flag=True, help="Train every model whole, on images: nothing is kept of frozen layers.")
@click.option("--budget", metavar="TIME", help="As '20 min': train what is most promising for as long as it fits.")
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
    """Train and measure every cell of SUITE, then write its report and print the main numbers.

    A run that was stopped goes on where it was; a finished one answers at once; of a suite that was changed, what still
    holds is taken over.

    Example: tlbench run suites/small.yaml
    """
    progress = Terminal(Console(stderr=True, highlight=False, soft_wrap=True))
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
        if progress.folder is not None and any((progress.folder / "records").glob("*.json")):
            error.add_note(f"what is finished is kept in {progress.folder}")
        raise
    except KeyboardInterrupt as error:
        if progress.folder is None:
            raise
        again = "the same command without --fresh" if fresh else "the same command"
        say(f"Stopped. What is finished is kept in {progress.folder}; {again} goes on from there.")
        return exit_code(error)
    click.echo(done.text, nl=False)
    if done.predicted:
        say(done.predicted)
    say_page(done)
    return SOME_FAILED if done.failed else 0

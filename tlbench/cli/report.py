"""`tlbench report`: tables of one or several runs."""

from pathlib import Path

import click

from tlbench.cli.show import NothingToShowError, find_run, read_runs, show_run
from tlbench.reporting.formats import FORMATS
from tlbench.reporting.output import printable, write
from tlbench.reporting.render import terminal
from tlbench.reporting.report import Report
from tlbench.reporting.views import profile


@click.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--format", "name", type=click.Choice(list(FORMATS)), help="Print this format only and write no files.")
@click.option("--output", type=click.Path(path_type=Path), help="Write to this file instead of printing.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--profile", "as_profile", is_flag=True, help="Print where the time of each cell went, and nothing else.")
def command(runs: tuple[Path, ...], name: str | None, output: Path | None, as_json: bool, as_profile: bool) -> int:
    """Write report.md, .csv and .json of RUN into its folder, and print the table.

    Several runs give one report, printed: a CPU run and a GPU run of one suite fill two columns.

    Example: tlbench report results/small
    """
    folders = [find_run(path) for path in runs]
    if as_json:
        name = "json"
    if name is None and output is None and not as_profile and len(folders) == 1:
        return show_run(folders[0])
    named = read_runs(folders)
    if not named:
        raise NothingToShowError(f"there is no record in {', '.join(str(folder.path) for folder in folders)}")
    if as_profile:
        click.echo(terminal.text(*profile.blocks([one.record for one in named])))
        return 0
    title = "tlbench: " + ", ".join(dict.fromkeys(folder.run.suite for folder in folders))
    name = name or "markdown"
    made = FORMATS[name].make(Report(title, named))
    if output is None:
        click.echo(printable(made, name), nl=False)
    else:
        write(made, output)
        click.echo(f"Report: {output}", err=True)
    return 0

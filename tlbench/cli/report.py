"""`tlbench report`: tables of one or several runs."""

from pathlib import Path

import click

from tlbench.cli.show import NothingToShowError, find_run, read_runs, show_run
from tlbench.core.files import write_atomically
from tlbench.reporting import profile
from tlbench.reporting.exports import EXPORTS
from tlbench.reporting.formats import FORMATS, Report


@click.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--format", "name", type=click.Choice([*FORMATS, *EXPORTS]), help="Print this format only and write no files."
)
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
        click.echo(profile.render([one.record for one in named]))
        return 0
    title = "tlbench: " + ", ".join(dict.fromkeys(folder.run.suite for folder in folders))
    render = EXPORTS[name] if name in EXPORTS else FORMATS[name or "markdown"][1]
    text = render(Report(title, named))
    if output is None:
        click.echo(text, nl=not text.endswith("\n"))
    else:
        write_atomically(output, text.encode())
        click.echo(f"Report: {output}", err=True)
    return 0

"""`tlbench doctor`: check whether this machine is ready to measure."""

import json
from dataclasses import asdict

import click

from tlbench.cli.options import json_option
from tlbench.cli.terminal import width
from tlbench.reporting.document import Column, Table
from tlbench.reporting.render import terminal
from tlbench.session.doctor import examine

NOT_READY = 2


@click.command()
@json_option
@click.option("--quick", is_flag=True, help="Skip measuring the machine's noise, which takes 10 seconds.")
def command(as_json: bool, quick: bool) -> int:
    """Check the machine, the packages and the folders that a run uses. Exit code 2 if a run would fail.

    The noise score is the spread of the times of a repeated reference workload (a matrix product, a convolution).

    Example: tlbench doctor
    """
    checks = examine(noise=not quick)
    if as_json:
        click.echo(json.dumps([asdict(check) for check in checks], indent=1))
    else:
        columns = (Column(""), Column("What"), Column("Found", width=60), Column("What to do", width=50))
        rows = ((check.state, check.name, check.found, check.advice) for check in checks)
        click.echo(terminal.text(Table(columns, tuple(rows)), columns=width()))
    return NOT_READY if any(check.state == "fail" for check in checks) else 0

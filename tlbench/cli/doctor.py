"""`tlbench doctor`: is this machine fit to measure on, and what is missing."""

import json
from dataclasses import asdict

import click

from tlbench.reporting.document import Column, Table
from tlbench.reporting.render import terminal
from tlbench.session.doctor import examine

MISSING = 2


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
@click.option("--quick", is_flag=True, help="Do not measure the machine's noise, which takes 10 seconds.")
def command(as_json: bool, quick: bool) -> int:
    """Look at the machine, the packages and the folders a run uses. Exit 2 where a run would not work.

    The noise score is the spread of a reference workload (a matrix product, a convolution) run again and again.

    Example: tlbench doctor
    """
    checks = examine(noise=not quick)
    if as_json:
        click.echo(json.dumps([asdict(check) for check in checks], indent=1))
    else:
        columns = (Column(""), Column("What"), Column("Found", width=60), Column("What to do", width=50))
        rows = ((check.state, check.name, check.found, check.advice) for check in checks)
        click.echo(terminal.text(Table(columns, tuple(rows))))
    return MISSING if any(check.state == "fail" for check in checks) else 0

"""`tlbench ab`: measure two environments in turn on one machine, and compare."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from tlbench.cli.options import data_option, weights_option
from tlbench.cli.outputs import format_option, gate_option, gates_of, write_outputs
from tlbench.cli.progress import Terminal
from tlbench.datasets.cache_dir import cache_dir
from tlbench.errors import UserError
from tlbench.execution import ab
from tlbench.execution.environments import CURRENT, prepare
from tlbench.execution.pairs import SIDES, Effort, Pairs
from tlbench.execution.remote import Interpreter
from tlbench.execution.timing import key_of, steps_of
from tlbench.regression.comparison import Comparison, compare
from tlbench.regression.decide import confirmed, flagged, undecided
from tlbench.regression.entries import Side
from tlbench.regression.gates import Gates
from tlbench.regression.sides import of_runs
from tlbench.suite.cell import Cell
from tlbench.suite.expand import expand
from tlbench.suite.load import load_suite
from tlbench.suite.select import select

RESULTS = Path("results")


@click.command()
@click.argument("suite_file", metavar="SUITE", type=click.Path(path_type=Path))
@click.option(
    "--a", "first", required=True, metavar="ENV", help="The base: 'keras==3.14.*', a python, git:REV, current."
)
@click.option("--b", "second", default=CURRENT, show_default=True, metavar="ENV", help="What is compared with it.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of both runs; default results/<suite>-ab/<time>.")
@click.option("--select", "expression", default="", help="Only these cells, as in `tlbench run`.")
@click.option("--rounds", type=click.IntRange(5), default=20, show_default=True, help="Rounds with each process.")
@click.option("--processes", type=click.IntRange(1), default=4, show_default=True, help="Processes a side, at most.")
@click.option("--minutes", type=click.FloatRange(0), default=30.0, show_default=True, help="No process is begun after.")
@click.option("--confirm/--no-confirm", default=True, show_default=True, help="Measure again what seems to be worse.")
@format_option
@gate_option
@data_option
@weights_option
def command(
    suite_file: Path,
    first: str,
    second: str,
    out: Path | None,
    expression: str,
    rounds: int,
    processes: int,
    minutes: float,
    confirm: bool,
    formats: tuple[str, ...],
    gates: tuple[str, ...],
    data: Path | None,
    weights: Path | None,
) -> int:
    """Train SUITE in two environments, measure their steps in turn, and judge the second against the first.

    An environment is a requirement that is laid over this environment, an interpreter's path, git:REVISION of the
    project in the working directory, or current. Measuring goes on until each time is decided. Exit codes are those of
    `tlbench compare`.

    Example: tlbench ab suites/ci.yaml --a "keras==3.14.*"
    """
    suite = load_suite(suite_file)
    cells = select(expand(suite), expression) if expression else expand(suite)
    place = out or RESULTS / f"{suite.name}-ab" / f"{datetime.now(UTC):%Y%m%d-%H%M%S}"
    if place.exists() and any(place.iterdir()):
        raise UserError(f"{place} is not empty; give --out another folder")
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    interpreters = environments({"a": first, "b": second}, place / "environments", console)
    options = [*(["--data", str(data)] if data else []), *(["--weights", str(weights)] if weights else [])]
    work = Work(suite_file, tuple(options), suite.timeout, Effort(processes, rounds, minutes * 60), console)
    judge = Judge(interpreters, lambda side: gates_of(side, gates))
    found = judge.measure(work, cells, place)
    if confirm and flagged(found):
        found = confirmed(found, judge.again(work, found, cells, place / "again"))
    console.print(f"Runs: {place / 'a'}, {place / 'b'}")
    write_outputs(found, formats)
    return found.exit_code


def environments(specs: dict[str, str], folder: Path, console: Console) -> dict[str, Interpreter]:
    """Both environments, set up where that is needed."""
    return {side: prepare(spec, folder, lambda words: console.print(f"{words} …")) for side, spec in specs.items()}


@dataclass(frozen=True)
class Work:
    """What is run on both sides, and how hard."""

    suite: Path
    options: tuple[str, ...]
    timeout: float
    effort: Effort
    console: Console


@dataclass(frozen=True)
class Judge:
    """Runs cells on both sides and compares. `gates`: from the new side."""

    interpreters: dict[str, Interpreter]
    gates: Callable[[Side], Gates]

    def measure(self, work: Work, cells: tuple[Cell, ...], out: Path) -> Comparison:
        """Both sides of `cells`, compared."""
        chosen = "id=" + ",".join(cell.id for cell in cells)
        options = (*work.options, "--select", chosen)
        order = ab.Order(work.suite, options, out, work.timeout, cache_dir() / "reference")
        wanted = self.gates(Side(name=str(work.suite), entries=(), gates=load_suite(work.suite).content.gates))
        with Terminal(work.console, len(cells), 0) as events:
            for side in SIDES:
                work.console.print(f"{side}: {self.interpreters[side].name}")
            runs = ab.run(order, self.interpreters, work.effort, deciding(cells, wanted), events)
        base, new = (of_runs([runs[side]], self._name(side)) for side in SIDES)
        return compare(base, new, self.gates(new))

    def _name(self, side: str) -> str:
        names = {one.name for one in self.interpreters.values()}
        return self.interpreters[side].name + (f" ({side})" if len(names) == 1 else "")

    def again(self, work: Work, found: Comparison, cells: tuple[Cell, ...], out: Path) -> Comparison:
        """The flagged cells of `found`, in fresh processes on both sides."""
        names = {one.cell.id for one in flagged(found)}
        work.console.print(f"Measuring again what seems to be worse: {len(names)} of {len(cells)} cells")
        return self.measure(work, tuple(cell for cell in cells if cell.id in names), out)


def deciding(cells: tuple[Cell, ...], gates: Gates) -> Callable[[Pairs], dict[str, int]]:
    """Which steps are undecided, by the strictest gate of the cells that share each."""
    limits: dict[str, float] = {}
    for cell in cells:
        for step in steps_of(cell) if cell.timing else ():
            key = key_of(cell, step)
            limits[key] = min(limits.get(key, 1.0), gates.of(cell).time)

    def left(pairs: Pairs) -> dict[str, int]:
        found = {key: (sides["a"].processes(), sides["b"].processes()) for key, sides in pairs.found.items()}
        return undecided(found, limits)

    return left

"""What `ab` and `compare --confirm` share: run cells in two environments, and compare."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from tlbench.cache.folders import cache_dir
from tlbench.cli.progress import Terminal
from tlbench.core.cell import Cell
from tlbench.execution.timing import key_of, steps_of
from tlbench.regression.comparison import Comparison, compare
from tlbench.regression.decide import flagged, undecided
from tlbench.regression.gates import Gates
from tlbench.regression.side import Side
from tlbench.session.side import side_of
from tlbench.sides import ab
from tlbench.sides.environments import prepare
from tlbench.sides.pairs import SIDES, Effort, Pairs
from tlbench.sides.remote import Interpreter
from tlbench.suite.load import load_suite


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
        wanted = self.gates(Side(name=str(work.suite), entries=(), gates=load_suite(work.suite).gates))
        with Terminal(work.console, len(cells), 0) as events:
            for side in SIDES:
                work.console.print(f"{side}: {self.interpreters[side].name}")
            runs = ab.run(order, self.interpreters, work.effort, deciding(cells, wanted), events)
        base, new = (side_of([runs[side]], self._name(side)) for side in SIDES)
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
            limits[key] = min(limits.get(key, 1.0), gates.of(cell)["time"])

    def left(pairs: Pairs) -> dict[str, int]:
        found = {key: (sides["a"].processes(), sides["b"].processes()) for key, sides in pairs.found.items()}
        return undecided(found, limits)

    return left

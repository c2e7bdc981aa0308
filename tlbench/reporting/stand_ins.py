"""Stand-ins in words: what a reader must know of every number that rests on them. Pure."""

from collections.abc import Mapping, Sequence

from tlbench.core.text import counted
from tlbench.regression.comparison import Comparison
from tlbench.regression.side import Side

Marks = tuple[str, ...]
"""The stand-ins of a cell, as `Record.fallbacks`."""


def marked(name: str, marks: Marks) -> str:
    """A name with its stand-ins: ``cats_dogs (synthetic data, drawn weights)``."""
    return f"{name} ({', '.join(marks)})" if marks else name


def note(cells: Sequence[Marks]) -> str:
    """``Stand-ins in 3 of 4 cells: synthetic data, drawn weights.``; empty if no cell has one."""
    kinds = list(dict.fromkeys(mark for marks in cells for mark in marks))
    if not kinds:
        return ""
    some = sum(map(bool, cells))
    where = counted(some, "cell") if some == len(cells) else f"{some} of {counted(len(cells), 'cell')}"
    return f"Stand-ins in {where}: {', '.join(kinds)}."


def of_side(side: Side) -> list[Marks]:
    """The stand-ins of each cell of a side."""
    return [entry.fallbacks for entry in side.entries]


def of_comparison(comparison: Comparison) -> Mapping[str, Marks]:
    """The stand-ins of each compared cell on either side, by its id."""
    entries = [*comparison.base.entries, *comparison.new.entries]
    kinds = {cell.id: dict[str, None]() for cell in comparison.cells}
    for entry in entries:
        if entry.cell.id in kinds:
            kinds[entry.cell.id] |= dict.fromkeys(entry.fallbacks)
    return {cell: tuple(marks) for cell, marks in kinds.items()}

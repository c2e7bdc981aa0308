"""Stand-ins in words: what a reader must know of every number that rests on them. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from tlbench.core.text import counted
from tlbench.regression.comparison import Comparison
from tlbench.regression.matching import match
from tlbench.regression.side import Side

Marks = tuple[str, ...]
"""The stand-ins of a cell, as `Record.fallbacks`."""


def marked(name: str, marks: Marks) -> str:
    """A name with its stand-ins: ``cats_dogs (synthetic data, drawn weights)``."""
    return f"{name} ({', '.join(marks)})" if marks else name


def note(cells: Sequence[Marks], of: str = "") -> str:
    """``Stand-ins in 3 of 4 cells: synthetic data, drawn weights.``; empty if no cell has one.

    Args:
        cells: the stand-ins of each cell.
        of: whose they are, such as `` of the base``.
    """
    kinds = list(dict.fromkeys(mark for marks in cells for mark in marks))
    if not kinds:
        return ""
    some = sum(map(bool, cells))
    where = counted(some, "cell") if some == len(cells) else f"{some} of {counted(len(cells), 'cell')}"
    return f"Stand-ins{of} in {where}: {', '.join(kinds)}."


def of_side(side: Side) -> list[Marks]:
    """The stand-ins of each cell of a side."""
    return [entry.fallbacks for entry in side.entries]


@dataclass(frozen=True)
class Sides:
    """The stand-ins of a compared cell on each side; None if the side lacks the cell."""

    base: Marks | None = None
    new: Marks | None = None

    @property
    def alike(self) -> bool:
        """Whether it makes no difference which side is meant."""
        return self.base is None or self.new is None or self.base == self.new

    @property
    def either(self) -> Marks:
        """Those of either side."""
        return tuple(dict.fromkeys([*(self.base or ()), *(self.new or ())]))

    @property
    def told(self) -> Marks:
        """As `marked` takes them: with their side if the other one has others, ``base: synthetic data``."""
        if self.alike:
            return self.either
        base, new = self.base or (), self.new or ()
        kinds = {
            "both": [mark for mark in base if mark in new],
            "base": [mark for mark in base if mark not in new],
            "new": [mark for mark in new if mark not in base],
        }
        return ("; ".join(f"{side}: {', '.join(marks)}" for side, marks in kinds.items() if marks),)


def of_comparison(comparison: Comparison) -> Mapping[str, Sides]:
    """The stand-ins of each compared cell, by its id."""
    found = {
        couple.cell.id: Sides(*(entry.fallbacks if entry else None for entry in (couple.base, couple.new)))
        for couple in match(comparison.base.entries, comparison.new.entries)
    }
    return {cell.id: found.get(cell.id, Sides()) for cell in comparison.cells}


def note_on(cells: Collection[Sides]) -> str:
    """The `note` on compared cells, or one for each side if they differ in a cell."""
    if all(each.alike for each in cells):
        return note([each.either for each in cells])
    base, new = ([each.base for each in cells], [each.new for each in cells])
    sides = ((" of the base", base), (" of the new side", new))
    return " ".join(filter(None, (note([one for one in of if one is not None], whose) for whose, of in sides)))

"""Which change of which cell matters. Plain values; a suite file fills them in."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import Field

from tlbench.core.cell import Cell, Value
from tlbench.core.selection import KEYS

KINDS = ("time", "accuracy", "memory")
Share = Annotated[float, Field(ge=0, le=1)]


class Limits(Value):
    """The changes that matter, as shares of 1: of a time, of an accuracy (2 points are 0.02), of a memory peak."""

    time: Share = 0.05
    accuracy: Share = 0.02
    memory: Share = 0.10


class CellLimits(Value):
    """Other limits for some cells; patterns are those of `--select`."""

    backbone: str | None = None
    dataset: str | None = None
    strategy: str | None = None
    head: str | None = None
    id: str | None = None
    time: Share | None = None
    accuracy: Share | None = None
    memory: Share | None = None

    def fits(self, cell: Cell) -> bool:
        """Whether every pattern fits the cell."""
        patterns = {key: value for key in KEYS if (value := getattr(self, key, None)) is not None}
        return all(_any(KEYS[key](cell), pattern.split(",")) for key, pattern in patterns.items())


class Gates(Limits):
    """The limits of a suite. The last of `cells` that fits a cell counts."""

    cells: tuple[CellLimits, ...] = ()

    def of(self, cell: Cell) -> Limits:
        """The limits of one cell."""
        limits = {kind: getattr(self, kind) for kind in KINDS}
        for other in self.cells:
            if other.fits(cell):
                limits |= {kind: value for kind in KINDS if (value := getattr(other, kind)) is not None}
        return Limits(**limits)


def _any(names: Sequence[str], patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)

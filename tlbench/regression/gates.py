"""Which change of which cell matters. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tlbench.suite.cell import Cell
from tlbench.suite.schema import GateItem, GatesSection
from tlbench.suite.select import KEYS

KINDS = ("time", "accuracy", "memory")


@dataclass(frozen=True)
class Gates:
    """The gates of a suite, and those that the command line puts in their place."""

    section: GatesSection

    def of(self, cell: Cell) -> GatesSection:
        """The gates of one cell, as shares of 1: the last item that fits it counts."""
        found = {kind: getattr(self.section, kind) for kind in KINDS}
        for item in self.section.cells:
            if _fits(item, cell):
                found |= {kind: value for kind in KINDS if (value := getattr(item, kind)) is not None}
        return GatesSection(**found)


def _fits(item: GateItem, cell: Cell) -> bool:
    patterns = {key: value for key in KEYS if (value := getattr(item, key, None)) is not None}
    return all(_any(KEYS[key](cell), pattern.split(",")) for key, pattern in patterns.items())


def _any(names: Sequence[str], patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)

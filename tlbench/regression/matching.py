"""Match the cells of two sides, and find stand-ins that make their numbers incomparable. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tlbench.core.cell import Cell
from tlbench.regression.entries import Entry

HOW = {"limit", "train", "timing", "jit", "recipe"}
"""Fields of a cell that say how it is trained and measured. Cells that differ only in them can be matched."""


@dataclass(frozen=True)
class Couple:
    """A cell that is on both sides, or only on one."""

    base: Entry | None
    new: Entry | None

    @property
    def cell(self) -> Cell:
        """The cell, of the new side if both have it."""
        entry = self.new or self.base
        if entry is None:
            raise ValueError("a couple needs an entry")
        return entry.cell


def match(base: Sequence[Entry], new: Sequence[Entry]) -> list[Couple]:
    """Match equal cells, then cells that differ only in `HOW` if the match is unique on both sides.

    Returns:
        The couples in the order of the new side, then the cells that it lacks.
    """
    matched: dict[str, Entry] = {}
    left = {entry.cell.id: entry for entry in base}
    for entry in new:
        if entry.cell.id in left:
            matched[entry.cell.id] = left.pop(entry.cell.id)
    base_only, new_only = _alone(list(left.values())), _alone([each for each in new if each.cell.id not in matched])
    for key, entry in new_only.items():
        if key in base_only:
            matched[entry.cell.id] = left.pop(base_only[key].cell.id)
    both_or_new = [Couple(matched.get(entry.cell.id), entry) for entry in new]
    return both_or_new + [Couple(entry, None) for entry in left.values()]


def apart_from_how(cell: Cell) -> str:
    """A key that is the same for cells that can be matched."""
    return cell.model_dump_json(exclude=HOW)


def counterparts(cells: Sequence[Cell], chosen: Sequence[Cell]) -> set[str]:
    """The ids of `cells` that `chosen` stand for: equal cells, or else those that differ only in `HOW`."""
    ids = {cell.id for cell in cells}
    keys = {apart_from_how(cell) for cell in chosen if cell.id not in ids}
    equal = ids & {cell.id for cell in chosen}
    return equal | {cell.id for cell in cells if cell.id not in equal and apart_from_how(cell) in keys}


def _alone(entries: Sequence[Entry]) -> dict[str, Entry]:
    """The entries that are unique apart from the fields in `HOW`, by their other fields."""
    keys = [apart_from_how(entry.cell) for entry in entries]
    seen = Counter(keys)
    return {key: entry for key, entry in zip(keys, entries, strict=True) if seen[key] == 1}


def other_stand_ins(base: Entry, new: Entry) -> str:
    """Why no measured numbers of two entries can be compared, if their stand-ins differ; else empty."""
    if base.fallbacks == new.fallbacks:
        return ""
    base_named, new_named = (", ".join(entry.fallbacks) or "none" for entry in (base, new))
    return f"stand-ins differ: {base_named} in the base, {new_named} now"


ANOTHER_WAY = "trained in another way"


def trained_in_another_way(base: Entry, new: Entry) -> bool:
    """Whether two matched cells differ in their settings of training, or in how many images they take."""
    return base.cell.train != new.cell.train or base.cell.limit != new.cell.limit


def other_optimizer(base: Entry, new: Entry) -> bool:
    """Whether the training steps of two matched cells differ (`Cell.timing_key`)."""
    before, now = base.cell.train, new.cell.train
    return (before and before.optimizer) != (now and now.optimizer)

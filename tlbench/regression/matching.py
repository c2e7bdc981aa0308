"""Which cell of one side is which of the other, and what keeps their numbers from being compared. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tlbench.core.cell import Cell
from tlbench.regression.entries import Entry

HOW = {"limit", "train", "timing", "jit", "recipe"}
"""Fields of a cell that say how it is trained and measured, not which one it is."""


@dataclass(frozen=True)
class Couple:
    """A cell on both sides, or on one."""

    base: Entry | None
    new: Entry | None

    @property
    def cell(self) -> Cell:
        """The cell, as the new side has it where both do. Raises ValueError where there is none on either."""
        entry = self.new or self.base
        if entry is None:
            raise ValueError("a couple of nothing")
        return entry.cell


def match(base: Sequence[Entry], new: Sequence[Entry]) -> list[Couple]:
    """Couple equal cells; then, of the others, those that are alone of their backbone, data set, strategy, head, size,
    seed, precision and backend on both sides. In the order of the new side, what is missing last.
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


def _alone(entries: Sequence[Entry]) -> dict[str, Entry]:
    """Those that no other of `entries` is like, by what they are alike in."""
    keys = [entry.cell.model_dump_json(exclude=HOW) for entry in entries]
    seen = Counter(keys)
    return {key: entry for key, entry in zip(keys, entries, strict=True) if seen[key] == 1}


def other_stand_ins(base: Entry, new: Entry) -> str:
    """Why no measured number of two cells can be compared: they rest on other stand-ins; empty where they do not."""
    if base.fallbacks == new.fallbacks:
        return ""
    base_named, new_named = (", ".join(entry.fallbacks) or "none" for entry in (base, new))
    return f"stand-ins differ: {base_named} in the base, {new_named} now"

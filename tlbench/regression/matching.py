"""Match the cells of two sides, and find stand-ins that make their numbers incomparable. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import combinations

from tlbench.core.cell import Cell
from tlbench.regression.entries import Entry

HOW = ("recipe", "timing", "jit", "limit", "train")
"""Fields of a cell that say how it is trained and measured. Cells that differ only in them can be matched."""
EDITION = (frozenset({"recipe"}),)
LOOSER = tuple(frozenset(fields) for size in range(1, len(HOW) + 1) for fields in combinations(HOW, size))
"""The fields that may differ, the fewest first: the order in which cells are matched that are not equal."""
Key = tuple[str, ...]


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
    """Match the entries of the cells that `paired` matches.

    Returns:
        The couples in the order of the new side, then the cells that it lacks.
    """
    pairs = paired([entry.cell for entry in base], [entry.cell for entry in new])
    by_id, taken = {entry.cell.id: entry for entry in base}, set(pairs.values())
    both_or_new = [Couple(by_id.get(pairs.get(entry.cell.id, "")), entry) for entry in new]
    return both_or_new + [Couple(entry, None) for entry in base if entry.cell.id not in taken]


def paired(base: Sequence[Cell], new: Sequence[Cell], may_differ: Sequence[Set[str]] = LOOSER) -> dict[str, str]:
    """The id of the base's cell for each cell of the new side that has a counterpart there.

    Equal cells are matched first, then those that differ in no other fields than the first of `may_differ`, the second
    and so on, where the match is unique on both sides.
    """
    ids = {cell.id for cell in base}
    pairs = {cell.id: cell.id for cell in new if cell.id in ids}
    keys_of_base = {cell.id: _key(cell) for cell in base if cell.id not in pairs}
    keys_of_new = {cell.id: _key(cell) for cell in new if cell.id not in pairs}
    for fields in may_differ:
        of_base, of_new = _alone(keys_of_base, fields), _alone(keys_of_new, fields)
        found = {cell_id: of_base[key] for key, cell_id in of_new.items() if key in of_base}
        for cell_id, base_id in found.items():
            del keys_of_new[cell_id], keys_of_base[base_id]
        pairs |= found
    return pairs


def apart_from_how(cell: Cell) -> str:
    """A key that is the same for cells that can be matched."""
    return cell.model_dump_json(exclude=set(HOW))


def _key(cell: Cell) -> Key:
    """What a cell is apart from `HOW`, and each of these fields."""
    return (apart_from_how(cell), *(cell.model_dump_json(include={field}) for field in HOW))


def counterparts(cells: Sequence[Cell], chosen: Sequence[Cell]) -> set[str]:
    """The ids of `cells` that `chosen` stand for: equal cells, or else those that differ only in `HOW`."""
    ids = {cell.id for cell in cells}
    keys = {apart_from_how(cell) for cell in chosen if cell.id not in ids}
    equal = ids & {cell.id for cell in chosen}
    return equal | {cell.id for cell in cells if cell.id not in equal and apart_from_how(cell) in keys}


def _alone(keys: Mapping[str, Key], fields: Set[str]) -> dict[Key, str]:
    """The ids of the cells that are unique apart from some fields, by their other fields."""
    kept = [0, *(place for place, field in enumerate(HOW, 1) if field not in fields)]
    apart = {cell_id: tuple(key[place] for place in kept) for cell_id, key in keys.items()}
    seen = Counter(apart.values())
    return {key: cell_id for cell_id, key in apart.items() if seen[key] == 1}


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

"""Which cell of one side is which of the other, and what keeps their numbers from being compared. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from tlbench.regression.entries import Entry, Times, conditions

HOW = {"limit", "train", "timing", "jit", "recipe"}
"""Fields of a cell that say how it is trained and measured, not which one it is."""


@dataclass(frozen=True)
class Couple:
    """A cell on both sides, or on one."""

    base: Entry | None
    new: Entry | None


def match(base: Sequence[Entry], new: Sequence[Entry]) -> list[Couple]:
    """Couple equal cells; then, of the others, those that are alone of their backbone, data set, strategy, head, size,
    seed, precision and backend on both sides. In the order of the new side, what is missing last.
    """
    found: dict[str, Entry] = {}
    left = {one.cell.id: one for one in base}
    for one in new:
        if one.cell.id in left:
            found[one.cell.id] = left.pop(one.cell.id)
    here, there = _only([one for one in new if one.cell.id not in found]), _only(list(left.values()))
    for key, one in here.items():
        if key in there:
            found[one.cell.id] = left.pop(there[key].cell.id)
    return [*(Couple(found.get(one.cell.id), one) for one in new), *(Couple(one, None) for one in left.values())]


def _only(entries: Sequence[Entry]) -> dict[str, Entry]:
    keys = [one.cell.model_dump_json(exclude=HOW) for one in entries]
    return {key: one for key, one in zip(keys, entries, strict=True) if keys.count(key) == 1}


def why_not(base: Entry, new: Entry, *, trained: bool = False) -> str:
    """Why numbers of two cells cannot be compared; empty where they can. `trained`: numbers that training decides."""
    if base.fallbacks != new.fallbacks:
        sides = [", ".join(one.fallbacks) or "none" for one in (base, new)]
        return f"stand-ins differ: {sides[0]} in the base, {sides[1]} now"
    if not trained:
        return ""
    if base.data != new.data:
        return "trained and tested on other images"
    if base.weights != new.weights:
        return "started from other weights"
    if base.cell.recipe != new.cell.recipe:
        return f"trained by another recipe (edition {base.cell.recipe} in the base, {new.cell.recipe} now)"
    if base.cell.train != new.cell.train or base.cell.limit != new.cell.limit:
        return "trained in another way"
    return ""


def why_not_times(base: Entry, new: Entry, before: Times, after: Times) -> str:
    """Why two times of a step cannot be compared; empty where they can."""
    if base.machine != new.machine:
        changed = [
            key for key in sorted({*base.machine, *new.machine}) if base.machine.get(key) != new.machine.get(key)
        ]
        return f"taken on another machine ({', '.join(changed)} differ)"
    one, other = conditions(before), conditions(after)
    changed = [key.replace("_", " ") for key in one if one[key] != other[key]]
    if changed:
        return f"timed in another way ({', '.join(changed)} differ)"
    return why_not(base, new)

"""Notes on a comparison as a whole: what differs between the sides, and cells that may be the same. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from tlbench.core.cell import Cell
from tlbench.regression.gates import Gates
from tlbench.regression.matching import Couple
from tlbench.regression.metrics.registry import METRICS
from tlbench.regression.side import Side
from tlbench.results.measured import version_changes


def namesakes(couples: Sequence[Couple]) -> list[str]:
    """A note on cells that are both missing and new under the same label, with the settings in which they differ."""
    gone: dict[str, list[Cell]] = {}
    for couple in couples:
        if couple.new is None:
            gone.setdefault(couple.cell.label, []).append(couple.cell)
    pairs = []
    for cell in (couple.cell for couple in couples if couple.base is None):
        if candidates := gone.get(cell.label):
            differences = [len(_changed(old, cell)) for old in candidates]
            pairs.append((candidates.pop(differences.index(min(differences))), cell))
    if not pairs:
        return []
    changed = [_changed(*pair) for pair in pairs]
    said = [one[name] for name in Cell.model_fields for one in changed if name in one]
    what = ", ".join(dict.fromkeys(said))
    are = "1 cell is" if len(pairs) == 1 else f"{len(pairs)} cells are"
    return [f"{are} missing and new under the same name, since these differ: {what}"]


def _changed(old: Cell, new: Cell) -> dict[str, str]:
    """The settings in which two cells differ, by name, each with both values if they are short: ``seed 0 → 1``."""
    values = {name: (getattr(old, name), getattr(new, name)) for name in type(old).model_fields}
    return {
        name: f"{name} {before} → {now}" if isinstance(before, str | int) and isinstance(now, str | int) else name
        for name, (before, now) in values.items()
        if before != now
    }


def between(base: Side, new: Side) -> tuple[str, ...]:
    """The notes of both sides, and the versions, variables, metrics and gates in which they differ."""
    notes = [*base.notes, *new.notes]
    if base.entries and new.entries:
        changes = {
            what: version_changes(*(_all(map(of, side.entries)) for side in (base, new)))
            for what, of in (
                ("versions", lambda entry: entry.versions),
                ("versions of step times", lambda entry: entry.steps_versions),
                ("environment variables", lambda entry: entry.variables),
            )
        }
        if changes["versions of step times"] == changes["versions"]:
            del changes["versions of step times"]
        notes += [f"{what}: {', '.join(changed)}" for what, changed in changes.items() if changed]
        unknown = sorted({name for entry in base.entries for name in entry.extra if name not in METRICS})
        notes += [f"not compared, since no installed package has the metric: {', '.join(unknown)}"] if unknown else []
        notes += _other_gates(base.gates, new.gates)
    return tuple(notes)


def _other_gates(base: Gates, new: Gates) -> list[str]:
    """A note if the gates of the sides differ. The base's apply, so that a change cannot weaken its own gates."""
    if base == new:
        return []
    asked = {side: gates.everywhere() for side, gates in (("base", base), ("new", new))}
    differ = [
        f"{name} {share:g} in the base, {asked['new'][name]:g} now"
        for name, share in asked["base"].items()
        if name in asked["new"] and asked["new"][name] != share
    ]
    return [f"gates differ, and those of the base count: {'; '.join(differ) or 'those of some cells'}"]


def _all(several: Iterable[Mapping[str, str]]) -> dict[str, str]:
    return {name: value for one in several for name, value in one.items()}

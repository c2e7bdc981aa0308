"""How numbers moved over many runs: series, and where they changed. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from tlbench.core.cell import Cell
from tlbench.regression.metrics.registry import in_order
from tlbench.regression.side import Side
from tlbench.statistics.changepoints import ChangePoint, changes_of_all


@dataclass(frozen=True)
class Point:
    """One run's number. `versions`: of packages, and the commit of the user's project."""

    run: str
    created: str
    versions: dict[str, str]
    value: float


@dataclass(frozen=True)
class Change:
    """A number moved from the median `before` to `after`, first seen in `at`; `since` is the run before that."""

    at: Point
    since: Point
    before: float
    after: float
    p: float

    @property
    def causes(self) -> list[str]:
        """Versions that differ between the two runs."""
        names = sorted({*self.at.versions, *self.since.versions})
        pairs = [
            (name, self.since.versions.get(name, "absent"), self.at.versions.get(name, "absent")) for name in names
        ]
        return [f"{name} {old} → {new}" for name, old, new in pairs if old != new]


@dataclass(frozen=True)
class Series:
    """One number of one cell on one machine, the oldest run first. `cell`: its label, and what it differs in from
    others of that label.
    """

    cell: str
    name: str
    unit: str
    machine: str
    points: tuple[Point, ...]
    changes: tuple[Change, ...]


def series(sides: Sequence[Side]) -> list[Series]:
    """All series of `sides`, each a single run: the numbers that metrics follow, metric by metric within each cell.

    Numbers that depend on the machine are different series on different machines. Changes are looked for in all series
    together, since a page of many has many chances of a false one. A cell with another setting, as of its image size,
    is another cell: its numbers begin a series of their own.
    """
    names = _names(entry.cell for side in sides for entry in side.entries if entry.ok)
    points: dict[tuple[str, str, str, str], list[Point]] = {}
    exact = set[tuple[str, str, str, str]]()
    for side in sorted(sides, key=lambda side: side.created):
        commit = {"commit": side.commit[:12]} if side.commit else {}
        for entry in (entry for entry in side.entries if entry.ok):
            name = names[_identity(entry.cell)]
            for metric in in_order():
                for number in metric.followed(entry):
                    machine = entry.steps_machine if number.of_step else entry.machine
                    versions = entry.steps_versions if number.of_step else entry.versions
                    key = (name, number.name, number.unit, _named(machine) if metric.machine_bound else "")
                    point = Point(side.name, side.created, versions | commit, number.value)
                    points.setdefault(key, []).append(point)
                    exact |= {key} if metric.exact else set()
    noisy = [key for key in points if key not in exact]
    places = dict(zip(noisy, changes_of_all([_values(points[key]) for key in noisy]), strict=True))
    places |= {key: _differences(_values(points[key])) for key in exact}
    return [
        Series(*key, points=tuple(several), changes=tuple(_changes(several, places[key])))
        for key, several in points.items()
    ]


MEASURED = {"timing", "recipe"}
"""Fields of a cell that say how much is measured, or come with tlbench's own version."""


def _identity(cell: Cell) -> str:
    return cell.model_dump_json(exclude=MEASURED)


def _names(cells: Iterable[Cell]) -> dict[str, str]:
    """What each is called, by its identity: the label, with the settings that differ among those of the same label."""
    alike: dict[str, dict[str, dict[str, str]]] = {}
    for cell in cells:
        settings = dict(_flat("", cell.model_dump(mode="json", exclude=MEASURED)))
        alike.setdefault(cell.label, {})[_identity(cell)] = settings
    names = {}
    for label, group in alike.items():
        keys = sorted({key for settings in group.values() for key in settings})
        keys = [key for key in keys if len({settings.get(key) for settings in group.values()}) > 1]
        for identity, settings in group.items():
            names[identity] = " · ".join([label, *(f"{key} {settings.get(key, 'none')}" for key in keys)])
    return names


def _flat(name: str, value: Any) -> Iterable[tuple[str, str]]:
    """``train.epochs`` and its value, of every setting."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flat(f"{name}.{key}" if name else key, inner)
    else:
        yield name, "none" if value is None else str(value)


def _named(machine: Mapping[str, str]) -> str:
    threads = machine.get("threads")
    return ", ".join(filter(None, [machine.get("cpu"), machine.get("gpu"), f"{threads} threads" if threads else ""]))


def _values(points: Sequence[Point]) -> list[float]:
    return [point.value for point in points]


def _differences(values: Sequence[float]) -> list[ChangePoint]:
    """Of exact numbers every difference is a change."""
    return [ChangePoint(index, 0.0) for index in range(1, len(values)) if values[index] != values[index - 1]]


def _changes(points: Sequence[Point], places: Sequence[ChangePoint]) -> list[Change]:
    """The changes at `places`, each with the levels before and after it."""
    values = _values(points)
    ends = [0, *(place.index for place in places), len(values)]
    return [
        Change(
            at=points[place.index],
            since=points[place.index - 1],
            before=median(values[ends[number] : place.index]),
            after=median(values[place.index : ends[number + 2]]),
            p=place.p,
        )
        for number, place in enumerate(places)
    ]

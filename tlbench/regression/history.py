"""How numbers moved over many runs: series, and where they changed. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from tlbench.regression.entries import Entry
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
    """One number of one cell on one machine, the oldest run first."""

    cell: str
    name: str
    unit: str
    machine: str
    points: tuple[Point, ...]
    changes: tuple[Change, ...]


def series(sides: Sequence[Side]) -> list[Series]:
    """All series of `sides`, each a single run: the numbers that metrics follow, metric by metric within each cell.

    Numbers that depend on the machine are different series on different machines. Changes are looked for in all series
    together, since a page of many has many chances of a false one.
    """
    points: dict[tuple[str, str, str, str], list[Point]] = {}
    exact = set[tuple[str, str, str, str]]()
    for side in sorted(sides, key=lambda side: side.created):
        commit = {"commit": side.commit[:12]} if side.commit else {}
        for entry in (entry for entry in side.entries if entry.ok):
            for metric in in_order():
                machine = _machine(entry) if metric.machine_bound else ""
                for number in metric.followed(entry):
                    key = (entry.cell.label, number.name, number.unit, machine)
                    point = Point(side.name, side.created, entry.versions | commit, number.value)
                    points.setdefault(key, []).append(point)
                    exact |= {key} if metric.exact else set()
    noisy = [key for key in points if key not in exact]
    places = dict(zip(noisy, changes_of_all([_values(points[key]) for key in noisy]), strict=True))
    places |= {key: _differences(_values(points[key])) for key in exact}
    return [
        Series(*key, points=tuple(several), changes=tuple(_changes(several, places[key])))
        for key, several in points.items()
    ]


def _machine(entry: Entry) -> str:
    threads = entry.machine.get("threads")
    return ", ".join(
        filter(None, [entry.machine.get("cpu"), entry.machine.get("gpu"), f"{threads} threads" if threads else ""])
    )


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

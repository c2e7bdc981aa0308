"""How numbers moved over many runs: series, and where they changed. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from tlbench.regression.entries import Entry, Side
from tlbench.statistics.changepoints import ChangePoint, change_points

COUNTS = ("params", "flops")


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
    """All series of `sides`, each a single run. Times and memory of different machines are different series."""
    found: dict[tuple[str, str, str, str], list[Point]] = {}
    for side in sorted(sides, key=lambda one: one.created):
        commit = {"commit": side.commit[:12]} if side.commit else {}
        for entry in side.entries:
            for name, unit, machine, value in _numbers(entry):
                point = Point(side.name, side.created, entry.versions | commit, value)
                found.setdefault((entry.cell.label, name, unit, machine), []).append(point)
    return [
        Series(*key, points=tuple(points), changes=tuple(_changes(key[1], points))) for key, points in found.items()
    ]


def _numbers(entry: Entry) -> list[tuple[str, str, str, float]]:
    """Name, unit, machine (empty where it does not matter) and value of what is followed."""
    if not entry.ok:
        return []
    machine = ", ".join(filter(None, [entry.machine.get("cpu"), entry.machine.get("gpu"), _threads(entry)]))
    found: list[tuple[str, str, str, float]] = []
    if entry.images and entry.correct is not None:
        found.append(("accuracy", "%", "", 100 * entry.correct / entry.images))
    for times in entry.times:
        draw = times.draws[0]
        if draw.normalised is not None:
            found.append((f"{times.name}, normalised", "", machine, draw.normalised))
        found.append((times.name, "ms", machine, draw.median * 1000))
    if entry.memory:
        found.append(("peak memory", "MiB", machine, entry.memory[0] / 2**20))
    found += [(name, "", "", value) for name, value in entry.counts.items() if name in COUNTS]
    return found


def _threads(entry: Entry) -> str:
    threads = entry.machine.get("threads")
    return f"{threads} threads" if threads else ""


def _changes(name: str, points: Sequence[Point]) -> list[Change]:
    """Counts are exact: every difference is a change."""
    values = [point.value for point in points]
    places = change_points(values)
    if name in COUNTS:
        places = [ChangePoint(index, 0.0) for index in range(1, len(values)) if values[index] != values[index - 1]]
    ends = [0, *(one.index for one in places), len(values)]
    return [
        Change(
            at=points[one.index],
            since=points[one.index - 1],
            before=_middle(values[ends[number] : one.index]),
            after=_middle(values[one.index : ends[number + 2]]),
            p=one.p,
        )
        for number, one in enumerate(places)
    ]


def _middle(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2

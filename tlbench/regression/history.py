"""Follow numbers over many runs, and find where they changed. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from tlbench.core.cell import Cell
from tlbench.regression.entries import Entry
from tlbench.regression.metrics.registry import in_order
from tlbench.regression.metrics.time import PARTS
from tlbench.regression.side import Side
from tlbench.results.measured import version_changes
from tlbench.statistics.changepoints import ChangePoint, changes_of_all


@dataclass(frozen=True)
class Point:
    """The value of a number in one run; `versions` are those of packages, and the commit of the user's project."""

    run: str
    created: str
    versions: dict[str, str]
    value: float


@dataclass(frozen=True)
class Change:
    """A change from the median `before` to the median `after`, first seen in run `at`; `since` is the run before."""

    at: Point
    since: Point
    before: float
    after: float
    p: float

    @property
    def causes(self) -> list[str]:
        """The versions that differ between the two runs."""
        return version_changes(self.since.versions, self.at.versions)


@dataclass(frozen=True)
class Series:
    """A number of a cell on one machine over time.

    Attributes:
        cell: the cell's label, with the settings in which it differs from other cells of that label.
        name: the name of the number.
        unit: its unit.
        machine: the machine; empty for numbers that do not depend on it.
        points: the values, the oldest run first.
        changes: where they changed.
    """

    cell: str
    name: str
    unit: str
    machine: str
    points: tuple[Point, ...]
    changes: tuple[Change, ...]
    stand_ins: tuple[str, ...] = ()
    trained_from: tuple[str, ...] = ()

    @property
    def number(self) -> str:
        """Its name, with what it rests on: ``accuracy · synthetic data, drawn weights · images 3f2a90c1``."""
        return " · ".join(filter(None, (self.name, ", ".join(self.stand_ins), *self.trained_from)))


@dataclass(frozen=True)
class _Key:
    """What the points of one series have in common."""

    cell: str
    name: str
    unit: str
    machine: str
    stand_ins: tuple[str, ...]
    trained_from: tuple[str, ...]


TRAINED_FROM = ("images", "weights", "recipe edition")
"""What `_Key.trained_from` holds, in order. `compare` does not judge accuracies in which one of them differs either."""


def series(sides: Sequence[Side]) -> list[Series]:
    """The series of all numbers that metrics follow, from sides that are a single run each.

    Numbers that depend on the machine form a series per machine, and cells with different settings form series of
    their own. Changes are searched in all series together, to control the chance of a false one among many.
    """
    followed = [entry for side in sides for entry in side.entries if entry.ok]
    names = _names(entry.cell for entry in followed)
    machines = _machines([*(entry.machine for entry in followed), *(entry.steps_machine for entry in followed)])
    points: dict[_Key, list[Point]] = {}
    exact = set[_Key]()
    for side in sorted(sides, key=lambda side: side.created):
        commit = {"commit": side.commit[:12]} if side.commit else {}
        for entry in (entry for entry in side.entries if entry.ok):
            name = names[_identity(entry.cell)]
            for metric in in_order():
                for number in metric.followed(entry):
                    machine = entry.steps_machine if number.of_step else entry.machine
                    versions = entry.steps_versions if number.of_step else entry.versions
                    key = _Key(
                        name,
                        number.name,
                        number.unit,
                        machines[_parts(machine)] if metric.machine_bound else "",
                        () if metric.exact else entry.fallbacks,
                        () if metric.exact or metric.machine_bound else _trained_from(entry),
                    )
                    point = Point(side.name, side.created, versions | commit, number.value)
                    points.setdefault(key, []).append(point)
                    exact |= {key} if metric.exact else set()
    noisy = [key for key in points if key not in exact]
    places = dict(zip(noisy, changes_of_all([_values(points[key]) for key in noisy]), strict=True))
    places |= {key: _differences(_values(points[key])) for key in exact}
    alike: dict[_Key, list[tuple[str, ...]]] = {}
    for key in points:
        alike.setdefault(replace(key, trained_from=()), []).append(key.trained_from)
    return [
        Series(
            key.cell,
            key.name,
            key.unit,
            key.machine,
            tuple(several),
            tuple(_changes(several, places[key])),
            key.stand_ins,
            _apart(key.trained_from, alike[replace(key, trained_from=())]),
        )
        for key, several in points.items()
    ]


DIGITS = 8
"""Of a fingerprint, to tell images or weights apart."""
MEASURED = {"timing", "recipe"}
"""Fields that do not make another cell: how much is measured, and the version of the recipes."""


def _trained_from(entry: Entry) -> tuple[str, ...]:
    """The images, the weights and the edition of the recipe of an entry."""
    basis = entry.basis
    return basis.images, basis.weights, str(entry.cell.recipe)


def _apart(own: tuple[str, ...], all_of: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The parts of what a series was trained from that tell it from the others of its name: ``images 3f2a90c1``."""
    return tuple(
        f"{what} {one[:DIGITS]}"
        for what, one, several in zip(TRAINED_FROM, own, zip(*all_of, strict=True), strict=False)
        if len(set(several)) > 1 and one
    )


def _identity(cell: Cell) -> str:
    return cell.model_dump_json(exclude=MEASURED)


def _names(cells: Iterable[Cell]) -> dict[str, str]:
    """The name of each cell, by its identity: the label, with the settings that differ among cells of that label.

    Of settings that tell the same cells apart, such as the numbers of training and of test images, the first is enough.
    """
    alike: dict[str, dict[str, dict[str, str]]] = {}
    for cell in cells:
        settings = dict(_flat("", cell.model_dump(mode="json", exclude=MEASURED)))
        alike.setdefault(cell.label, {})[_identity(cell)] = settings
    names = {}
    for label, group in alike.items():
        keys = _differing([*group.values()])
        keys = list(
            {_alike([settings.get(key) for settings in group.values()]): key for key in reversed(keys)}.values()
        )
        keys.sort()
        for identity, settings in group.items():
            names[identity] = " · ".join([label, *(f"{key} {settings.get(key, 'none')}" for key in keys)])
    return names


def _differing(group: Sequence[Mapping[str, str]]) -> list[str]:
    """The keys by which some mappings can be told apart, sorted."""
    keys = sorted({key for one in group for key in one})
    return [key for key in keys if len({one.get(key) for one in group}) > 1]


def _alike(values: Sequence[str | None]) -> tuple[int, ...]:
    """Which of some values are equal: for each the place of the first that equals it."""
    return tuple(values.index(value) for value in values)


def _flat(name: str, value: Any) -> Iterable[tuple[str, str]]:
    """All settings of a nested mapping by dotted name, such as ``train.epochs``."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flat(f"{name}.{key}" if name else key, inner)
    else:
        yield name, "none" if value is None else str(value)


def _machines(found: Iterable[Mapping[str, str]]) -> dict[frozenset[tuple[str, str]], str]:
    """The name of each machine, by its parts: CPU, GPU and threads, with whatever else tells machines apart that are
    alike in these. `compare` does not judge such machines against each other either.
    """
    alike: dict[str, list[Mapping[str, str]]] = {}
    for machine in found:
        threads = machine.get("threads")
        parts = [machine.get("cpu"), machine.get("gpu"), f"{threads} threads" if threads else ""]
        alike.setdefault(", ".join(filter(None, parts)), []).append(machine)
    names = {}
    for name, group in alike.items():
        keys = _differing(group)
        for machine in group:
            names[_parts(machine)] = ", ".join(
                [name, *(f"{PARTS.get(key, key)} {machine.get(key, 'unknown')}" for key in keys)]
            )
    return names


def _parts(machine: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset(machine.items())


def _values(points: Sequence[Point]) -> list[float]:
    return [point.value for point in points]


def _differences(values: Sequence[float]) -> list[ChangePoint]:
    """The changes of exact numbers: every difference is one."""
    return [ChangePoint(index, 0.0) for index in range(1, len(values)) if values[index] != values[index - 1]]


def _changes(points: Sequence[Point], places: Sequence[ChangePoint]) -> list[Change]:
    """The changes at `places`, each with the medians before and after it."""
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

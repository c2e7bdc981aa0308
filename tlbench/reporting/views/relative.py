"""Step times relative to the run's anchor, with which every model took turns, so they are precise. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tlbench.core.cell import StepName
from tlbench.core.text import DASH, three_digits
from tlbench.reporting.report import RunRecord
from tlbench.results.measured import Relative, StepTiming

Place = tuple[str, StepName]
"""A kind of device and a step, for which a table has a column of times."""
PLACES: tuple[Place, ...] = (("cpu", "inference"), ("gpu", "inference"), ("cpu", "training"), ("gpu", "training"))

SHARP = 0.10
"""Relative times with wider intervals are marked where the interval is not shown."""


@dataclass(frozen=True)
class TimeColumns:
    """How a table shows times.

    Attributes:
        anchors: the name of the anchor, for each place that has a column of relative times.
        marks: whether unstable times are marked; not if all times are unstable.
        of_several_runs: the kinds of device on which several runs were timed.
    """

    anchors: Mapping[Place, str] = field(default_factory=dict)
    marks: bool = True
    of_several_runs: frozenset[str] = frozenset()

    @classmethod
    def of(cls, group: Sequence[RunRecord], among: Sequence[RunRecord] = ()) -> "TimeColumns":
        """The columns for a table of some records.

        Args:
            group: the records of the table.
            among: all records of the report, by default `group`. The anchor may be any of these, and whether unstable
                times are marked is the same in all tables of a report.
        """
        every = among or group
        steps = [step for row in every if row.record.timings for step in row.record.timings.steps]
        runs = {(row.record.timings.device, row.run) for row in group if row.record.timings}
        devices = [device for device, _ in runs]
        several = frozenset(device for device in devices if devices.count(device) > 1)
        return cls(_anchors(group, every), any(step.stable for step in steps), several)

    @property
    def anchor(self) -> str:
        """The names of the anchors; empty without relative times."""
        return " and ".join(dict.fromkeys(self.anchors.values()))

    def headings(self, places: Sequence[Place] = PLACES, where: str = "") -> list[str]:
        """The headings of the time in ms at each of `places`, and of the relative time before it, if there is one.

        Args:
            places: the places.
            where: the text in brackets; by default the device.
        """
        return [
            heading
            for device, step in places
            for said in [where or device.upper()]
            for heading in (
                *([f"Relative time per {step} step ({said})"] if (device, step) in self.anchors else ()),
                f"Time (ms) per {step} step ({said})",
            )
        ]

    def legend(self) -> list[str]:
        """Sentences that explain relative times, and times of several runs."""
        relative = (
            f"Relative: the time of a step relative to that of {self.anchor}, in the median of the "
            "rounds that both have, with its 95 % interval; milliseconds are those of this machine in this hour."
        )
        several = (
            "Behind a time stands its run: each has the milliseconds of its machine in its hour, and only times of one "
            "run are to be compared with each other."
        )
        return [*([relative] if self.anchors else []), *([several] if self.of_several_runs else [])]


def _anchors(group: Sequence[RunRecord], among: Sequence[RunRecord]) -> dict[Place, str]:
    """The anchor at each place where all relative times of `group` have the same one, and some are not the anchor's."""
    found = {}
    for place in PLACES:
        ids = {(row.run, one.to) for row in group if (one := relative_of(row, place))}
        if len(ids) == 1 and any(one.estimate != 1 for row in group if (one := relative_of(row, place))):
            found[place] = _label(among, next(iter(ids))[1])
    return found


def relative_of(row: RunRecord, place: Place) -> Relative | None:
    """The relative time of a record at `place`; None if there is none, or too few rounds for an interval."""
    step = timed_at(row, place)
    return step.relative if step and step.relative and step.relative.low is not None else None


def sharp(one: Relative) -> bool:
    """Whether the interval of a relative time is within `SHARP` of it."""
    if one.low is None or one.high is None:
        return False
    return max(one.high - one.estimate, one.estimate - one.low) <= SHARP * one.estimate


def timed_at(row: RunRecord, place: Place) -> StepTiming | None:
    """The measurement of a record's step at `place`, if there is one."""
    timings = row.record.timings
    if timings is None or timings.device != place[0]:
        return None
    return timings.inference if place[1] == "inference" else timings.training


def text(rows: Sequence[RunRecord], place: Place) -> str:
    """The relative time of the records of a row of the table, which share one measurement."""
    one = next(filter(None, (relative_of(row, place) for row in rows)), None)
    return DASH if one is None else ratio(one)


def ratio(one: Relative) -> str:
    """``1.79 (1.74–1.85)``, ``199 (129–213)``; the anchor itself is ``1``; a dash without an interval."""
    if one.low is None or one.high is None:
        return DASH
    return f"{three_digits(one.estimate)} ({three_digits(one.low)}–{three_digits(one.high)})" if one.beside else "1"


def _label(among: Sequence[RunRecord], cell_id: str) -> str:
    cell = next((row.record.cell for row in among if row.record.cell_id == cell_id), None)
    return cell.title if cell else f"cell {cell_id}"

"""The costs of a recipe: step times, memory, size and parameters. Pure."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from tlbench.core.cell import StepName
from tlbench.reporting import numbers
from tlbench.reporting.plots import Axis, Reading
from tlbench.reporting.report import RunRecord, first_of_each
from tlbench.reporting.views.relative import PLACES, Place, relative_of, sharp, timed_at
from tlbench.reporting.views.rows import UNSTABLE
from tlbench.results.record import Record

Seeds = Sequence[RunRecord]
Costs = Mapping[Axis, Sequence[Reading | None]]
"""By kind of cost, the value of each of some recipes; None where it is not known."""


@dataclass(frozen=True)
class Cost:
    """A kind of cost.

    Attributes:
        axis: the axis it is drawn on.
        of: the value for records of one place that differ only in seed and run.
        place: where the value of a record was measured: values of one place can be compared. None if the record has no
            value.
    """

    axis: Axis
    of: Callable[[Seeds], Reading]
    place: Callable[[RunRecord], Hashable]

    def places(self, recipes: Sequence[Seeds]) -> list[list[Hashable]]:
        """The places of the values of each recipe, without recipes that have no value."""
        every = [[place for row in rows if (place := self.place(row)) is not None] for rows in recipes]
        return [places for places in every if places]

    def reading(self, rows: Seeds, at: Hashable) -> Reading | None:
        """The value of a recipe at a place; None if there is none."""
        there = [row for row in rows if self.place(row) == at]
        return self.of(there) if there else None


def compared(recipes: Sequence[Seeds]) -> Costs:
    """The costs of these recipes, for the kinds of cost that can be compared between all of them.

    Args:
        recipes: the records of each recipe.
    """
    found: dict[Axis, list[Reading | None]] = {}
    for cost in COSTS:
        at = _common(cost.places(recipes))
        if at is not None:
            found[cost.axis] = [cost.reading(rows, at) for rows in recipes]
    return found


def times_apart(recipes: Sequence[Seeds]) -> bool:
    """Whether these recipes have step times that cannot be compared, since they are from different runs."""
    of_times = [cost.places(recipes) for cost in COSTS if cost.axis.key in TIMES]
    return any(places and _common(places) is None for places in of_times)


def timed_in(recipes: Sequence[Seeds]) -> dict[str, str]:
    """The run from which the step times of these recipes are compared, by the key of the axis."""
    found = {cost.axis.key: _common(cost.places(recipes)) for cost in COSTS if cost.axis.key in TIMES}
    return {key: str(run) for key, run in found.items() if run is not None}


def _common(places: Sequence[Sequence[Hashable]]) -> Hashable:
    """The first place that is in all sequences; None if there is none."""
    return next((one for one in places[0] if all(one in others for others in places)), None) if places else None


def _step(device: str, step: StepName) -> Cost:
    """The time of a step on a device."""
    at: Place = device, step

    def of(rows: Seeds) -> Reading:
        row = rows[0]
        timing = timed_at(row, at)
        assert timing is not None
        value = timing.shown(row.record.cell.timing) * 1000
        mark = "" if timing.stable else UNSTABLE
        what = "to classify" if step == "inference" else "to train on"
        where = " on the GPU" if device == "gpu" else ""
        text = f"{mark}{numbers.two_digits(value)} ms {what} {timing.batch_size} images{where}"
        beside = relative_of(row, at)
        ratio, known = (beside.estimate, sharp(beside)) if beside else (None, True)
        return Reading(value, text, _ms(timing.low), _ms(timing.high), ratio, known)

    def place(row: RunRecord) -> Hashable:
        """The run: on another machine, or at another time, a step may take twice as long."""
        timing = timed_at(row, at)
        return row.run if timing and timing.has_number else None

    label = f"{step.capitalize()} step (ms, {device.upper()})"
    return Cost(Axis(f"{step}-{device}", label, log=True, unit="ms"), of, place)


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000


def _peak(record: Record) -> int:
    return (record.memory.peak if record.memory else None) or 0


def _memory(rows: Seeds) -> Reading:
    value = median(_peak(row.record) for row in first_of_each(rows)) / 2**20
    return Reading(value, f"{value:.0f} MiB at the peak")


def _trained_on(row: RunRecord) -> Hashable:
    """Whether there was a GPU, with which a process needs several times the memory."""
    return "gpu" in row.record.environment.identity if _peak(row.record) else None


def _counted(axis: Axis, value: Callable[[Record], float], text: Callable[[Record], str]) -> Cost:
    """A count, which does not depend on the machine."""
    return Cost(
        axis,
        lambda rows: Reading(value(rows[0].record), text(rows[0].record)),
        lambda row: True if row.record.counts else None,
    )


def _size(record: Record) -> float:
    return record.counts.size_mb if record.counts else 0.0


def _params(record: Record) -> int:
    return record.counts.params if record.counts else 0


TIMES: Mapping[str, Place] = {f"{step}-{device}": (device, step) for device, step in PLACES}
"""The place of each step time, by the key of its axis."""
COSTS: tuple[Cost, ...] = (
    _step("cpu", "inference"),
    _step("gpu", "inference"),
    _step("cpu", "training"),
    _step("gpu", "training"),
    Cost(Axis("memory", "Peak memory (MiB)", log=True, unit="MiB"), _memory, _trained_on),
    _counted(
        Axis("size", "Size of the weights (MiB)", log=True, unit="MiB"),
        _size,
        lambda r: f"{numbers.size(_size(r))} MiB",
    ),
    _counted(Axis("parameters", "Parameters", log=True), _params, lambda r: f"{numbers.count(_params(r))} parameters"),
)
"""The kinds of cost, the most important for deployment first."""

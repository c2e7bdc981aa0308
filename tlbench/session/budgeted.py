"""Run within a budget of time: train the most promising cells as long as they fit, and report the others."""

import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from tlbench.core.cell import Cell
from tlbench.core.duration import duration
from tlbench.core.errors import UserError
from tlbench.core.text import counted
from tlbench.costs.budget import WORST, State, next_rung
from tlbench.costs.predict import Cost
from tlbench.execution.resume import trained
from tlbench.results.record import Record
from tlbench.results.spent import Spent, Unspent
from tlbench.results.store import Store, UnreadableError

Train = Callable[[Sequence[Cell]], None]
Predict = Callable[[Sequence[Cell], Sequence[Record], bool], Mapping[str, Cost]]
"""Predicts the costs of cells by id, from a run's records so far; True: each as if it were alone (`predicted`)."""
Say = Callable[[str], None]


@dataclass
class Purse:
    """The time budget of one call of `run`.

    Attributes:
        budget: the budget in seconds.
        timed: whether steps will be timed; their predicted time is reserved.
        began: when the call began, by `clock`.
        clock: the time in seconds.
        rungs: the ids of the cells trained so far, by rung.
        models: whether a cell without its trained model is to be trained again.
    """

    budget: float
    timed: bool
    began: float
    clock: Callable[[], float] = time.monotonic
    rungs: list[tuple[str, ...]] = field(default_factory=list)
    models: bool = False

    @property
    def seconds(self) -> float:
        """The seconds spent so far."""
        return self.clock() - self.began

    def spend(self, cells: Sequence[Cell], store: Store, predict: Predict, train: Train, say: Say) -> tuple[Cell, ...]:
        """Train one rung after the other until nothing fits any more; the cells that have numbers.

        Cells that were trained by an earlier call count as they are; those that failed there, or whose predictions or
        model are not there any more, are tried again. predict: asked anew before each rung, so that it can learn from
        what the run took so far. Raises UserError where not even the cheapest cell fits.
        """
        tried: set[str] = set()
        found: dict[tuple[str, str], tuple[float, int]] = {}  # predictions of a training are read once
        while True:
            there = store.read_all().records
            records = {record.cell_id: record for record in there}
            done = {cell.id for cell in cells} & trained(store, there, self.models)
            failed = tried - done
            waiting = [cell for cell in cells if cell.id not in done | failed]
            costs = predict(waiting, there, True)
            untimed = [cell for cell in cells if cell.id in done and records[cell.id].timings is None]
            aside = sum(cost.timing for cost in predict(untimed, there, False).values()) if self.timed else 0.0
            trainings = {cell_id: (cell_id, records[cell_id].provenance.finished) for cell_id in done}
            found |= {one: on_validation(store, records[one[0]]) for one in trainings.values() if one not in found}
            scores = {cell_id: found[one][0] for cell_id, one in trainings.items()}
            images = {cell_id: found[one][1] for cell_id, one in trainings.items()}
            state = State(scores | dict.fromkeys(failed, WORST), self._seconds(costs), images)
            rung = next_rung(cells, state, self.budget - self.seconds - aside)
            if rung is None:
                if not done | failed:
                    self._refuse(cells, state)
                return tuple(cell for cell in cells if cell.id in done)
            say(
                f"rung {len(self.rungs)}: {counted(len(rung.cells), 'cell')}, "
                f"{duration(max(0.0, self.budget - self.seconds))} of {duration(self.budget)} left"
            )
            train(rung.cells)
            self.rungs.append(tuple(cell.id for cell in rung.cells))
            tried.update(self.rungs[-1])

    def told(self, cells: Sequence[Cell], trained: Collection[str], store: Store, predict: Predict) -> Spent:
        """What it was spent on, for the run's folder."""
        rest = [cell for cell in cells if cell.id not in trained and not any(cell.id in rung for rung in self.rungs)]
        seconds = self._seconds(predict(rest, store.read_all().records, True))
        return Spent(
            budget=self.budget,
            seconds=self.seconds,
            rungs=tuple(self.rungs),
            not_run=tuple(Unspent(cell_id=one.id, label=one.label, seconds=seconds.get(one.id)) for one in rest),
        )

    def _refuse(self, cells: Sequence[Cell], state: State) -> None:
        cheapest = min(cells, key=state.cost)
        needed = state.cost(cheapest)
        known = needed < math.inf
        least = f"{cheapest.label} is predicted to take {duration(needed)}" if known else "none has a prediction"
        raise UserError(f"a budget of {duration(self.budget)} is too small for any cell: {least}; give more")

    def _seconds(self, costs: Mapping[str, Cost]) -> dict[str, float]:
        return {cell_id: cost.seconds + self.timed * cost.timing for cell_id, cost in costs.items()}


def on_validation(store: Store, record: Record) -> tuple[float, int]:
    """The share of validation images that a cell predicted right, and of how many; the test set is not for choosing.

    `WORST` of none where its predictions were not kept.
    """
    try:
        kept = store.read_predictions(record.cell_id, "validation")
    except UnreadableError:
        kept = None
    if kept is None:
        return WORST, 0
    probabilities, labels = kept
    return float((probabilities.argmax(axis=1) == labels).mean()), len(labels)

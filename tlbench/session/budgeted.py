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
from tlbench.results.encoding import UnreadableError
from tlbench.results.record import Record
from tlbench.results.spent import Spent, Unspent
from tlbench.results.store import Store

Train = Callable[[Sequence[Cell]], None]
Predict = Callable[[Sequence[Cell], Sequence[Record], bool], Mapping[str, Cost]]
"""Predicts the costs of cells by id, from a run's records so far; True: each as if it were alone (`predicted`)."""
Say = Callable[[str], None]
CHEAPEST, FURTHER = "the cheapest recipe of each backbone", "more recipes of the most promising backbones"
"""What a rung of successive halving is, said when it begins: the first one, and the others."""


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
    _validated: dict[tuple[str, str], tuple[float, int]] = field(default_factory=dict, init=False)
    """Validation accuracy and number of images of each training, by cell and time: predictions are read once."""

    @property
    def seconds(self) -> float:
        """The seconds spent so far."""
        return self.clock() - self.began

    def spend(self, cells: Sequence[Cell], store: Store, predict: Predict, train: Train, say: Say) -> tuple[Cell, ...]:
        """Train one rung after the other until nothing fits any more.

        Cells that an earlier call trained count as they are. Those that failed there, or lost their predictions or
        their model, are tried again.

        Args:
            cells: all cells.
            store: the records of the run.
            predict: predicts costs. It is called before each rung, so that it can learn from the rungs before.
            train: trains the cells of a rung.
            say: receives a sentence about each rung.

        Returns:
            The cells that have results.

        Raises:
            UserError: the budget is too small even for the cheapest cell.
        """
        while True:
            done, state, reserved = self._state(cells, store, predict)
            rung = next_rung(cells, state, self.budget - self.seconds - reserved)
            if rung is None:
                if not state.scores:
                    self._refuse(cells, state)
                return tuple(cell for cell in cells if cell.id in done)
            what = FURTHER if rung.number else CHEAPEST
            say(
                f"rung {len(self.rungs)}, {what}: {counted(len(rung.cells), 'cell')}, "
                f"{duration(max(0.0, self.budget - self.seconds))} of {duration(self.budget)} left"
            )
            train(rung.cells)
            self.rungs.append(tuple(cell.id for cell in rung.cells))

    def _state(self, cells: Sequence[Cell], store: Store, predict: Predict) -> tuple[set[str], State, float]:
        """The ids of the trained cells, the state of all cells, and the seconds to reserve for timing steps."""
        records = store.read_all().records
        of = {record.cell_id: record for record in records}
        done = {cell.id for cell in cells} & trained(store, records, self.models)
        failed = {cell_id for rung in self.rungs for cell_id in rung} - done
        costs = predict([cell for cell in cells if cell.id not in done | failed], records, True)
        untimed = [cell for cell in cells if cell.id in done and of[cell.id].timings is None]
        reserved = sum(cost.timing for cost in predict(untimed, records, False).values()) if self.timed else 0.0
        for cell_id in done:
            training = (cell_id, of[cell_id].provenance.finished)
            if training not in self._validated:
                self._validated[training] = on_validation(store, of[cell_id])
        validated = {cell_id: self._validated[cell_id, of[cell_id].provenance.finished] for cell_id in done}
        scores = {cell_id: accuracy for cell_id, (accuracy, _) in validated.items()} | dict.fromkeys(failed, WORST)
        images = {cell_id: count for cell_id, (_, count) in validated.items()}
        return done, State(scores, self._seconds(costs), images), reserved

    def told(self, cells: Sequence[Cell], trained: Collection[str], store: Store, predict: Predict) -> Spent:
        """How the budget was spent, for the run's folder."""
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
    """The validation accuracy of a cell, and the number of validation images.

    The test images must not be used for choosing. Without stored predictions the result is `WORST` and 0.
    """
    try:
        kept = store.read_predictions(record.cell_id, "validation")
    except UnreadableError:
        kept = None
    if kept is None:
        return WORST, 0
    probabilities, labels = kept
    return float((probabilities.argmax(axis=1) == labels).mean()), len(labels)

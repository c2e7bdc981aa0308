"""A budget that is spent rung by rung: a played clock, played trainings, real predictions on disk."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from tests import builders
from tests.finished import done
from tests.narrow import present
from tests.session.runs import make_run
from tlbench.core.cell import Cell, Named
from tlbench.core.errors import UserError
from tlbench.costs.predict import Cost
from tlbench.reporting.formats import as_markdown
from tlbench.reporting.report import Report, RunRecord
from tlbench.results.predictions import Answers, Evaluated
from tlbench.results.record import Record
from tlbench.results.spent import BUDGET_FILE, Spent, Unspent, read_spent, write_spent
from tlbench.results.store import Store
from tlbench.session.budgeted import Purse
from tlbench.session.report import load

CELLS = [
    builders.cell(backbone=Named(name="MobileNet", args={"alpha": alpha}), strategy=Named(name=strategy))
    for alpha in (0.25, 0.5, 0.75, 1.0)
    for strategy in ("frozen", "full")
]
SECONDS = {"frozen": 10.0, "full": 100.0}
TIMING = 5.0


class Played:
    """Trainings that take `slower` times what is predicted, and give the accuracy of their backbone's place."""

    def __init__(self, folder: Path, slower: float = 1.0, failing: Sequence[Cell] = ()) -> None:
        self.now, self.store, self._slower = 0.0, Store(folder), slower
        self._failing = {cell.id for cell in failing}
        self.said: list[str] = []
        self.trained: list[str] = []

    def clock(self) -> float:
        return self.now

    def predict(self, cells: Sequence[Cell], so_far: Sequence[Record], alone: bool) -> Mapping[str, Cost]:
        del so_far, alone  # nothing is shared here, and nothing learned
        return {cell.id: Cost(SECONDS[cell.strategy.name], TIMING, 1e9, 0, 0, "machine") for cell in cells}

    def train(self, cells: Sequence[Cell]) -> None:
        for cell in cells:
            self.now += self._slower * SECONDS[cell.strategy.name]
            self.trained.append(name(cell))
            if cell.id in self._failing:
                self.store.write(builders.failed(cell))
                continue
            right = round(100 * float(str(cell.backbone.args["alpha"])) / 2) + 5 * (cell.strategy.name == "full")
            labels = np.zeros(100, np.int32)
            guesses = np.zeros((100, 2), np.float32)
            guesses[np.arange(100), (np.arange(100) >= right).astype(int)] = 1
            self.store.write_predictions(cell.id, {"test": (guesses, labels), "validation": (guesses, labels)})
            self.store.write(builders.record(cell, timings=None))

    def spend(self, budget: float, timed: bool = True, models: bool = False) -> Purse:
        purse = Purse(budget, timed, self.clock(), self.clock, models=models)
        purse.spend(CELLS, self.store, self.predict, self.train, self.said.append)
        return purse


def name(cell: Cell) -> str:
    return f"{cell.backbone.args['alpha']} {cell.strategy.name}"


def test_what_a_training_predicted_is_read_once_for_all_rungs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    read_predictions = Store.read_predictions

    def noted(self: Store, cell_id: str, split: Evaluated = "test") -> Answers | None:
        read.append(cell_id)
        return read_predictions(self, cell_id, split)

    monkeypatch.setattr(Store, "read_predictions", noted)
    purse = Played(tmp_path).spend(300.0)
    assert len(purse.rungs) == 2
    assert sorted(read) == sorted(cell_id for rung in purse.rungs for cell_id in rung)


def test_every_backbone_is_tried_cheaply_and_the_better_half_dearly(tmp_path: Path) -> None:
    played = Played(tmp_path)
    purse = played.spend(300.0)
    assert played.trained == ["0.25 frozen", "0.5 frozen", "0.75 frozen", "1.0 frozen", "1.0 full", "0.75 full"]
    assert [len(rung) for rung in purse.rungs] == [4, 2]
    assert played.said[0] == "rung 0, the cheapest recipe of each backbone: 4 cells, 5 min of 5 min left"
    assert played.said[1].startswith("rung 1, more recipes of the most promising backbones: 2 cells, ")
    assert played.now <= 300


def test_time_is_put_aside_for_the_step_times_of_what_is_trained(tmp_path: Path) -> None:
    # 40 s of heads leave 240 s; 4 x 5 s of step times are owed, and each of the next takes 105 s.
    assert Played(tmp_path / "a").spend(280.0, timed=False).rungs[1:] != []
    timed, untimed = Played(tmp_path / "b"), Played(tmp_path / "c")
    timed.spend(264.0)
    untimed.spend(264.0, timed=False)
    assert (len(timed.trained), len(untimed.trained)) == (5, 6)


def test_trainings_that_take_longer_than_was_predicted_leave_less(tmp_path: Path) -> None:
    slow = Played(tmp_path, slower=3.0)
    slow.spend(300.0)
    assert slow.trained[4:] == ["1.0 full"]  # 120 s of heads; one that is predicted to take 105 s still fits


def test_a_cell_that_fails_is_not_tried_again_in_the_same_call_but_in_the_next(tmp_path: Path) -> None:
    broken = [cell for cell in CELLS if name(cell) == "1.0 frozen"]
    played = Played(tmp_path, failing=broken)
    played.spend(300.0)
    assert played.trained.count("1.0 frozen") == 1
    assert "1.0 full" not in played.trained
    again = Played(tmp_path)
    again.spend(12.0, timed=False)
    assert again.trained == ["1.0 frozen"]


def test_what_has_lost_its_predictions_or_its_model_is_trained_again(tmp_path: Path) -> None:
    first = Played(tmp_path)
    first.spend(300.0)
    damaged = next(cell for cell in CELLS if name(cell) == "0.5 frozen")
    (tmp_path / "predictions" / f"{damaged.id}.npz").write_bytes(b"PK")
    lost = first.store.damaged_predictions([present(first.store.read(damaged.id))])
    first.store.set_aside(filter(None, lost.values()))  # as the begin of a call does
    again = Played(tmp_path)
    again.spend(50.0)
    assert again.trained == ["0.5 frozen"]
    without = Played(tmp_path)
    without.spend(50.0, timed=False, models=True)
    assert without.trained == ["0.25 frozen", "0.5 frozen", "0.75 frozen", "1.0 frozen"]


def test_a_budget_that_is_too_small_for_anything_says_what_would_be_enough(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"a budget of 3 s is too small for any cell: .*0.25.* frozen .* take 15 s; give"
    ):
        Played(tmp_path).spend(3.0)


def test_a_second_call_goes_on_where_the_first_one_ended(tmp_path: Path) -> None:
    Played(tmp_path).spend(300.0)
    more = Played(tmp_path)
    more.spend(math.inf)
    assert sorted(more.trained) == ["0.25 full", "0.5 full"]


def test_what_was_not_run_is_named_with_what_it_would_have_taken(tmp_path: Path) -> None:
    played = Played(tmp_path)
    purse = played.spend(300.0)
    spent = purse.told(CELLS, done(played.store), played.store, played.predict)
    assert {one.seconds for one in spent.not_run} == {105.0}
    write_spent(tmp_path, spent)
    assert read_spent(tmp_path) == spent
    rows = [RunRecord("run", record) for record in played.store.read_all().records]
    text = as_markdown(Report("t", rows, spent=(spent,)))
    assert "4 min of 5 min were spent, on 6 cells in 2 rungs; 2 cells were not run." in text
    lines = [[cell.strip() for cell in line.split("|")] for line in text.splitlines() if "· full ·" in line]
    assert [f"{line[1]}: {line[2]}" for line in lines if line[2:3] == ["2 min"]] == [
        "MobileNet (alpha=0.25) · cats_dogs · full · gap · seed 0: 2 min",
        "MobileNet (alpha=0.5) · cats_dogs · full · gap · seed 0: 2 min",
    ]
    (tmp_path / BUDGET_FILE).write_text("{")
    assert read_spent(tmp_path) is None


def test_what_was_run_after_the_budget_was_spent_is_not_among_what_it_left_out(tmp_path: Path) -> None:
    ran, later, left = (builders.record(builders.cell(seed=seed)) for seed in range(3))
    folder = make_run(tmp_path / "run", [ran, later], cells=[ran.cell_id, later.cell_id, left.cell_id])
    not_run = tuple(Unspent(cell_id=one.cell_id, label=one.cell.label, seconds=5.0) for one in (later, left))
    write_spent(folder.path, Spent(budget=60.0, seconds=50.0, rungs=((ran.cell_id,),), not_run=not_run))
    assert [one.cell_id for one in load(folder).spent[0].not_run] == [left.cell_id]
    Store(folder.path).write(left)
    assert "What the budget left out" not in as_markdown(load(folder))

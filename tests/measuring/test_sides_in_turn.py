"""The timing phase of two sides with models and a clock that are played: pairs, further processes, losses, an end."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests import builders
from tests.measuring.played import Clock, Heard, Host, cell, dying, killed, reference_dying, refusing
from tests.narrow import present
from tlbench.core.cell import Cell
from tlbench.measuring import session
from tlbench.measuring.hosts import LostError
from tlbench.measuring.jobs import ReferenceJob, TimerJob, keys_of
from tlbench.measuring.opening import TimedSide
from tlbench.measuring.phase import LONGEST, Effort, Measured, time_sides
from tlbench.measuring.rounds import take_turns
from tlbench.results.measured import StepTiming
from tlbench.results.record import Record
from tlbench.results.store import Store

EFFORT = Effort(processes=3, rounds=4, seconds=60.0)
Sides = Mapping[str, Mapping[str, Record]]


class Undecided:
    """Says of each look which steps (of the keys, in order) are to go on, and for how many rounds."""

    def __init__(self, *looks: Mapping[str, int]) -> None:
        self._looks = list(looks)
        self.seen: list[dict[str, tuple[int, ...]]] = []

    def __call__(self, measured: Measured) -> Mapping[str, int]:
        self.seen.append({key: sides["base"].draws for key, sides in measured.items()})
        return self._looks.pop(0) if self._looks else {}


class Both:
    """Two played hosts on one clock, and a folder for each side."""

    def __init__(self, folder: Path, base: Host | None = None, new: Host | None = None) -> None:
        self.folder, self.clock, self.events = folder, Clock(), Heard()
        self.hosts = {"base": base or Host(), "new": new or Host()}
        for host in self.hosts.values():
            host.clock = self.clock
        self.stores = {side: Store(folder / side) for side in self.hosts}
        self.cells: list[Cell] = []

    def train(self, *cells: Cell, only: str = "") -> None:
        self.cells += cells
        for side, store in self.stores.items():
            for one in cells:
                store.write(builders.record(one, timings=None) if only in ("", side) else builders.failed(one))

    def measure(self, undecided: Undecided, effort: Effort = EFFORT, room: bool = True) -> Sides:
        time_sides(
            self.cells,
            [TimedSide(host, side) for side, host in self.hosts.items()], self.stores, effort, undecided, self.events,
            timeout=1, logs=self.folder / "logs", readings=self.folder / "readings",
            room=lambda largest: room, clock=self.clock,
        )  # fmt: skip
        assert all(model.closed for host in self.hosts.values() for model in host.opened)
        return {
            side: {record.cell_id: record for record in store.read_all().records} for side, store in self.stores.items()
        }


def steps(records: Sides, one: Cell, side: str) -> list[StepTiming]:
    timings = records[side][one.id].timings
    assert timings is not None
    return list(timings.steps)


def test_both_sides_get_the_same_rounds_in_one_session(tmp_path: Path) -> None:
    one, both = cell(), Both(tmp_path, new=Host(slower={"inference": 2.0}))
    both.train(one)
    records = both.measure(Undecided())
    base, new = steps(records, one, "base"), steps(records, one, "new")
    assert [step.median for step in base] == pytest.approx([0.010, 0.030])
    assert [step.median for step in new] == pytest.approx([0.020, 0.030])
    for here, there in zip(base, new, strict=True):
        assert here.session == there.session is not None
        assert here.draws == there.draws == (4,)
        assert len(here.rounds) == len(there.rounds) == len(here.reference) == 4
        assert here.models == there.models == 2  # one a side
        assert here.complete
    assert len({step.session for step in (*base, *new)}) == 1
    assert both.events.rounds[0] == (1, 4, 2)  # two steps a side, one model a side


def test_only_what_is_undecided_goes_on_in_a_further_process_a_side(tmp_path: Path) -> None:
    one, both = cell(), Both(tmp_path)
    both.train(one)
    inference, training = keys_of(builders.record(one))
    undecided = Undecided({training: 7})
    records = both.measure(undecided)
    for side, host in both.hosts.items():
        assert [[step.step for step in job.steps] for job in host.models] == [["inference", "training"], ["training"]]
        assert [step.draws for step in steps(records, one, side)] == [(4,), (4, 7)]
        assert [len(step.rounds) for step in steps(records, one, side)] == [4, 11]
    assert undecided.seen == [{inference: (4,), training: (4,)}, {inference: (4,), training: (4, 7)}]


@pytest.mark.parametrize(("asked", "taken"), [(0, 4), (1, 4), (9, 9), (1000, LONGEST * 4)])
def test_a_further_process_takes_what_would_decide_within_bounds(tmp_path: Path, asked: int, taken: int) -> None:
    one, both = cell(), Both(tmp_path)
    both.train(one)
    (key, _) = keys_of(builders.record(one))
    records = both.measure(Undecided({key: asked}))
    assert steps(records, one, "new")[0].draws == (4, taken)


def test_processes_are_split_where_they_ended(tmp_path: Path) -> None:
    one, both = cell(), Both(tmp_path)
    both.train(one)
    (key, _) = keys_of(builders.record(one))
    lengths: list[list[int]] = []

    class Looking(Undecided):
        def __call__(self, measured: Measured) -> Mapping[str, int]:
            lengths.append([len(process) for process in measured[key]["new"].processes()])
            return super().__call__(measured)

    both.measure(Looking({key: 6}, {key: 5}))
    assert lengths == [[4], [4, 6], [4, 6, 5]]


def test_the_effort_bounds_the_processes(tmp_path: Path) -> None:
    one, both = cell(), Both(tmp_path)
    both.train(one)
    for_ever = Undecided(*[dict.fromkeys(keys_of(builders.record(one)), 0)] * 100)
    records = both.measure(for_ever)
    assert [step.draws for step in steps(records, one, "base")] == [(4, 4, 4)] * 2


def test_no_process_is_begun_when_the_time_is_over_and_the_first_one_always_is(tmp_path: Path) -> None:
    one, both = cell(), Both(tmp_path)
    both.train(one)
    for_ever = Undecided(*[dict.fromkeys(keys_of(builders.record(one)), 0)] * 100)
    # A process a side takes 4 rounds x 5 steps x (10 + 30 ms) x 2 sides = 1.6 s.
    records = both.measure(for_ever, Effort(processes=9, rounds=4, seconds=2.0))
    assert steps(records, one, "base")[0].draws == (4, 4)
    assert both.clock() == pytest.approx(2 * 1.6)


def test_the_second_process_of_each_side_is_begun_however_little_time_there_is(tmp_path: Path) -> None:
    one, both = cell(), Both(tmp_path)
    both.train(one)
    for_ever = Undecided(*[dict.fromkeys(keys_of(builders.record(one)), 0)] * 100)
    records = both.measure(for_ever, Effort(processes=9, rounds=4, seconds=0.0))
    assert [step.draws for side in records for step in steps(records, one, side)] == [(4, 4)] * 4


def test_the_rounds_of_a_further_process_go_on_with_the_orders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, both = cell(), Both(tmp_path)
    both.train(one)
    begun: list[object] = []

    def noted(*arguments: Any) -> Any:
        begun.append(arguments[-1].getstate())
        return take_turns(*arguments)

    monkeypatch.setattr(session, "take_turns", noted)
    both.measure(Undecided(dict.fromkeys(keys_of(builders.record(one)), 0)))
    first, second = begun
    assert first != second


def test_an_effort_of_one_process_a_side_is_refused() -> None:
    with pytest.raises(ValueError, match="1 processes a side: no verdict follows from fewer than 2"):
        Effort(processes=1)


def test_cells_that_one_side_did_not_train_are_left_out(tmp_path: Path) -> None:
    trained, other, both = cell(), cell("full"), Both(tmp_path)
    both.train(trained)
    both.train(other, only="base")
    records = both.measure(Undecided())
    assert records["new"][trained.id].timings is not None
    assert records["base"][other.id].timings is None
    assert records["base"][other.id].timing_failure is None
    assert [job.cell.strategy.name for job in both.hosts["base"].models] == ["frozen"]


def test_with_nothing_to_measure_nothing_is_opened(tmp_path: Path) -> None:
    both = Both(tmp_path)
    both.train(cell(timing=None))
    both.measure(Undecided())
    assert both.hosts["base"].opened == both.hosts["new"].opened == []


def test_models_that_do_not_fit_into_memory_together_form_groups(tmp_path: Path) -> None:
    cells, both = [cell("frozen"), cell("full")], Both(tmp_path)
    both.train(*cells)
    records = both.measure(Undecided(), room=False)
    assert [steps(records, one, "new")[-1].models for one in cells] == [2, 2]
    references = [model for model in both.hosts["base"].opened if isinstance(model.job, ReferenceJob)]
    assert len(references) == 2
    assert not any(isinstance(model.job, ReferenceJob) for model in both.hosts["new"].opened)


def test_a_model_that_one_side_cannot_build_is_lost_on_both_and_its_twin_makes_room_at_once(tmp_path: Path) -> None:
    cells, both = [cell("full"), cell("frozen")], Both(tmp_path, new=Host(refuse=refusing("full")))
    both.train(*cells)
    records = both.measure(Undecided())
    failures = {side: records[side][cells[0].id].timing_failure for side in records}
    assert failures["new"] is not None
    assert failures["base"] is not None
    assert failures["new"].message == "the process was killed by signal 9"
    assert failures["base"].message == "on the new side: the process was killed by signal 9"
    twin = next(model for model in both.hosts["base"].opened if not isinstance(model.job, ReferenceJob))
    assert (twin.closed, twin.turns) == (True, 0)
    assert both.events.lost_cells == ["full"]
    # Inference was asked of the lost model for both cells; training of the other one is its own.
    assert records["base"][cells[1].id].timing_failure is not None


def test_a_model_that_dies_loses_only_its_own_steps(tmp_path: Path) -> None:
    cells, both = [cell("frozen"), cell("full")], Both(tmp_path, base=Host(dies_at=dying("full")))
    both.train(*cells)
    records = both.measure(Undecided())
    for side in both.hosts:
        assert records[side][cells[0].id].timings is not None
        assert records[side][cells[1].id].timings is None
    assert present(records["new"][cells[1].id].timing_failure).message.startswith("on the base side: ")
    assert both.events.lost_cells == ["full"]


def test_what_is_lost_is_not_asked_for_again(tmp_path: Path) -> None:
    cells, both = [cell("frozen"), cell("full")], Both(tmp_path, new=Host(dies_at=dying("full")))
    both.train(*cells)
    undecided = Undecided({key: 0 for one in cells for key in keys_of(builders.record(one))})
    both.measure(undecided)
    assert [job.cell.strategy.name for job in both.hosts["base"].models] == ["frozen", "full", "frozen"]


def test_a_model_is_tried_again_alone_where_it_found_no_memory_beside_others(tmp_path: Path) -> None:
    def only_alone(job: TimerJob) -> LostError | None:
        crowded = isinstance(job, ReferenceJob) is False and any(model.job is not job for model in host.alive)
        return killed() if crowded else None

    host = Host(refuse=only_alone)
    cells, both = [cell("frozen"), cell("full")], Both(tmp_path, new=host)
    both.train(*cells)
    records = both.measure(Undecided())
    assert all(records[side][one.id].timings for side in both.hosts for one in cells)


def test_a_reference_workload_that_dies_is_told_and_both_sides_go_on(tmp_path: Path) -> None:
    one, both = cell(), Both(tmp_path, base=Host(dies_at=reference_dying(at=2)))
    both.train(one)
    (_, training) = keys_of(builders.record(one))
    records = both.measure(Undecided({training: 5}))
    assert len(both.events.reference_losses) == 2  # one for each process a side
    for side in both.hosts:
        for step in steps(records, one, side):
            assert step.reference == ()
            assert "reference" in [doubt.kind for doubt in step.doubts]
    assert [step.draws for step in steps(records, one, "new")] == [(4,), (4, 5)]


def test_a_side_that_is_gone_altogether_ends_in_reasons(tmp_path: Path) -> None:
    one, both = cell(), Both(tmp_path, base=Host(refuse=lambda job: killed()))
    both.train(one)
    records = both.measure(Undecided())
    assert present(records["base"][one.id].timing_failure).type == "SIGKILL"
    assert present(records["new"][one.id].timing_failure).message.startswith("on the base side")
    assert len(both.events.reference_losses) == 1


def test_the_sides_keep_their_own_environment(tmp_path: Path) -> None:
    one, both = cell(), Both(tmp_path)
    both.hosts["new"].environment = builders.environment(python="3.13.0")
    both.train(one)
    records = both.measure(Undecided())
    assert present(records["base"][one.id].timings).environment is None
    assert present(present(records["new"][one.id].timings).environment).identity["python"] == "3.13.0"

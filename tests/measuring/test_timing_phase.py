"""The timing phase with models that are played: what is measured, shared, lost, grouped and resumed."""

from pathlib import Path

import pytest

from tests import builders
from tlbench.core.cell import Cell, Named, Timing
from tlbench.execution.child import Died, Outcome
from tlbench.execution.executors import OnMessage
from tlbench.execution.job import Job, Ready, TimerJob
from tlbench.execution.timing import key_of, plan, steps_of, there_is_room, time_cells, untimed
from tlbench.measuring.rounds import LostError
from tlbench.measuring.summary import Opened
from tlbench.results.record import Failure, Record
from tlbench.results.store import Store

TIMING = Timing(protocol="quick", batch_size=32, warmup=1, iterations=10, seconds=0)
CPU = {"kind": "cpu", "name": "cpu"}


class Played:
    """A model whose inference step takes 10 ms and whose training step takes 30; it may die at a turn."""

    def __init__(self, job: TimerJob | None, dies_at: int | None) -> None:
        self.job, self.turns, self.dies_at, self.closed = job, 0, dies_at, False
        opened = tuple(Opened(2.0, (0.1,)) for _ in job.steps) if job else ()
        self.ready = Ready(CPU, False, 2, {"inference": "predict_on_batch"}, opened, 100)

    def turn(self, index: int) -> tuple[float, ...]:
        self.turns += 1
        if self.turns == self.dies_at:
            raise LostError(Died(-9))
        if self.job is None:
            return (0.05,)
        seconds = {"inference": 0.010, "training": 0.030}[self.job.steps[index].step]
        return (seconds,) * 5

    def close(self) -> None:
        self.closed = True


class PlayedExecutor:
    """Opens played models; `refused` and `dying` are strategies."""

    def __init__(self, refused: str = "", dying: str = "") -> None:
        self.refused, self.dying = refused, dying
        self.opened: list[Played] = []

    def stop(self) -> None: ...

    def run(self, job: Job, on_message: OnMessage, timeout: float, log: Path) -> Outcome:
        raise AssertionError("nothing is trained here")

    def open_timer(self, job: TimerJob | None, backend: str, timeout: float, log: Path) -> Played:
        if job and job.cell.strategy.name == self.refused:
            raise LostError(Died(-9))
        self.opened.append(Played(job, 2 if job and job.cell.strategy.name == self.dying else None))
        return self.opened[-1]

    @property
    def models(self) -> list[TimerJob]:
        return [played.job for played in self.opened if played.job]


class Quiet:
    """Nobody watches."""

    def opening(self, cell: Cell, number: int, total: int) -> None: ...

    def round(self, number: int, waiting: int, models: int) -> None: ...

    def lost(self, cell: Cell, why: Failure) -> None: ...


def cell(strategy: str = "frozen", dataset: str = "cats_dogs", seed: int = 0, **changes: object) -> Cell:
    fields: dict[str, object] = {"timing": TIMING, **changes}
    return builders.cell(strategy=Named(name=strategy), dataset=Named(name=dataset), seed=seed, **fields)


def phase(folder: Path, cells: list[Cell], executor: PlayedExecutor, rooms: int = 100) -> dict[str, Record]:
    store = Store(folder)
    there = {record.cell_id for record in store.read_all().records}
    for one in cells:
        if one.id not in there:
            store.write(builders.record(one, timings=None))
    room = iter([True] * (rooms - 1) + [False] * 100)
    time_cells(
        cells, executor, store, Quiet(), timeout=1, logs=folder / "logs", readings=folder / "readings",
        room=lambda largest: next(room),
    )  # fmt: skip
    assert all(played.closed for played in executor.opened)
    return {record.cell_id: record for record in store.read_all().records}


def test_cells_that_differ_in_data_or_seed_share_one_measurement(tmp_path: Path) -> None:
    cells = [cell(dataset=name, seed=seed) for name in ("cats_dogs", "intel") for seed in (0, 1)]
    executor = PlayedExecutor()
    found = phase(tmp_path, cells, executor)
    assert len(executor.models) == 1
    owners = {step.measured_with for record in found.values() for step in record.timings.steps}
    assert owners == {cells[0].id}
    assert {record.timings.training.median for record in found.values()} == {0.030}


def test_inference_is_measured_once_for_all_strategies_and_training_for_each(tmp_path: Path) -> None:
    cells = [cell("frozen"), cell("full"), cell("scratch")]
    executor = PlayedExecutor()
    found = phase(tmp_path, cells, executor)
    assert [[step.step for step in job.steps] for job in executor.models] == [
        ["inference", "training"], ["training"], ["training"],
    ]  # fmt: skip
    assert {record.timings.inference.measured_with for record in found.values()} == {cells[0].id}
    assert len({record.timings.training.measured_with for record in found.values()}) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"image_size": 64},
        {"precision": "mixed_bfloat16"},
        {"jit": "on"},
        {"timing": TIMING.model_copy(update={"batch_size": 8})},
        {"backbone": Named(name="MobileNet", args={"alpha": 0.5})},
    ],
)
def test_what_changes_the_time_is_measured_apart(change: dict[str, object]) -> None:
    records = [builders.record(one, timings=None) for one in (cell(), cell(**change))]
    assert len(plan(records, set())) == 2


def test_every_batch_size_is_timed_for_inference(tmp_path: Path) -> None:
    one = cell(timing=TIMING.model_copy(update={"more_batch_sizes": (1, 8)}))
    assert [(step.step, step.batch_size) for step in steps_of(one)] == [
        ("inference", 32), ("inference", 1), ("inference", 8), ("training", 32),
    ]  # fmt: skip
    (record,) = phase(tmp_path, [one], PlayedExecutor()).values()
    assert [step.batch_size for step in record.timings.steps] == [32, 1, 8, 32]


def test_a_model_that_cannot_be_built_costs_only_its_own_cells(tmp_path: Path) -> None:
    cells = [cell("frozen"), cell("full"), cell("full", "intel")]
    found = phase(tmp_path, cells, PlayedExecutor(refused="full"))
    assert found[cells[0].id].timings is not None
    for one in cells[1:]:
        assert found[one.id].timings is None
        assert found[one.id].status == "ok"  # it was trained
        assert found[one.id].timing_failure.type == "SIGKILL"


def test_a_model_that_cannot_be_built_beside_others_is_tried_again_alone(tmp_path: Path) -> None:
    class OnlyAlone(PlayedExecutor):
        def open_timer(self, job: TimerJob | None, backend: str, timeout: float, log: Path) -> Played:
            alive = [played for played in self.opened if played.job and not played.closed]
            if job and job.cell.strategy.name == "full" and alive:
                raise LostError(Died(-9))
            return super().open_timer(job, backend, timeout, log)

    cells = [cell("frozen"), cell("full"), cell("scratch")]
    executor = OnlyAlone()
    found = phase(tmp_path, cells, executor)
    assert all(record.timings for record in found.values())
    assert [job.cell.strategy.name for job in executor.models] == ["frozen", "full", "scratch"]
    assert found[cells[0].id].timings.training.models == 1
    assert found[cells[1].id].timings.training.models == 2


def test_a_model_that_dies_between_turns_is_a_failure_with_a_reason(tmp_path: Path) -> None:
    cells = [cell("frozen"), cell("full")]
    found = phase(tmp_path, cells, PlayedExecutor(dying="full"))
    assert found[cells[0].id].timings is not None
    assert "killed by signal 9" in found[cells[1].id].timing_failure.message


def test_a_second_call_measures_only_what_is_missing(tmp_path: Path) -> None:
    cells = [cell("frozen"), cell("full")]
    phase(tmp_path, cells, PlayedExecutor(refused="full"))
    again = PlayedExecutor()
    found = phase(tmp_path, [*cells, cell("frozen", seed=5)], again)
    assert [job.cell.strategy.name for job in again.models] == ["full"]
    assert all(record.timings for record in found.values())
    assert all(record.timing_failure is None for record in found.values())


def test_models_that_do_not_fit_into_memory_together_form_groups(tmp_path: Path) -> None:
    cells = [cell(backbone=Named(name="MobileNet", args={"alpha": alpha})) for alpha in (0.25, 0.5, 0.75)]
    executor = PlayedExecutor()
    found = phase(tmp_path, cells, executor, rooms=2)
    assert [record.timings.inference.models for record in (found[one.id] for one in cells)] == [2, 2, 1]
    assert len(executor.opened) == 3 + 2  # the reference workload once a group


def test_room_is_left_for_others() -> None:
    gib = 2**30
    assert there_is_room(available=20 * gib, limit=24 * gib, largest=1 * gib)
    assert not there_is_room(available=8 * gib, limit=24 * gib, largest=2 * gib)
    assert not there_is_room(available=6 * gib, limit=24 * gib, largest=0)


def test_only_trained_cells_wait_and_only_those_that_ask_for_times(tmp_path: Path) -> None:
    trained = builders.record(cell(), timings=None)
    failed = builders.failed(cell("full"))
    silent = builders.record(cell(timing=None), timings=None)
    done = builders.record(cell(seed=3))
    records = [trained, failed, silent, done]
    assert untimed(records, [one.cell for one in records]) == [trained]


def test_keys_tell_steps_and_sizes_apart() -> None:
    keys = {
        key_of(cell(timing=TIMING.model_copy(update={"more_batch_sizes": (1,)})), step) for step in steps_of(cell())
    }
    assert len(keys) == 2

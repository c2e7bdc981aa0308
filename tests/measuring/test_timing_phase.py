"""The timing phase of one side with models that are played: what is measured, shared, lost, grouped and resumed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import builders
from tests.measuring.played import (
    CARD,
    TIMING,
    Heard,
    Host,
    cell,
    dying,
    invalid,
    killed,
    of_strategy,
    reference_dying,
    refusing,
)
from tests.narrow import present
from tlbench.core.cell import Cell, Named
from tlbench.host import resources
from tlbench.measuring.hosts import LostError, Pace
from tlbench.measuring.jobs import ModelJob, ReferenceJob, TimerJob, key_of, plan, steps_of, untimed
from tlbench.measuring.phase import time_cells
from tlbench.measuring.room import gpu_room_now, there_is_room
from tlbench.results.measured import StepTiming
from tlbench.results.record import Record
from tlbench.results.store import Store

LONG = TIMING.model_copy(update={"iterations": 40})
"""Eight rounds of five steps: enough for an interval."""


def phase(
    folder: Path,
    cells: list[Cell],
    host: Host,
    rooms: int = 100,
    events: Heard | None = None,
    room: Callable[[int], bool] | None = None,
    readings: Path | None = None,
) -> dict[str, Record]:
    store = Store(folder)
    there = {record.cell_id for record in store.read_all().records}
    for one in cells:
        if one.id not in there:
            store.write(builders.record(one, timings=None))
    rooms_left = iter([True] * (rooms - 1) + [False] * 100)
    time_cells(
        cells, host, store, events or Heard(), timeout=1, logs=folder / "logs", readings=readings or folder / "readings",
        room=room or (lambda largest: next(rooms_left)),
    )  # fmt: skip
    assert all(model.closed for model in host.opened)
    return {record.cell_id: record for record in store.read_all().records}


def training(record: Record) -> StepTiming:
    return present(present(record.timings).training)


def test_cells_that_differ_in_data_or_seed_share_one_measurement(tmp_path: Path) -> None:
    cells = [cell(dataset=name, seed=seed) for name in ("cats_dogs", "intel") for seed in (0, 1)]
    host = Host()
    found = phase(tmp_path, cells, host)
    assert len(host.models) == 1
    owners = {step.measured_with for record in found.values() for step in present(record.timings).steps}
    assert owners == {cells[0].id}
    assert {training(record).median for record in found.values()} == {0.030}


def test_inference_is_measured_once_for_all_strategies_and_training_for_each(tmp_path: Path) -> None:
    cells = [cell("frozen"), cell("full"), cell("scratch")]
    host = Host()
    found = phase(tmp_path, cells, host)
    assert [[step.step for step in job.steps] for job in host.models] == [
        ["inference", "training"], ["training"], ["training"],
    ]  # fmt: skip
    assert {present(record.timings).inference.measured_with for record in found.values()} == {cells[0].id}
    assert len({training(record).measured_with for record in found.values()}) == 3


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
def test_what_changes_the_time_is_measured_apart(change: dict[str, Any]) -> None:
    records = [builders.record(one, timings=None) for one in (cell(), cell(**change))]
    assert len(plan(records)) == 2


def test_every_batch_size_is_timed_for_inference(tmp_path: Path) -> None:
    one = cell(timing=TIMING.model_copy(update={"more_batch_sizes": (1, 8)}))
    assert [(step.step, step.batch_size) for step in steps_of(one)] == [
        ("inference", 32), ("inference", 1), ("inference", 8), ("training", 32),
    ]  # fmt: skip
    (record,) = phase(tmp_path, [one], Host()).values()
    assert [step.batch_size for step in present(record.timings).steps] == [32, 1, 8, 32]


def test_a_step_is_measured_until_it_has_what_its_protocol_asks_for(tmp_path: Path) -> None:
    (record,) = phase(tmp_path, [cell(timing=TIMING.model_copy(update={"iterations": 23}))], Host()).values()
    for step in present(record.timings).steps:
        assert (len(step.rounds), len(step.samples), len(step.reference)) == (5, 25, 5)
        assert step.complete
        assert (step.session, step.draws) == (None, ())
        assert step.normalised == pytest.approx(step.median / 0.05)


def test_times_are_normalised_by_the_reference_of_their_own_backend_alone(tmp_path: Path) -> None:
    cells = [cell(), cell(backend="jax")]
    found = phase(tmp_path, cells, Host())
    own, other = (present(found[one.id].timings) for one in cells)
    assert all(step.normalised and step.reference for step in own.steps)
    assert all(step.normalised is None and not step.reference for step in other.steps)
    assert [step.drift for step in other.steps] == [step.drift for step in own.steps]


def test_a_model_that_cannot_be_built_costs_only_its_own_cells(tmp_path: Path) -> None:
    cells, events = [cell("frozen"), cell("full"), cell("full", "intel")], Heard()
    found = phase(tmp_path, cells, Host(refuse=refusing("full")), events=events)
    assert found[cells[0].id].timings is not None
    for one in cells[1:]:
        assert found[one.id].timings is None
        assert found[one.id].status == "ok"  # it was trained
        assert present(found[one.id].timing_failure).type == "SIGKILL"
    assert events.lost_cells == ["full"]
    assert (tmp_path / "logs" / f"{cells[1].id}.timing.log").exists()


def test_a_model_that_cannot_be_built_beside_others_is_tried_again_alone(tmp_path: Path) -> None:
    def only_alone(job: TimerJob) -> LostError | None:
        return killed() if of_strategy("full")(job) and host.alive else None

    cells, host = [cell("frozen"), cell("full"), cell("scratch")], Host(refuse=only_alone)
    found = phase(tmp_path, cells, host)
    assert all(record.timings for record in found.values())
    assert [job.cell.strategy.name for job in host.models] == [
        "frozen",
        "full",
        "frozen",
        "scratch",
    ]  # the anchor again
    assert training(found[cells[0].id]).models == 1
    assert training(found[cells[1].id]).models == 3


def test_what_could_never_be_built_is_not_tried_again_and_the_others_stay_together(tmp_path: Path) -> None:
    cells = [cell("frozen"), cell("full"), cell("scratch")]
    tries: list[TimerJob] = []

    def never(job: TimerJob) -> LostError | None:
        if not of_strategy("full")(job):
            return None
        tries.append(job)
        return invalid()

    found = phase(tmp_path, cells, Host(refuse=never))
    assert len(tries) == 1
    assert training(found[cells[0].id]).models == training(found[cells[2].id]).models == 2


def test_a_model_that_dies_between_turns_loses_only_its_own_steps(tmp_path: Path) -> None:
    cells = [cell("frozen", timing=LONG), cell("full", timing=LONG), cell("frozen", "intel", timing=LONG)]
    events = Heard()
    found = phase(tmp_path, cells, Host(dies_at=dying("full")), events=events)
    assert found[cells[0].id].timings == found[cells[2].id].timings is not None
    assert found[cells[1].id].timings is None
    assert "killed by signal 9" in present(found[cells[1].id].timing_failure).message
    assert events.lost_cells == ["full"]
    assert training(found[cells[0].id]).stable


def test_a_shared_step_that_one_model_lost_is_measured_with_another(tmp_path: Path) -> None:
    """`frozen` has the inference that all strategies share; it dies, and they have their times all the same."""
    cells = [cell("frozen", timing=LONG), cell("full", timing=LONG), cell("partial", timing=LONG)]
    host = Host(dies_at=dying("frozen"))
    found = phase(tmp_path, cells, host)
    assert found[cells[0].id].timings is None
    assert "killed by signal 9" in present(found[cells[0].id].timing_failure).message
    for one in cells[1:]:
        assert found[one.id].timing_failure is None
        assert {step.step for step in present(found[one.id].timings).steps} == {"inference", "training"}
        assert present(found[one.id].timings).inference.measured_with == cells[1].id
    steps = [(job.cell.strategy.name, [step.step for step in job.steps]) for job in host.models]
    assert steps == [
        ("frozen", ["inference", "training"]),
        ("full", ["training"]),
        ("partial", ["training"]),
        ("full", ["inference"]),
        ("frozen", ["inference", "training"]),  # the anchor, beside the second try
    ]


def test_a_shared_step_that_every_model_loses_is_tried_twice_and_no_more(tmp_path: Path) -> None:
    cells = [cell("frozen"), cell("full"), cell("partial")]
    host = Host(dies_at=lambda job: 1 if isinstance(job, ModelJob) and job.steps[0].step == "inference" else None)
    found = phase(tmp_path, cells, host)
    assert all(record.timings is None for record in found.values())
    assert all(record.timing_failure for record in found.values())
    assert len(host.models) <= 3 + 2


def test_a_reference_workload_that_cannot_be_opened_is_told_and_the_models_take_turns_without(tmp_path: Path) -> None:
    one, events = cell(timing=LONG), Heard()
    host = Host(refuse=lambda job: killed() if isinstance(job, ReferenceJob) else None)
    record = phase(tmp_path, [one], host, events=events)[one.id]
    assert [why.type for why in events.reference_losses] == ["SIGKILL"]
    for step in present(record.timings).steps:
        assert len(step.samples) == 40
        assert (step.reference, step.normalised, step.drift) == ((), None, None)
        (doubt,) = step.doubts
        assert doubt.kind == "reference"
        assert doubt.message == (
            "the reference workload was lost (SIGKILL), so nobody saw how the machine's speed moved"
        )
        assert "killed by signal 9" in doubt.advice
    assert not (tmp_path / "readings").exists()
    assert (tmp_path / "logs" / "reference.log").exists()


def test_a_reference_workload_that_dies_in_the_rounds_ends_its_readings_and_nothing_else(tmp_path: Path) -> None:
    one, events = cell(timing=LONG), Heard()
    record = phase(tmp_path, [one], Host(dies_at=reference_dying(at=8)), events=events)[one.id]
    assert len(events.reference_losses) == 1
    for step in present(record.timings).steps:
        assert len(step.rounds) == 8
        assert (step.reference, step.normalised) == ((), None)  # a reading beside some rounds only is none
        assert step.drift == 0.0  # of the rounds that had a reading before and after
        assert [doubt.kind for doubt in step.doubts] == ["reference"]


def test_the_next_group_has_a_reference_workload_again(tmp_path: Path) -> None:
    cells, events, host = [cell("frozen", timing=LONG), cell("full", timing=LONG)], Heard(), Host()
    host._dies_at = lambda job: 2 if isinstance(job, ReferenceJob) and len(host.opened) == 0 else None
    found = phase(tmp_path, cells, host, rooms=1, events=events)
    assert len(events.reference_losses) == 1
    first, second = (training(found[one.id]) for one in cells)
    assert [doubt.kind for doubt in first.doubts] == ["reference"]
    assert second.stable
    assert len(second.reference) == len(second.rounds)


def test_when_everything_dies_the_run_ends_with_a_reason_for_each_cell(tmp_path: Path) -> None:
    cells, events = [cell("frozen"), cell("full")], Heard()
    found = phase(tmp_path, cells, Host(dies_at=lambda job: 2), events=events)
    assert {present(record.timing_failure).type for record in found.values()} == {"SIGKILL"}
    assert events.lost_cells == ["frozen", "full"]
    assert len(events.reference_losses) == 1


def test_a_second_call_measures_only_what_is_missing(tmp_path: Path) -> None:
    cells = [cell("frozen"), cell("full")]
    phase(tmp_path, cells, Host(refuse=refusing("full")))
    again = Host()
    found = phase(tmp_path, [*cells, cell("frozen", seed=5)], again)
    assert [job.cell.strategy.name for job in again.models] == ["full", "frozen"]  # and the anchor beside it
    assert all(record.timings for record in found.values())
    assert all(record.timing_failure is None for record in found.values())


def test_a_cell_whose_steps_are_all_known_is_written_without_a_model(tmp_path: Path) -> None:
    first, later = cell(), cell(seed=5)
    phase(tmp_path, [first], Host())
    host = Host()
    found = phase(tmp_path, [first, later], host)
    assert host.opened == []
    assert found[later.id].timings == found[first.id].timings


def test_readings_are_kept_for_the_next_run_on_the_same_machine(tmp_path: Path) -> None:
    first, second, elsewhere = Host(), Host(), Host()
    elsewhere.environment = builders.environment(cpu="Another CPU")
    phase(tmp_path, [cell("frozen")], first)
    phase(tmp_path, [cell("full")], second)
    (kept,) = (tmp_path / "readings").iterdir()
    assert kept.read_text().count(" 0.05]") == 3 + 3  # before, between and after two rounds
    phase(tmp_path / "another run", [cell("scratch")], elsewhere, readings=tmp_path / "readings")
    assert len(list((tmp_path / "readings").iterdir())) == 2


def test_a_record_says_where_its_steps_were_timed_by_the_word_of_whoever_timed_them(tmp_path: Path) -> None:
    here, there = Host(), Host()
    there.environment = builders.environment(cpu="Another CPU")
    cells = [cell("frozen"), cell("full")]
    found = phase(tmp_path / "here", cells[:1], here) | phase(tmp_path / "there", cells[1:], there)
    # None: the machine it was trained on, which the record names
    assert present(found[cells[0].id].timings).environment is None
    assert present(found[cells[1].id].timings).environment == there.environment
    assert found[cells[1].id].environment == here.environment


def test_times_of_another_machine_join_no_run_that_has_some(tmp_path: Path) -> None:
    here, there, again = Host(), Host(), Host()
    there.environment = builders.environment().model_copy(update={"node": "second"})
    cells = [cell("frozen"), cell("full")]
    phase(tmp_path, cells[:1], here)
    found = phase(tmp_path, cells, there)
    assert found[cells[0].id].timings is not None
    lost = found[cells[1].id]
    assert lost.timings is None
    assert present(lost.timing_failure).type == "OtherMachine"
    assert "and this is second, " in present(lost.timing_failure).message
    assert phase(tmp_path, cells, again)[cells[1].id].timings is not None  # back where the others were taken


def test_a_backend_that_finds_no_gpu_beside_one_that_does_is_told_as_that(tmp_path: Path) -> None:
    on_gpu, on_cpu = Host(on_gpu=0), Host()
    on_gpu.environment = builders.environment(gpu="Fast One")
    cells = [cell("frozen"), cell("full")]
    phase(tmp_path, cells[:1], on_gpu)
    lost = present(phase(tmp_path, cells, on_cpu)[cells[1].id].timing_failure)
    assert lost.message == (
        "the run has step times of Test CPU, 2 threads, Fast One, and this is Test CPU, 2 threads, no GPU"
    )
    assert "a backend without its package for the GPU computes on the CPU" in lost.advice


def test_the_name_of_the_machine_that_timed_is_kept_where_its_hardware_is_that_which_trained(tmp_path: Path) -> None:
    host = Host()
    host.environment = builders.environment().model_copy(update={"node": "second"})
    (record,) = phase(tmp_path, [cell()], host).values()
    assert record.environment.node == ""
    assert present(present(record.timings).environment).node == "second"


def test_models_that_do_not_fit_into_memory_together_form_groups(tmp_path: Path) -> None:
    cells = [cell(backbone=Named(name="MobileNet", args={"alpha": alpha})) for alpha in (0.25, 0.5, 0.75)]
    host = Host()
    found = phase(tmp_path, cells, host, rooms=2)
    assert [present(record.timings).inference.models for record in (found[one.id] for one in cells)] == [2, 2, 1]
    assert len(host.opened) == 3 + 2  # the reference workload once a group


def test_models_are_built_several_at_once_where_there_are_cores_and_room_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "builders", lambda: 3)
    monkeypatch.setattr("tlbench.host.gpu.free_memory", lambda card: (80 * 10**9, 80 * 10**9))
    cells = [cell(backbone=Named(name="MobileNet", args={"alpha": alpha / 4})) for alpha in range(1, 6)]
    asked: list[int] = []

    def room(bytes_needed: int) -> bool:
        asked.append(bytes_needed)
        return bytes_needed <= 200  # two models of 100 bytes

    host = Host(on_gpu=0)
    found = phase(tmp_path, cells, host, room=room)
    assert all(record.timings for record in found.values())
    assert asked[:2] == [300, 200]  # three more at once do not fit, two do; the first was alone, to say how large it is
    assert [present(record.timings).inference.models for record in found.values()] == [5] * 5


@pytest.mark.parametrize("builders_at_once", [1, 3])
def test_models_on_a_gpu_warm_up_when_none_is_being_built_and_have_the_same_pace_however_many_are_built_at_once(
    builders_at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "builders", lambda: builders_at_once)
    monkeypatch.setattr("tlbench.host.gpu.free_memory", lambda card: (80 * 10**9, 80 * 10**9))
    host = Host(on_gpu=0)
    found = phase(tmp_path, [cell(), cell("full"), cell("partial"), cell("scratch")], host)
    assert {training(record).warmup for record in found.values()} == {(0.02,)}
    assert {pace for model in host.opened for pace in model.paces if isinstance(model.job, ModelJob)} == {
        Pace(uncounted=1, counted=2)
    }


def test_a_model_that_dies_of_its_warm_up_is_lost_as_one_that_cannot_be_built(tmp_path: Path) -> None:
    found = phase(tmp_path, [cell(), cell("full")], Host(on_gpu=0, cold=True))  # which closes all it opened
    assert {present(record.timing_failure).type for record in found.values()} == {"SIGKILL"}


def test_models_that_compute_on_a_cpu_are_built_one_after_the_other_whatever_card_the_machine_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "builders", lambda: 3)
    asked: list[int] = []

    def room(bytes_needed: int) -> bool:
        asked.append(bytes_needed)
        return True

    phase(tmp_path, [cell(), cell("full"), cell("partial")], Host(), room=room)
    assert set(asked) == {100}  # one model's bytes, never those of several


def test_a_model_that_is_lost_among_those_built_at_once_gets_its_second_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "builders", lambda: 4)
    monkeypatch.setattr("tlbench.host.gpu.free_memory", lambda card: (80 * 10**9, 80 * 10**9))
    tries = iter([killed()])
    host = Host(refuse=lambda job: next(tries, None) if of_strategy("full")(job) else None, on_gpu=0)
    found = phase(tmp_path, [cell(), cell("full"), cell("partial")], host)
    assert all(record.timings and not record.timing_failure for record in found.values())
    assert [present(record.timings).inference.models for record in found.values()] == [2, 2, 2]


def test_what_models_took_of_a_gpu_bounds_how_many_more_are_built_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "builders", lambda: 4)
    free = iter([40, 40, 40, 12])  # GB of 80: room for two of 8 GB, then for none
    asked: list[str] = []

    def free_memory(card: str) -> tuple[int, int]:
        asked.append(card)
        return next(free) * 10**9, 80 * 10**9

    monkeypatch.setattr("tlbench.host.gpu.free_memory", free_memory)
    host = Host(on_gpu=8 * 10**9)
    cells = [cell(backbone=Named(name="MobileNet", args={"alpha": alpha / 4})) for alpha in range(1, 4)]
    found = phase(tmp_path, cells, host)
    assert all(record.timings for record in found.values())
    assert [present(record.timings).inference.models for record in found.values()] == [3, 3, 3]
    assert set(asked) == {CARD}  # the one that the models compute on, by their word


def test_where_nobody_says_how_full_a_gpu_is_models_are_built_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tlbench.host.gpu.free_memory", lambda card: None)
    assert gpu_room_now(1, 10**12, CARD)
    assert not gpu_room_now(2, 1, CARD)
    monkeypatch.setattr("tlbench.host.gpu.free_memory", lambda card: (30 * 10**9, 80 * 10**9))
    assert gpu_room_now(1, 7 * 10**9, CARD)
    assert not gpu_room_now(1, 8 * 10**9, CARD)  # a third more than that, and a quarter of the card stays free
    assert not gpu_room_now(2, 4 * 10**9, CARD)


def test_models_on_a_cpu_do_not_ask_how_full_the_card_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tlbench.host.gpu.free_memory", lambda card: (0, 80 * 10**9))
    found = phase(tmp_path, [cell(), cell("full")], Host())
    assert [present(record.timings).inference.models for record in found.values()] == [2, 2]


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
    one = cell(timing=TIMING.model_copy(update={"more_batch_sizes": (1,)}))
    assert len({key_of(one, step, 2) for step in steps_of(one)}) == 3

"""The timing phase of one side: which steps are measured, shared and resumed."""

from pathlib import Path
from typing import Any

import pytest

from tests import builders
from tests.measuring.phases import phase, training
from tests.measuring.played import (
    TIMING,
    Host,
    cell,
    refusing,
)
from tests.narrow import present
from tlbench.core.cell import Named
from tlbench.measuring.jobs import key_of, plan, steps_of, untimed


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

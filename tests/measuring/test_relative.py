"""Times relative to a run's anchor: one model beside which all others take turns, in every group and every resumption."""

from pathlib import Path

import pytest

from tests import builders
from tests.measuring.phases import LONG, phase, training
from tests.measuring.played import TIMING, Host, cell, dying, refusing
from tests.narrow import present
from tlbench.core.cell import Cell
from tlbench.measuring.jobs import anchor_of
from tlbench.measuring.rounds import Taken
from tlbench.measuring.summary import Beside, relative_to
from tlbench.results.measured import Relative
from tlbench.results.record import Record
from tlbench.statistics.bootstrap import ratio

FROZEN, FULL, SCRATCH = (cell(name, timing=LONG) for name in ("frozen", "full", "scratch"))
APART = cell("full", timing=LONG, image_size=64)
"""Shares no step with the others."""


def relatives(record: Record) -> list[Relative]:
    return [present(step.relative) for step in present(record.timings).steps]


def test_the_first_cell_is_the_anchor_and_all_times_are_relative_to_its_same_step(tmp_path: Path) -> None:
    host = Host(slower={"full": 3.0, "training": 2.0})
    found = phase(tmp_path, [FROZEN, FULL], host)
    inference, step = relatives(found[FROZEN.id])
    assert inference == step == Relative(to=FROZEN.id, estimate=1.0, low=1.0, high=1.0)
    shared, step = relatives(found[FULL.id])
    assert shared == inference
    assert step.to == FROZEN.id
    assert (step.estimate, step.low, step.high) == pytest.approx((3.0, 3.0, 3.0))
    assert step.beside == training(found[FROZEN.id]).rounds  # of training too, not of inference


def test_groups_that_do_not_fit_into_memory_together_share_the_anchor(tmp_path: Path) -> None:
    host = Host(slower={"full": 3.0, "scratch": 5.0})
    room = iter([False, True, False, True, False])  # beside frozen: none; beside full: the anchor alone
    found = phase(tmp_path, [FROZEN, FULL, SCRATCH], host, room=lambda largest: next(room))
    assert [job.cell.strategy.name for job in host.models] == ["frozen", "full", "frozen", "scratch", "frozen"]
    assert [training(found[one.id]).models for one in (FROZEN, FULL, SCRATCH)] == [1, 2, 2]
    assert [relatives(found[one.id])[1].estimate for one in (FROZEN, FULL, SCRATCH)] == pytest.approx([1, 3, 5])
    assert len(training(found[FROZEN.id]).rounds) == 8  # its own measurement is that of its group


def test_a_model_beside_which_there_is_no_room_has_no_relative_time(tmp_path: Path) -> None:
    found = phase(tmp_path, [FROZEN, FULL], Host(), rooms=1)
    assert training(found[FULL.id]).relative is None
    assert training(found[FULL.id]).median == 0.030


def test_an_anchor_that_dies_in_the_rounds_is_a_measure_for_as_long_as_it_lived(tmp_path: Path) -> None:
    found = phase(tmp_path, [FROZEN, APART], Host(dies_at=dying("frozen", at=6)))
    assert found[FROZEN.id].timings is None
    step = training(found[APART.id])
    assert len(step.rounds) == 8
    assert 1 <= len(present(step.relative).beside) < 6
    assert present(step.relative).low is None  # too few rounds for an interval


def test_without_an_anchor_times_are_taken_all_the_same(tmp_path: Path) -> None:
    found = phase(tmp_path, [FROZEN, APART], Host(refuse=refusing("frozen")))
    assert training(found[APART.id]).relative is None
    assert training(found[APART.id]).stable


def test_a_resumed_run_keeps_its_anchor(tmp_path: Path) -> None:
    phase(tmp_path, [FULL], Host(slower={"full": 3.0}))
    found = phase(tmp_path, [FROZEN, FULL, SCRATCH], Host(slower={"full": 3.0, "scratch": 6.0}))
    assert {one.to for record in found.values() for one in relatives(record)} == {FULL.id}
    assert relatives(found[SCRATCH.id])[1].estimate == pytest.approx(2.0)


def test_the_anchor_has_the_steps_of_the_first_batch_size() -> None:
    many = cell(timing=TIMING.model_copy(update={"more_batch_sizes": (1, 8)}))
    failed, trained = builders.failed(cell("full")), builders.record(many, timings=None)
    anchor = present(anchor_of([failed, trained], [failed.cell, many]))
    assert anchor.cell == many
    assert [(step.step, step.batch_size) for step in anchor.steps] == [("inference", 32), ("training", 32)]
    assert anchor_of([failed], [failed.cell]) is None


def test_only_rounds_that_both_have_are_compared_and_the_machine_cancels_in_them() -> None:
    slow_minutes = [1.0] * 8 + [9.0] * 22
    its, mine = ([(speed * time,) for speed in slow_minutes] for time in (0.01, 0.02))
    relative = present(relative_to(Beside("anchor", its[:8]), mine, "mine"))
    assert relative.beside == tuple(its[:8])
    expected = present(ratio(its[:8], mine[:8]))
    assert (relative.estimate, relative.low, relative.high) == (expected.estimate, expected.low, expected.high)
    assert relative.estimate == pytest.approx(2.0)
    assert relative_to(Beside("anchor", Taken().rounds), mine, "mine") is None


def test_old_records_have_no_relative_times() -> None:
    one: Cell = cell()
    assert all(step.relative is None for step in present(builders.record(one).timings).steps)

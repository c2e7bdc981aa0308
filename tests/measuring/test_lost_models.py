"""The timing phase of one side when models, or the reference workload, cannot be built or die."""

from pathlib import Path

from tests.measuring.phases import LONG, phase, training
from tests.measuring.played import (
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
from tlbench.measuring.hosts import LostError
from tlbench.measuring.jobs import ModelJob, ReferenceJob, TimerJob


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

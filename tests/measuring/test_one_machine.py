"""The machine of step times: readings that are kept for it, and times of another one."""

from pathlib import Path

from tests import builders
from tests.measuring.phases import phase
from tests.measuring.played import (
    Host,
    cell,
)
from tests.narrow import present


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

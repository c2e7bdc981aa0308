"""Groups of models that are timed together: what fits into memory, and how many are built at once."""

import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests import builders
from tests.measuring.phases import phase, training
from tests.measuring.played import (
    CARD,
    Host,
    cell,
    killed,
    of_strategy,
)
from tests.narrow import present
from tlbench.core.cell import Named
from tlbench.host import resources
from tlbench.measuring.hosts import Pace
from tlbench.measuring.jobs import ModelJob, TimerJob, plan
from tlbench.measuring.opening import Opener, OpenModel, TimedSide
from tlbench.measuring.room import gpu_room_now, there_is_room


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
    # The first was alone, to say how large it is; two more at once fit, three do not.
    assert asked[:3] == [100, 200, 300]
    assert [present(record.timings).inference.models for record in found.values()] == [5] * 5


def test_the_next_model_is_begun_as_soon_as_one_of_those_being_built_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "builders", lambda: 2)
    monkeypatch.setattr("tlbench.host.gpu.free_memory", lambda card: (80 * 10**9, 80 * 10**9))
    last_begun, in_time = threading.Event(), []

    def refuse(job: TimerJob) -> None:  # "full" takes until the last of the others is begun
        if of_strategy("full")(job):
            in_time.append(last_begun.wait(10))
        if of_strategy("probe")(job):
            last_begun.set()

    host = Host(refuse=refuse, on_gpu=0)
    found = phase(tmp_path, [cell(name) for name in ("frozen", "full", "partial", "scratch", "probe")], host)
    assert in_time == [True]
    assert [present(record.timings).inference.models for record in found.values()] == [5] * 5


def test_models_take_their_turns_in_the_order_of_the_suite_whichever_was_built_first(tmp_path: Path) -> None:
    begun = threading.Event()

    def refuse(job: TimerJob) -> None:
        if of_strategy("full")(job):
            begun.wait(10)
        if of_strategy("partial")(job):
            begun.set()

    jobs = plan([builders.record(cell(name), timings=None) for name in ("frozen", "full", "partial")])
    waiting = list(jobs)
    opener = Opener([TimedSide(Host(refuse=refuse, on_gpu=0))], tmp_path, 1, lambda size: True, lambda *asked: True, 2)
    with ExitStack() as stack:
        first = opener.one(waiting.pop(0), stack)
        assert isinstance(first, OpenModel)
        group = [first]
        assert opener.others(waiting, lambda: waiting.pop(0), group, stack) == []
        assert [model.job for model in group] == jobs


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
    free = iter([40, 40, 40, 12])  # GB of 80: room for one more of 8 GB at a time, then for none
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


def test_models_for_which_a_gpu_has_no_room_wait_for_the_next_group(tmp_path: Path) -> None:
    size, asked = 8 * 10**9, list[tuple[int, int, str]]()

    def gpu_room(count: int, largest: int, card: str) -> bool:
        asked.append((count, largest, card))
        return count <= 2 and len(asked) <= 3

    waiting = plan([builders.record(cell(name), timings=None) for name in ("frozen", "full", "partial", "scratch")])
    opener = Opener([TimedSide(Host(on_gpu=size))], tmp_path, 1, lambda size: True, gpu_room, 4)
    with ExitStack() as stack:
        first = opener.one(waiting.pop(0), stack)
        assert isinstance(first, OpenModel)
        group = [first]
        assert opener.others(waiting, lambda: waiting.pop(0), group, stack) == []
    assert len(group) == 3
    assert len(waiting) == 1  # for the next group
    assert asked[:3] == [(1, size, CARD), (2, size, CARD), (3, size, CARD)]


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

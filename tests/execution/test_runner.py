"""Groups through an executor that plays any outcome: order, side by side, out of memory, stopped."""

import errno
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests import builders
from tests.execution.test_groups import FULL, KEEP, V2, job
from tlbench.core.cell import Cell
from tlbench.execution.again import LOST_TRIES, Policy
from tlbench.execution.executors import OnMessage
from tlbench.execution.groups import grouped
from tlbench.execution.job import Finished, Group, Job, Progress, Resources
from tlbench.execution.outcome import Died, Lost, Outcome, Raised, Returned, TimedOut
from tlbench.execution.runner import RECORD, run_groups
from tlbench.host.shares import Share
from tlbench.results.record import Record, SmallerBatch
from tlbench.results.store import Store

Play = Callable[[Group, Job], Outcome | None]


class Played:
    """Finishes each cell of a group, unless `play` says how it ends; at most as many at once as it has seen."""

    def __init__(self, play: Play = lambda group, job: None) -> None:
        self._play, self._lock = play, threading.Lock()
        self.ran: list[str] = []
        self.shares: list[Share | None] = []
        self.at_once = self._now = 0
        self.stopped = threading.Event()

    def run(self, group: Group, on_message: OnMessage, timeout: float, log: Path) -> Outcome:
        with self._lock:
            self._now += 1
            self.shares.append(group.share)
            self.at_once = max(self.at_once, self._now)
        try:
            for one in group.jobs:
                self.ran.append(one.cell.id)
                on_message(Progress("train"))
                outcome = self._play(group, one)
                if outcome is not None:
                    return outcome
                on_message(Finished(builders.record(one.cell)))
            return Returned(None)
        finally:
            with self._lock:
                self._now -= 1

    def stop(self) -> None:
        self.stopped.set()

    def slots(self, needs: Resources, workers: int | None) -> Sequence[Share | None]:
        raise AssertionError("who runs groups knows how many at once")


class Heard:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def begin(self, cell: Cell) -> None:
        self.lines.append(f"begin {cell.seed}")

    def progress(self, cell: Cell, message: Progress) -> None:
        self.lines.append(f"{message.phase} {cell.seed}")

    def end(self, record: Record) -> None:
        self.lines.append(f"{record.status} {record.cell.seed}")


def go(
    executor: Played, jobs: list[Job], folder: Path, workers: int = 1, policy: Policy = RECORD
) -> tuple[list[str], dict[str, Record]]:
    events, store = Heard(), Store(folder)
    groups = grouped(jobs, KEEP)
    shares = tuple(Share(cores=(core,)) for core in range(workers))
    run_groups(groups, executor, store, events, timeout=9, logs=folder / "logs", shares=shares, policy=policy)
    return events.lines, {record.cell_id: record for record in store.read_all().records}


@pytest.mark.parametrize("file", ["/out/models/a.keras", ""])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_full_disk_ends_the_run_and_its_cell_gets_no_record(tmp_path: Path, file: str, workers: int) -> None:
    def play(group: Group, one: Job) -> Outcome | None:
        error = OSError(errno.ENOSPC, "No space left on device", *([file] if file else []))
        return Raised.by(error) if one.cell.seed == 1 else None

    jobs = [job(seed=seed) for seed in range(2)]
    with pytest.raises(OSError, match="No space left on device") as full:
        go(Played(play), jobs, tmp_path, workers)
    assert str(full.value.filename) == (file or str(tmp_path / "logs" / f"{jobs[0].of.id}.log"))
    assert [record.cell.seed for record in Store(tmp_path).read_all().records] == [0]


class EndsBadly(Played):
    """Finishes every cell, but the process ends with `outcome` after the last one."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self._outcome = outcome

    def run(self, group: Group, on_message: OnMessage, timeout: float, log: Path) -> Outcome:
        super().run(group, on_message, timeout, log)
        return self._outcome


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("outcome", "logged"),
    [
        (Lost("the node died"), "the machine that trained it was lost (the node died)\n"),
        (Died(-9), "the process was killed by signal 9, most often by the system when memory ran out\n"),
        (TimedOut(9), "stopped after 9 s, the suite's timeout for one cell\n"),
        (Raised("ValueError", "no", "Traceback: no"), "Traceback: no"),
    ],
    ids=["lost", "killed", "timeout", "raised"],
)
def test_a_worker_lost_after_its_last_cell_costs_nothing(
    tmp_path: Path, outcome: Outcome, logged: str, workers: int
) -> None:
    jobs = [job(), job(backbone=V2)]
    executor = EndsBadly(outcome)
    _, records = go(executor, jobs, tmp_path, workers)
    assert {record.status for record in records.values()} == {"ok"}
    assert sorted(executor.ran) == sorted(one.cell.id for one in jobs), "no cell ran twice"
    for one in jobs:
        log = tmp_path / "logs" / f"{one.cell.id}.log"
        assert log.read_text() == f"After the last cell was finished: {logged}"


def test_each_cell_begins_and_ends_in_order(tmp_path: Path) -> None:
    lines, records = go(Played(), [job(seed=0), job(seed=1)], tmp_path)
    assert lines == ["begin 0", "train 0", "ok 0", "begin 1", "train 1", "ok 1"]
    assert len(records) == 2


def test_after_a_failure_the_rest_of_the_group_goes_on_in_a_new_child(tmp_path: Path) -> None:
    jobs = [job(seed=seed) for seed in range(3)]
    failed = Raised("ValueError", "no", "Traceback: no")
    executor = Played(lambda group, one: failed if one.cell.seed == 1 else None)
    lines, records = go(executor, jobs, tmp_path)
    assert [line for line in lines if line.split()[0] in ("ok", "failed")] == ["ok 0", "failed 1", "ok 2"]
    failure = records[jobs[1].cell.id].failure
    assert failure is not None
    assert failure.message == "no"
    assert executor.ran == [one.cell.id for one in jobs]
    assert (tmp_path / "logs" / f"{jobs[0].cell.id}.log").read_text() == "Traceback: no"


@pytest.mark.parametrize("other", [job(backbone=V2), job(strategy=FULL)])
def test_groups_run_side_by_side(tmp_path: Path, other: Job) -> None:
    meet = threading.Barrier(2, timeout=20)

    def play(group: Group, one: Job) -> None:
        meet.wait()

    _, records = go(Played(play), [job(), other], tmp_path, workers=2)
    assert len(records) == 2


def test_one_worker_runs_one_after_the_other(tmp_path: Path) -> None:
    executor = Played()
    go(executor, [job(), job(backbone=V2)], tmp_path, workers=1)
    assert executor.at_once == 1


def test_what_runs_out_of_memory_beside_others_is_tried_once_more_alone(tmp_path: Path) -> None:
    first = {"tries": 0}

    def play(group: Group, one: Job) -> Outcome | None:
        if one.cell.backbone != V2:
            return None
        first["tries"] += 1
        return Died(-9) if first["tries"] == 1 else None

    executor = Played(play)
    lines, records = go(executor, [job(), job(backbone=V2)], tmp_path, workers=2)
    assert first["tries"] == 2
    assert {record.status for record in records.values()} == {"ok"}
    assert not any(line.startswith("killed") for line in lines)
    assert [[one.then for one in record.earlier] for record in records.values()].count(["alone"]) == 1
    assert executor.shares[-1] is None  # alone it has the whole machine


def test_each_worker_has_a_share_of_its_own(tmp_path: Path) -> None:
    meet = threading.Barrier(2, timeout=20)

    def play(group: Group, one: Job) -> None:
        meet.wait()

    executor = Played(play)
    go(executor, [job(), job(backbone=V2), job(strategy=FULL), job(backbone=V2, strategy=FULL)], tmp_path, workers=2)
    assert {executor.shares[0], executor.shares[1]} == {Share(cores=(0,)), Share(cores=(1,))}
    assert len(executor.shares) == 4


OOM = Raised("MemoryError", "no memory left", "Traceback: no")


def test_a_failure_is_retried_as_often_as_the_suite_says_and_every_attempt_is_recorded(tmp_path: Path) -> None:
    outcomes: list[Outcome | None] = [Died(-11), Raised("OSError", "busy", "Traceback: busy"), None]
    executor = Played(lambda group, one: outcomes.pop(0))
    _, records = go(executor, [job()], tmp_path / "twice", policy=Policy(retries=2))
    (record,) = records.values()
    assert record.status == "ok"
    assert [(one.status, one.failure.type, one.then) for one in record.earlier] == [
        ("killed", "SIGSEGV", "retried"),
        ("failed", "OSError", "retried"),
    ]
    executor = Played(lambda group, one: Died(-11))
    _, records = go(executor, [job()], tmp_path / "bounded", policy=Policy(retries=1))
    assert [(one.status, len(one.earlier)) for one in records.values()] == [("killed", 1)]
    assert len(executor.ran) == 2


def test_a_cell_whose_machine_is_lost_runs_elsewhere_but_not_for_ever(tmp_path: Path) -> None:
    executor = Played(lambda group, one: Lost("node a died"))
    _, records = go(executor, [job(), job(seed=1)], tmp_path)
    assert len(executor.ran) == 2 * (LOST_TRIES + 1)
    for record in records.values():
        assert record.failure is not None
        assert (record.status, record.failure.type) == ("killed", "MachineLost")
        assert [one.then for one in record.earlier] == ["elsewhere"] * LOST_TRIES


def test_a_smaller_batch_is_taken_where_the_suite_says_so_and_both_are_recorded(tmp_path: Path) -> None:
    asked = [job(train={"batch_size": 32}, seed=seed) for seed in (0, 1)]
    trained: list[int] = []

    def play(group: Group, one: Job) -> Outcome | None:
        trained.append(one.cell.training.batch_size)
        return OOM if one.cell.training.batch_size > 8 else None

    _, records = go(Played(play), asked, tmp_path / "halved", policy=Policy(on_oom="halve_batch"))
    assert trained == [32, 16, 8, 8]
    assert set(records) == {one.cell.id for one in asked}
    first = records[asked[0].cell.id]
    assert first.cell == asked[0].cell
    assert first.smaller_batch == SmallerBatch(asked=32, trained=8)
    assert [(one.batch_size, one.then) for one in first.earlier] == [(32, "smaller"), (16, "smaller")]
    assert first.fallbacks == ("batch 8 for 32",)  # so that no comparison takes it for what was asked
    _, records = go(Played(play), asked, tmp_path / "recorded")
    assert {record.status for record in records.values()} == {"oom"}
    executor = Played(lambda group, one: OOM)
    _, records = go(executor, asked[:1], tmp_path / "never", policy=Policy(on_oom="halve_batch"))
    assert [record.status for record in records.values()] == ["oom"]
    assert len(executor.ran) == 6


def test_larger_batches_of_the_same_kind_are_skipped_where_the_suite_says_so(tmp_path: Path) -> None:
    jobs = [job(train={"batch_size": size}) for size in (16, 32, 64)] + [job(train={"batch_size": 64}, backbone=V2)]
    play = Played(lambda group, one: OOM if one.cell.backbone != V2 and one.cell.training.batch_size >= 32 else None)
    _, records = go(play, jobs, tmp_path, policy=Policy(on_oom="skip_larger"))
    assert [records[one.cell.id].status for one in jobs] == ["ok", "oom", "skipped", "ok"]
    skipped = records[jobs[2].cell.id].failure
    assert skipped is not None
    assert "ran out of memory with 32 images a batch" in skipped.message
    assert jobs[2].cell.id not in play.ran


def test_what_runs_out_of_memory_alone_is_recorded(tmp_path: Path) -> None:
    jobs = [job(), job(backbone=V2)]
    _, records = go(Played(lambda group, one: Died(-9) if one is jobs[1] else None), jobs, tmp_path, workers=2)
    assert records[jobs[1].cell.id].status == "killed"


def test_an_error_of_the_parent_ends_the_other_children(tmp_path: Path) -> None:
    executor = Played()

    def play(group: Group, one: Job) -> Outcome | None:
        if one.cell.backbone == V2:
            raise OSError(28, "No space left on device")
        assert executor.stopped.wait(20)
        return Died(-9)

    executor._play = play
    with pytest.raises(OSError, match="No space left"):
        go(executor, [job(), job(backbone=V2)], tmp_path, workers=2)
    assert Store(tmp_path).read_all().records == ()

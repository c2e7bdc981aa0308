"""What goes to a cluster and what comes back, with a Ray that is played."""

import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests import builders
from tests.execution.test_groups import KEEP, V2, job
from tlbench.core.errors import UserError
from tlbench.execution import node
from tlbench.execution.cluster import RayExecutor
from tlbench.execution.executors import EXECUTORS
from tlbench.execution.groups import grouped
from tlbench.execution.inputs import Inputs
from tlbench.execution.job import Finished, Group, Places, Progress, Resources
from tlbench.execution.outcome import Died, Lost, Raised, Returned
from tlbench.measuring.hosts import LostError
from tlbench.measuring.jobs import ReferenceJob
from tlbench.results.record import Failure

PLACES = Places(Path("data"), None, Path("/cache"), None, {"own": Path("own")}, False, None)
GB = 10**9


class RayError(Exception):
    pass


class RayTaskError(RayError):
    def __init__(self, cause: Exception) -> None:
        super().__init__("a traceback")
        self.cause = cause


class OutOfMemoryError(RayError):
    pass


class Ray:
    """Machines, and the messages that every task gives: an exception among them is raised where it is got."""

    exceptions = SimpleNamespace(RayError=RayError, RayTaskError=RayTaskError, OutOfMemoryError=OutOfMemoryError)
    util = SimpleNamespace(
        scheduling_strategies=SimpleNamespace(NodeAffinitySchedulingStrategy=lambda node, soft: (node, soft))
    )

    def __init__(self, messages: list[Any] = []) -> None:  # noqa: B006
        self.messages, self.asked, self.cancelled = messages, dict[str, Any](), list[Any]()
        self.actors, self.killed, self.called = list[Any](), list[Any](), list[int]()
        self.machines = [self.machine("b", CPU=4.0, GPU=2.0, memory=16 * GB), self.machine("a", CPU=2.0, memory=8 * GB)]

    def machine(self, name: str, **resources: float) -> dict[str, Any]:
        return {"NodeName": name, "NodeID": f"id-{name}", "Alive": True, "Resources": resources}

    def is_initialized(self) -> bool:
        return True

    def nodes(self) -> list[dict[str, Any]]:
        return self.machines

    def remote(self, *target: Any, **options: Any) -> Any:
        self.asked |= options
        if target:
            return SimpleNamespace(options=self._actor)

        def start(*arguments: Any) -> Iterator[Any]:
            self.task = arguments
            return iter(self.messages)

        return lambda work: SimpleNamespace(remote=start)

    def _actor(self, **options: Any) -> Any:
        self.asked |= options
        return SimpleNamespace(remote=self._started)

    def _started(self, *arguments: Any) -> Any:
        number = len(self.actors)

        def call(*arguments: Any) -> Any:
            self.called.append(number)
            return RayError("it is dead") if self.actors[number] in self.killed else self.messages.pop(0)

        method = SimpleNamespace(remote=call)
        self.actors.append(SimpleNamespace(open=method, turn=method, close=method))
        return self.actors[number]

    def kill(self, actor: Any) -> None:
        self.killed.append(actor)

    def get(self, message: Any, timeout: float | None = None) -> Any:
        if isinstance(message, Exception):
            raise message
        return message

    def cancel(self, messages: Any, force: bool) -> None:
        self.cancelled.append(force)


Playing = Callable[[list[Any]], tuple[RayExecutor, Ray]]


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Playing:
    def start(messages: list[Any]) -> tuple[RayExecutor, Ray]:
        ray = Ray(messages)
        monkeypatch.setitem(sys.modules, "ray", ray)
        monkeypatch.setitem(sys.modules, "ray.util.scheduling_strategies", ray.util)
        executor = EXECUTORS["ray"]()
        assert isinstance(executor, RayExecutor)
        return executor, ray

    return start


def group() -> Group:
    (found,) = grouped([job()], KEEP)
    return replace(found, places=PLACES, memory=3 * GB)


def test_without_the_package_or_a_cluster_a_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r"pip install 'tlbench\[ray\]'"):
        EXECUTORS["ray"]()


def test_as_many_run_as_fit_and_what_fits_nowhere_is_refused_by_name(play: Playing) -> None:
    executor, ray = play([])
    assert len(executor.slots(Resources(), None)) == 2  # a GPU each, since there are some
    assert len(executor.slots(Resources(gpus=0), None)) == 6
    assert len(executor.slots(Resources(gpus=0, cpus=2, memory=6 * GB), None)) == 3
    assert len(executor.slots(Resources(), 40)) == 40  # machines may come
    with pytest.raises(UserError, match=r"has 1 CPUs, 0 GPUs, 20 GB of memory for a cell \(a: 2 CPUs.*; b: 4 CPUs"):
        executor.slots(Resources(gpus=0, memory=20 * GB), None)
    ray.machines[0]["Alive"] = False
    with pytest.raises(UserError, match="no machine of the Ray cluster has 1 CPUs, 1 GPUs"):
        executor.slots(Resources(gpus=1), None)


def test_messages_come_as_they_are_made_and_the_log_at_the_end(play: Playing, tmp_path: Path) -> None:
    record = builders.record(job().cell)
    messages = [Progress("train", 1), Finished(record), node.Ended(Returned(None), "printed")]
    executor, ray = play(list(messages))
    executor.slots(Resources(cpus=2, gpus=1, memory=8 * GB), None)
    heard: list[Any] = []
    assert executor.run(group(), heard.append, 60, tmp_path / "log") == Returned(None)
    assert heard == messages[:2]
    assert (tmp_path / "log").read_text() == "printed"
    assert (ray.asked["num_cpus"], ray.asked["num_gpus"], ray.asked["memory"]) == (2, 1, 8 * GB)
    assert ray.asked["max_retries"] == 0
    task = ray.task[0]
    assert task.cells[0].images == "f"
    assert task.places.data == Path.cwd() / "data"
    assert task.places.dataset_paths == {"own": Path.cwd() / "own"}


def test_how_a_task_ends_that_says_nothing_itself(play: Playing, tmp_path: Path) -> None:
    for error, outcome in [
        (RayError("the node\ndied"), Lost("RayError: the node died")),
        (OutOfMemoryError("too much"), Died(-9, for_memory=True)),
        (RayTaskError(ValueError("no")), Raised("ValueError", "no", "a traceback")),
    ]:
        executor, _ = play([Progress("train"), error])
        found = executor.run(group(), lambda message: None, 60, tmp_path / "log")
        assert (found.why.split() if isinstance(found, Lost) else found) == (
            outcome.why.split() if isinstance(outcome, Lost) else outcome
        )
    executor, _ = play([])
    assert isinstance(executor.run(group(), lambda message: None, 60, tmp_path / "log"), Lost)


def test_models_are_kept_on_one_machine_alone(play: Playing, tmp_path: Path) -> None:
    executor, _ = play([])
    with pytest.raises(UserError, match="save_models"):
        executor.run(replace(group(), models=tmp_path), lambda message: None, 60, tmp_path / "log")


def test_stopping_cancels_what_runs(play: Playing, tmp_path: Path) -> None:
    executor, ray = play([Progress("train")])
    executor.run(group(), lambda message: executor.stop(), 60, tmp_path / "log")
    assert ray.cancelled == [True]
    executor.stop()
    assert ray.cancelled == [True]


def test_what_is_sent_while_a_run_is_stopped_is_cancelled(play: Playing, tmp_path: Path) -> None:
    executor, ray = play([Progress("train")])
    executor.stop()
    executor.run(group(), lambda message: None, 60, tmp_path / "log")
    assert ray.cancelled == [True]


def test_step_times_are_taken_on_the_first_machine_alone(play: Playing, tmp_path: Path) -> None:
    gone = node.Gone("killed", Failure(type="SIGKILL", message="killed", advice=""))
    executor, ray = play([(0, "ready"), (0.1, 0.2), gone, RayError("lost")])
    executor.slots(Resources(gpus=0), None)
    model = executor.open(ReferenceJob(backend="tensorflow"), 60, tmp_path / "log")
    assert model.ready == "ready"
    assert ray.asked["num_cpus"] == 2  # all that machine a has
    assert ray.asked["scheduling_strategy"] == ("id-a", False)
    assert model.turn(0, None) == (0.1, 0.2)  # type: ignore[arg-type]
    for kind in ("SIGKILL", "MachineLost"):
        with pytest.raises(LostError) as lost:
            model.turn(0, None)  # type: ignore[arg-type]
        assert lost.value.failure.type == kind


def test_models_of_a_machine_that_was_lost_stay_lost_and_the_next_one_gets_another(
    play: Playing, tmp_path: Path
) -> None:
    executor, ray = play([(0, "ready"), RayError("lost"), (0, "ready"), (0.3,), None])
    executor.slots(Resources(gpus=0), None)
    reference = ReferenceJob(backend="tensorflow")
    first = executor.open(reference, 60, tmp_path / "log")
    for _ in range(2):
        with pytest.raises(LostError, match="MachineLost"):
            first.turn(0, None)  # type: ignore[arg-type]
    assert ray.killed == ray.actors[:1]  # so that its machine is free again, should it live
    second = executor.open(reference, 60, tmp_path / "log")
    with pytest.raises(LostError):
        first.turn(0, None)  # type: ignore[arg-type]
    assert second.turn(0, None) == (0.3,)  # type: ignore[arg-type]
    first.close()
    second.close()
    assert ray.called == [0, 0, 0, 1, 0, 1, 0, 1]


def test_models_that_are_opened_at_once_live_on_one_machine(
    play: Playing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor, ray = play([(number, "ready") for number in range(4)])
    executor.slots(Resources(gpus=0), None)
    started = ray._started

    def slowly(*arguments: Any) -> Any:
        time.sleep(0.05)
        return started(*arguments)

    monkeypatch.setattr(ray, "_started", slowly)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda job: executor.open(job, 60, tmp_path / "log"), [ReferenceJob(backend="jax")] * 4))
    assert len(ray.actors) == 1


def test_a_machine_looks_in_its_own_folders_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shared").mkdir()
    monkeypatch.setenv("TLBENCH_WEIGHTS", str(tmp_path / "own"))
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("TLBENCH_DATA", raising=False)
    asked = replace(PLACES, data=tmp_path / "shared", weights=tmp_path / "shared", imagenet=tmp_path / "absent")
    here = node.resolved(asked)
    assert (here.data, here.weights, here.imagenet) == (tmp_path / "shared", tmp_path / "own", None)
    assert here.cache == tmp_path / "cache"


def test_other_images_or_another_tlbench_are_refused_on_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    there, other = job(fingerprint="f"), job(fingerprint="g", backbone=V2)
    monkeypatch.setattr(node, "find_inputs", lambda cells, places: Inputs({}, {}))
    monkeypatch.setattr(Inputs, "job", lambda self, cell: other)
    task = node.Task.of(Group((there,), None, places=PLACES))
    with pytest.raises(UserError, match="other images are there than the run rests on"):
        node._group(task)
    with pytest.raises(UserError, match=r"the run is of 0\.0"):
        node._group(replace(task, version="0.0"))
    monkeypatch.setattr(Inputs, "job", lambda self, cell: there)
    assert node._group(task).jobs == (there,)

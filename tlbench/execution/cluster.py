"""Cells on the machines of a Ray cluster: each group is a task, and step times are taken on one machine alone."""

import importlib
import os
import signal
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from tlbench.backbones import saved
from tlbench.cache.folders import size
from tlbench.core import plugin_files
from tlbench.core.errors import UserError
from tlbench.core.text import one_line
from tlbench.execution import node
from tlbench.execution.executors import OnMessage
from tlbench.execution.job import Group, Resources
from tlbench.execution.outcome import Died, Lost, Outcome, Raised
from tlbench.host.shares import Share
from tlbench.measuring.hosts import LostError, Pace, Participant, Ready, Turned
from tlbench.measuring.jobs import TimerJob
from tlbench.results.record import Failure

STARTS = 120.0
"""Seconds that a machine may take, beyond the timeout of an answer, to start the process that answers."""


class RayExecutor:
    """Groups as tasks of a Ray cluster, which is running already; this process only sends and gathers.

    Raises UserError where the package is not installed, or no cluster answers.
    """

    def __init__(self) -> None:
        self._ray = _connected()
        self._needs, self._lock = Resources(cpus=1, gpus=0), threading.Lock()
        self._running: set[Any] = set()
        self._stopped = False
        self._timers: Any = None

    def slots(self, needs: Resources, workers: int | None) -> Sequence[Share | None]:
        """As many groups as fit on all machines, or `workers`: what does not fit waits, for machines to come."""
        machines = self._machines()
        gpus = any(_has(machine, "GPU") for machine in machines) if needs.gpus is None else needs.gpus
        self._needs = Resources(cpus=needs.cpus or 1, gpus=int(gpus), memory=needs.memory)
        fit = sum(_fit(machine, self._needs) for machine in machines)
        if not fit:
            there = "; ".join(_said(machine) for machine in machines[:5])
            asked = f"{self._needs.cpus} CPUs, {self._needs.gpus} GPUs, {size(self._needs.memory or 0)} of memory"
            raise UserError(
                f"resources: no machine of the Ray cluster has {asked} for a cell ({there}); "
                "lower `resources` in the suite, or add a machine that has them"
            )
        return (None,) * (workers or fit)

    def run(self, group: Group, on_message: OnMessage, timeout: float, log: Path) -> Outcome:
        """As a task, on the machine that Ray chooses. Raises UserError where models are to be kept."""
        if group.models is not None:
            raise UserError("save_models: models would stay on the machines of the cluster; leave it out with Ray")
        needs, exceptions = self._needs, self._ray.exceptions
        task = self._ray.remote(
            num_cpus=needs.cpus,
            num_gpus=needs.gpus,
            memory=needs.memory,
            num_returns="streaming",
            max_retries=0,  # the records say what was tried again, so tlbench does it
            max_calls=0,  # memory of a GPU is in children: the process may live, and its fork server with it
        )(_run_task)
        messages = task.remote(node.Task.of(group), Share(threads=needs.cpus), timeout)
        with self._lock:
            self._running.add(messages)
            if self._stopped:  # while this one was sent
                self._ray.cancel(messages, force=True)
        try:
            for reference in messages:
                message = self._ray.get(reference)
                if isinstance(message, node.Ended):
                    log.write_text(message.log, encoding="utf-8")
                    return message.outcome
                on_message(message)
        except exceptions.RayTaskError as error:
            return Raised(type(error.cause).__name__, str(error.cause), str(error), isinstance(error.cause, UserError))
        except exceptions.OutOfMemoryError:  # Ray's own watch of a machine's memory
            return Died(-signal.SIGKILL, for_memory=True)
        except exceptions.RayError as error:
            return Lost(_short(error))
        finally:
            with self._lock:
                self._running.discard(messages)
        return Lost("its messages ended before it did")

    def stop(self) -> None:
        """Cancel the tasks of this run; their children end with them."""
        with self._lock:
            self._stopped = True
            for messages in self._running:
                self._ray.cancel(messages, force=True)

    def open(self, job: TimerJob, timeout: float, log: Path) -> Participant:
        """On the first machine by name that has all that a cell needs, which does nothing else for this cluster."""
        del log  # it stays where it is printed
        with self._lock:  # threads open models at once, and one machine is to be reserved
            timers = self._timers = self._timers or self._reserved()
        return _OnNode(self, timers, job, timeout)

    def ask(self, timers: Any, call: str, *arguments: Any, timeout: float) -> Any:
        """The answer of `timers`, which a model lives with. Raises LostError where the model, or the machine, is gone.

        The next model to be opened finds another machine then, or this one, which is free again.
        """
        try:
            answer = self._ray.get(getattr(timers, call).remote(*arguments), timeout=timeout + STARTS)
        except self._ray.exceptions.RayError as error:
            with self._lock:
                if self._timers is timers:
                    self._timers = None
                    self._ray.kill(timers)
            why = Failure(type="MachineLost", message=_short(error), advice="The same command takes the times.")
            raise LostError("killed", why) from error
        if isinstance(answer, node.Gone):
            raise LostError(answer.status, answer.failure)
        return answer

    def _reserved(self) -> Any:
        able = [machine for machine in self._machines() if _fit(machine, self._needs)]
        if not able:
            why = Failure(type="MachineLost", message="no machine is left that could", advice="Add one; run again.")
            raise LostError("killed", why)
        first = able[0]
        near = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(first["NodeID"], soft=False)
        actor = self._ray.remote(node.Timers).options(
            num_cpus=_has(first, "CPU"), num_gpus=_has(first, "GPU"), scheduling_strategy=near
        )
        return actor.remote(first["NodeName"], plugin_files.loaded(), saved.known())

    def _machines(self) -> list[Mapping[str, Any]]:
        """Those that live, by name."""
        return sorted(
            (one for one in self._ray.nodes() if one["Alive"]), key=lambda one: (one["NodeName"], one["NodeID"])
        )


class _OnNode:
    """A model that waits for its turns with `timers`, on the machine that times when it is opened."""

    def __init__(self, executor: RayExecutor, timers: Any, job: TimerJob, timeout: float) -> None:
        self._ask = partial(executor.ask, timers, timeout=timeout)
        self._number, ready = self._ask("open", job, timeout)
        self.ready: Ready = ready

    def turn(self, index: int, pace: Pace) -> Turned:
        turned: Turned = self._ask("turn", self._number, index, pace)
        return turned

    def close(self) -> None:
        with suppress(LostError):
            self._ask("close", self._number)


def _run_task(task: node.Task, share: Share, timeout: float) -> Any:
    """On a machine of the cluster: which one it is, and which of its GPUs are this task's, is Ray's to say."""
    ray = importlib.import_module("ray")
    own = ray.get_runtime_context().get_node_id()
    name = next((one["NodeName"] for one in ray.nodes() if one["NodeID"] == own), own)
    gpus = [str(gpu) for gpu in ray.get_gpu_ids()]
    yield from node.run_task(task, Share(gpus[0] if gpus else None, threads=share.threads), timeout, name)


def _connected() -> Any:
    try:
        ray = importlib.import_module("ray")
        importlib.import_module("ray.util.scheduling_strategies")
    except ImportError as error:
        raise UserError("--executor ray needs the package ray; `pip install 'tlbench[ray]'` installs it") from error
    if not ray.is_initialized():
        kept = signal.getsignal(signal.SIGTERM)  # which Ray takes for itself
        try:
            ray.init(os.environ.get("RAY_ADDRESS", "auto"), log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise UserError(
                f"no Ray cluster answers ({one_line(str(error))}); `ray start --head` starts one here, "
                "RAY_ADDRESS names another"
            ) from error
        finally:
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, kept)
    return ray


def _has(machine: Mapping[str, Any], what: str) -> int:
    return int(machine["Resources"].get(what, 0))


def _fit(machine: Mapping[str, Any], needs: Resources) -> int:
    asked = {"CPU": needs.cpus, "GPU": needs.gpus, "memory": needs.memory}
    return min(_has(machine, what) // count for what, count in asked.items() if count)


def _said(machine: Mapping[str, Any]) -> str:
    cpus, gpus, memory = (_has(machine, what) for what in ("CPU", "GPU", "memory"))
    return f"{machine['NodeName']}: {cpus} CPUs, {gpus} GPUs, {size(memory)}"


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {one_line(str(error))}"[:300]

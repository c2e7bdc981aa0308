"""Run cells on a Ray cluster. Each group is a task; step times are all measured on one reserved machine."""

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
from tlbench.core.errors import UserError, argument
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
"""Seconds that a machine may take to start the process that answers, on top of the timeout of the answer."""


class RayExecutor:
    """Runs groups as tasks of a Ray cluster that is already running; this process only sends and collects.

    Raises:
        UserError: Ray is not installed, or no cluster answers.
    """

    def __init__(self) -> None:
        self._ray = _connected()
        self._needs, self._lock = Resources(cpus=1, gpus=0), threading.Lock()
        self._running: set[Any] = set()
        self._stopped = False
        self._timers: Any = None

    def slots(self, needs: Resources, workers: int | None) -> Sequence[Share | None]:
        """`workers` slots, or as many as fit on all machines. Tasks that do not fit wait for further machines."""
        machines = self._machines()
        gpus = any(_has(machine, "GPU") for machine in machines) if needs.gpus is None else needs.gpus
        self._needs = Resources(cpus=needs.cpus or 1, gpus=int(gpus), memory=needs.memory)
        fit = sum(_fit(machine, self._needs) for machine in machines)
        if not fit:
            available = "; ".join(_said(machine) for machine in machines[:5])
            needed = f"{self._needs.cpus} CPUs, {self._needs.gpus} GPUs, {size(self._needs.memory or 0)} of memory"
            raise UserError(
                f"resources: no machine of the Ray cluster has {needed} for a cell ({available}); "
                "lower `resources` in the suite, or add a machine that has them"
            )
        return (None,) * (workers or fit)

    def run(self, group: Group, on_message: OnMessage, timeout: float, log: Path) -> Outcome:
        """Run the group as a task on a machine that Ray chooses.

        Raises:
            UserError: trained models are to be saved, which would stay on that machine.
        """
        if group.models is not None:
            raise UserError("save_models: models would stay on the machines of the cluster; leave it out with Ray")
        needs, exceptions = self._needs, self._ray.exceptions
        task = self._ray.remote(
            num_cpus=needs.cpus,
            num_gpus=needs.gpus,
            memory=needs.memory,
            num_returns="streaming",
            max_retries=0,  # tlbench retries by itself, because records list the attempts
            max_calls=0,  # keep the process, and its fork server: GPU memory belongs to its children
        )(_run_task)
        messages = task.remote(node.Task.of(group), Share(threads=needs.cpus), timeout)
        with self._lock:
            self._running.add(messages)
            if self._stopped:  # since the task was submitted
                self._ray.cancel(messages, force=True)
        try:
            for reference in messages:
                message = self._ray.get(reference)
                if isinstance(message, node.Ended):
                    log.write_text(message.log, encoding="utf-8")
                    return message.outcome
                on_message(message)
        except exceptions.RayTaskError as error:
            return Raised.by(error.cause, traceback=str(error))
        except exceptions.OutOfMemoryError:  # from Ray's memory monitor
            return Died(-signal.SIGKILL, for_memory=True)
        except exceptions.RayError as error:
            return Lost(_short(error))
        finally:
            with self._lock:
                self._running.discard(messages)
        return Lost("its messages ended before it did")

    def stop(self) -> None:
        """Cancel the tasks of this run, and thereby end their children."""
        with self._lock:
            self._stopped = True
            for messages in self._running:
                self._ray.cancel(messages, force=True)

    def open(self, job: TimerJob, timeout: float, log: Path) -> Participant:
        """Build the model on the machine reserved for timing: the first by name that has the needed resources."""
        del log  # the output stays on that machine
        with self._lock:  # several threads open models, but only one machine is to be reserved
            timers = self._timers = self._timers or self._reserved()
        return _OnNode(self, timers, job, timeout)

    def ask(self, timers: Any, call: str, *arguments: Any, timeout: float) -> Any:
        """Call a method of the actor `timers`, in whose process models live.

        Raises:
            LostError: the model or its machine is gone. The next model is opened on whichever machine is free then.
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
        """The machines that are alive, by name."""
        alive = [machine for machine in self._ray.nodes() if machine["Alive"]]
        return sorted(alive, key=lambda machine: (machine["NodeName"], machine["NodeID"]))


class _OnNode:
    """A model in the process of the actor `timers`, where it waits for its turns."""

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
    """The task, on a machine of the cluster. Ray says which machine it is and which GPUs the task may use."""
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
        raise UserError(
            f"{argument('executor')} ray needs the package ray; `pip install 'tlbench[ray]'` installs it"
        ) from error
    if not ray.is_initialized():
        kept = signal.getsignal(signal.SIGTERM)  # Ray replaces the handler
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
    """How many cells with these needs fit on a machine at once."""
    asked = {"CPU": needs.cpus, "GPU": needs.gpus, "memory": needs.memory}
    return min(_has(machine, what) // count for what, count in asked.items() if count)


def _said(machine: Mapping[str, Any]) -> str:
    cpus, gpus, memory = (_has(machine, what) for what in ("CPU", "GPU", "memory"))
    return f"{machine['NodeName']}: {cpus} CPUs, {gpus} GPUs, {size(memory)}"


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {one_line(str(error))}"[:300]

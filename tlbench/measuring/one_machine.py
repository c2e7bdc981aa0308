"""Make sure that all step times of a run come from one machine, since others cannot be compared with them."""

from collections.abc import Iterable
from pathlib import Path

from tlbench.measuring.hosts import LostError, Participant, TimerHost
from tlbench.measuring.jobs import TimerJob
from tlbench.results.measured import Environment
from tlbench.results.record import Failure, Record

IDENTIFIES = ("cpu", "threads", "gpu")
"""The parts of an environment's identity that name a machine; others, such as the kernel, change on the same one."""


class OneMachine:
    """Opens models with another host, and rejects those on a different machine than the first.

    Args:
        host: the host to use.
        known: where the run's earlier step times were measured; None without any.
    """

    def __init__(self, host: TimerHost, known: Environment | None) -> None:
        self._host, self._known = host, known

    def open(self, job: TimerJob, timeout: float, log: Path) -> Participant:
        """As `TimerHost.open`. Raises LostError also if the model is on another machine."""
        model = self._host.open(job, timeout, log)
        here, self._known = model.ready.environment, self._known or model.ready.environment
        if _machine(here) == _machine(self._known):
            return model
        model.close()
        message = f"the run has step times of {_named(self._known)}, and this is {_named(here)}"
        raise LostError("skipped", Failure(type="OtherMachine", message=message, advice=_advice(self._known, here)))


def where_timed(records: Iterable[Record]) -> Environment | None:
    """Where the step times in `records` were measured; None without any."""
    timed = (record for record in records if record.timings)
    return next((one.where_timed for one in timed), None)


def _machine(environment: Environment) -> tuple[str, ...]:
    return (environment.node, *(environment.identity.get(key, "") for key in IDENTIFIES))


def _named(environment: Environment) -> str:
    node, cpu, threads, gpu = _machine(environment)
    return ", ".join([*filter(None, (node, cpu)), f"{threads or '?'} threads", gpu or "no GPU"])


def _advice(known: Environment, here: Environment) -> str:
    *before, gpu_before = _machine(known)
    *now, gpu_now = _machine(here)
    if before == now and not (gpu_before and gpu_now):
        why = (
            "Times on a GPU and on a CPU are no column: a backend without its package for the GPU computes on the CPU. "
        )
        return why + "Install that, or hide the GPU from all backends (CUDA_VISIBLE_DEVICES=-1) and take --fresh."
    return "Times of two machines are no column: take them there, or all of them here, with --fresh."

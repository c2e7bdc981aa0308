"""Ways to run a job. An executor takes a job and returns how it ended; a new one is one entry in `EXECUTORS`."""

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from tlbench.errors import UserError
from tlbench.execution import child
from tlbench.execution.job import Job, Progress

WORKER = "tlbench.execution.worker:run_cell"
OnProgress = Callable[[Progress], None]


class Executor(Protocol):
    """Runs one job to its end. `log` is where the worker's own output goes."""

    def __call__(self, job: Job, on_progress: OnProgress, timeout: float, log: Path) -> child.Outcome:
        """Run `job`; `timeout` is in seconds."""


def process(job: Job, on_progress: OnProgress, timeout: float, log: Path) -> child.Outcome:
    """A child process of its own: a crash or a memory peak stays there."""
    child.start_server(job.cell.backend)
    return child.run(WORKER, job, on_message=on_progress, timeout=timeout, log=log)


def inline(job: Job, on_progress: OnProgress, timeout: float, log: Path) -> child.Outcome:
    """In this process, for a debugger: no time limit, no protection from a crash, output not kept apart."""
    del timeout, log
    child.choose_backend(job.cell.backend)
    try:
        return child.Returned(child.resolve(WORKER)(job, on_progress))
    except Exception as error:  # noqa: BLE001 - as in a child: whatever it is becomes a record
        return child.Raised(type(error).__name__, str(error), traceback.format_exc(), isinstance(error, UserError))


EXECUTORS: dict[str, Executor] = {"process": process, "inline": inline}

"""What happens on a machine of a cluster: a group is made from its cells again, with what this machine has, and run."""

import os
import threading
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue

from tlbench.backbones import saved
from tlbench.backbones.saved import SavedFile
from tlbench.cache.folders import cache_dir, feature_dir, most_features
from tlbench.core import plugin_files, settings
from tlbench.core.cell import Cell, Head, Named
from tlbench.core.errors import UserError
from tlbench.core.plugin_files import PluginFile
from tlbench.core.version import __version__
from tlbench.execution import temporary
from tlbench.execution.executors import ProcessExecutor
from tlbench.execution.inputs import Inputs, find_inputs
from tlbench.execution.job import Finished, Group, Job, Keep, Places, Progress
from tlbench.execution.outcome import Outcome, Raised
from tlbench.host.environment import NODE
from tlbench.host.shares import Share
from tlbench.measuring.hosts import LostError, Pace, Participant, Ready, Turned
from tlbench.measuring.jobs import TimerJob
from tlbench.results.record import Failure, Status

LONGEST_LOG = 1_000_000


@dataclass(frozen=True)
class Wanted:
    """A cell, and what its images and weights must be, wherever they lie. asked: as in a `Job`."""

    cell: Cell
    asked: Cell | None
    images: str | None
    weights: str | None
    classifier: str | None


@dataclass(frozen=True)
class Task:
    """A group as it travels. others: as in `Keep`; None where nothing is kept. version: of the tlbench that asks."""

    cells: tuple[Wanted, ...]
    places: Places
    others: tuple[tuple[Named, Head], ...] | None
    memory: int | None
    plugins: tuple[PluginFile, ...] = ()
    saved_models: tuple[SavedFile, ...] = ()
    version: str = __version__

    @classmethod
    def of(cls, group: Group) -> "Task":
        """The group without what only this machine has."""
        assert group.places is not None, "who asks for a cluster says where machines look"
        places, others = _absolute(group.places), group.keep.others if group.keep else None
        return cls(tuple(map(_wanted, group.jobs)), places, others, group.memory, plugin_files.loaded(), saved.known())


@dataclass(frozen=True)
class Ended:
    """How a group ended, and the end of what its worker printed."""

    outcome: Outcome
    log: str


@dataclass(frozen=True)
class Gone:
    """A model that can take no turns, as `LostError` says it: exceptions with two arguments do not travel."""

    status: Status
    failure: Failure


def run_task(task: Task, share: Share, timeout: float, node: str) -> Iterator[Progress | Finished | Ended]:
    """Run it here, in children of this process; its messages as they come, and how it ended at last."""
    os.environ[NODE] = node
    plugin_files.adopt(task.plugins)
    saved.adopt(task.saved_models)
    said: SimpleQueue[Progress | Finished | Ended] = SimpleQueue()

    def work() -> None:
        with temporary.inner("log-") as folder:
            log = Path(folder) / "log"
            outcome: Outcome
            try:
                outcome = ProcessExecutor().run(replace(_group(task), share=share), said.put, timeout, log)
            except Exception as error:  # noqa: BLE001 - whatever it is becomes a record
                message = f"on machine {node}: {error}"
                outcome = Raised(type(error).__name__, message, traceback.format_exc(), isinstance(error, UserError))
            printed = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
            said.put(Ended(outcome, printed[-LONGEST_LOG:]))

    threading.Thread(target=work, daemon=True).start()
    while True:
        message = said.get()
        yield message
        if isinstance(message, Ended):
            return


class Timers:
    """Hosts models while they are timed, on a machine that does nothing else meanwhile."""

    def __init__(self, node: str, plugins: Sequence[PluginFile] = (), saved_models: Sequence[SavedFile] = ()) -> None:
        os.environ[NODE] = node
        plugin_files.adopt(plugins)
        saved.adopt(saved_models)
        self._host = ProcessExecutor()
        self._open: dict[int, Participant] = {}
        self._logs = temporary.inner("log-")

    def open(self, job: TimerJob, timeout: float) -> tuple[int, Ready] | Gone:
        """The number by which a model is known from now on, and what it says of itself."""
        number = len(self._open)
        try:
            self._open[number] = self._host.open(job, timeout, Path(self._logs.name) / f"{number}.log")
        except LostError as error:
            return Gone(error.status, error.failure)
        return number, self._open[number].ready

    def turn(self, number: int, index: int, pace: Pace) -> Turned | Gone:
        """Seconds of the counted calls of a step."""
        try:
            return self._open[number].turn(index, pace)
        except LostError as error:
            return Gone(error.status, error.failure)

    def close(self, number: int) -> None:
        """Give a model's memory back."""
        self._open[number].close()


def _wanted(job: Job) -> Wanted:
    images = job.data.fingerprint if job.data else None
    return Wanted(job.cell, job.asked, images, job.weights.sha256, job.weights.classifier_sha256)


def _absolute(places: Places) -> Places:
    named = {name: path.absolute() for name in FOLDERS if (path := getattr(places, name)) is not None}
    return replace(
        places, **named, dataset_paths={name: path.absolute() for name, path in places.dataset_paths.items()}
    )


FOLDERS = {"data": "TLBENCH_DATA", "weights": "TLBENCH_WEIGHTS", "imagenet": "TLBENCH_IMAGENET"}
"""Of `Places`, with the variable by which a machine says that it has its own."""


def resolved(places: Places) -> Places:
    """Folders as they are here: this machine's variables, else those of the one that asks, where they are shared."""
    found: dict[str, Path | None] = {}
    for name, variable in FOLDERS.items():
        named: Path | None = getattr(places, name)
        found[name] = settings.folder(variable) or (named if named and named.is_dir() else None)
    return Places(
        **found,
        cache=cache_dir(),
        dataset_paths=places.dataset_paths,
        synthetic_allowed=places.synthetic_allowed,
        weights_instead=places.weights_instead,
    )


def _group(task: Task) -> Group:
    """The group of `task` with what is here. Raises UserError where that is not what the run rests on."""
    if task.version != __version__:
        raise UserError(f"tlbench {__version__} is installed there, the run is of {task.version}; install the same one")
    asked = [one.asked or one.cell for one in task.cells]
    inputs = find_inputs(asked, resolved(task.places))
    jobs = tuple(_job(one, inputs) for one in task.cells)
    keep = None if task.others is None else Keep(feature_dir(), most_features(), task.others)
    return Group(jobs, keep, task.memory)


def _job(wanted: Wanted, inputs: Inputs) -> Job:
    job = inputs.job(wanted.asked or wanted.cell)
    here = _wanted(job)
    if (here.images, here.weights, here.classifier) != (wanted.images, wanted.weights, wanted.classifier):
        what = "images" if here.images != wanted.images else "weights"
        raise UserError(f"other {what} are there than the run rests on; share one folder, or copy it to all machines")
    return replace(job, cell=wanted.cell, asked=wanted.asked)

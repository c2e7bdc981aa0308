"""The part of an execution that happens on a machine of a cluster.

Jobs are not sent there, because they have paths of the sender. Their cells are, with the fingerprints of images and
weights; the machine finds its own files and checks that they are the same.
"""

import os
import threading
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
    """A cell with the fingerprints that its images and weights must have.

    Attributes:
        cell: the cell to run.
        asked: as in `Job`.
        images: the fingerprint of the images.
        weights: the SHA-256 of the weights.
        classifier: the SHA-256 of the weights with the original classifier.
    """

    cell: Cell
    asked: Cell | None
    images: str | None
    weights: str | None
    classifier: str | None


@dataclass(frozen=True)
class Task:
    """A group in the form in which it is sent to another machine.

    Attributes:
        cells: the cells, in order.
        places: where to look for images and weights that machines share.
        others: as in `Keep`; None where no features are cached.
        memory: as in `Group`.
        plugins: plugin files to load.
        saved_models: saved models that cells start from.
        version: the version of the sender's tlbench, which must be the receiver's.
    """

    cells: tuple[Wanted, ...]
    places: Places
    others: tuple[tuple[Named, Head], ...] | None
    memory: int | None
    plugins: tuple[PluginFile, ...] = ()
    saved_models: tuple[SavedFile, ...] = ()
    version: str = __version__

    @classmethod
    def of(cls, group: Group) -> "Task":
        """The group, without what belongs to this machine."""
        assert group.places is not None, "the session sets the places of each group"
        places, others = _absolute(group.places), group.keep.others if group.keep else None
        return cls(tuple(map(_wanted, group.jobs)), places, others, group.memory, plugin_files.loaded(), saved.known())


@dataclass(frozen=True)
class Ended:
    """How a group ended, and the last part of its log."""

    outcome: Outcome
    log: str


@dataclass(frozen=True)
class Gone:
    """A `LostError` as a value: an exception with two arguments cannot be unpickled."""

    status: Status
    failure: Failure


def run_task(task: Task, share: Share, timeout: float, node: str) -> Iterator[Progress | Finished | Ended]:
    """Run a task on this machine, in child processes.

    Args:
        task: the group.
        share: the part of the machine that it may use.
        timeout: the longest time for each cell, in seconds.
        node: the name of the machine.

    Yields:
        The worker's messages as they come, then how the group ended.
    """
    os.environ[NODE] = node
    plugin_files.adopt(task.plugins)
    saved.adopt(task.saved_models)
    messages: SimpleQueue[Progress | Finished | Ended] = SimpleQueue()

    def work() -> None:
        with temporary.inner("log-") as folder:
            log = Path(folder) / "log"
            outcome: Outcome
            try:
                outcome = ProcessExecutor().run(replace(_group(task), share=share), messages.put, timeout, log)
            except Exception as error:  # noqa: BLE001 - every error becomes a record
                outcome = Raised.by(error, f"on machine {node}: {error}")
            printed = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
            messages.put(Ended(outcome, printed[-LONGEST_LOG:]))

    threading.Thread(target=work, daemon=True).start()
    while True:
        message = messages.get()
        yield message
        if isinstance(message, Ended):
            return


class Timers:
    """Hosts models while their steps are timed, on a machine that does nothing else meanwhile."""

    def __init__(self, node: str, plugins: Sequence[PluginFile] = (), saved_models: Sequence[SavedFile] = ()) -> None:
        os.environ[NODE] = node
        plugin_files.adopt(plugins)
        saved.adopt(saved_models)
        self._host = ProcessExecutor()
        self._open: dict[int, Participant] = {}
        self._logs = temporary.inner("log-")

    def open(self, job: TimerJob, timeout: float) -> tuple[int, Ready] | Gone:
        """Build a model. Returns the number to refer to it by, and its description."""
        number = len(self._open)
        try:
            self._open[number] = self._host.open(job, timeout, Path(self._logs.name) / f"{number}.log")
        except LostError as error:
            return Gone(error.status, error.failure)
        return number, self._open[number].ready

    def turn(self, number: int, index: int, pace: Pace) -> Turned | Gone:
        """Time one step of a model, chosen by its index, at the pace given."""
        try:
            return self._open[number].turn(index, pace)
        except LostError as error:
            return Gone(error.status, error.failure)

    def close(self, number: int) -> None:
        """Close a model and free its memory."""
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
"""Fields of `Places`, with the environment variable by which a machine names a folder of its own."""


def resolved(places: Places) -> Places:
    """`places` on this machine: the folders of its own variables, else the sender's folders if they exist here."""
    folders: dict[str, Path | None] = {}
    for name, variable in FOLDERS.items():
        sent: Path | None = getattr(places, name)
        folders[name] = settings.folder(variable) or (sent if sent and sent.is_dir() else None)
    return Places(
        **folders,
        cache=cache_dir(),
        dataset_paths=places.dataset_paths,
        synthetic_allowed=places.synthetic_allowed,
        weights_instead=places.weights_instead,
    )


def _group(task: Task) -> Group:
    """The group of `task` with this machine's files. Raises UserError where they are not the same as the sender's."""
    if task.version != __version__:
        raise UserError(f"tlbench {__version__} is installed there, the run is of {task.version}; install the same one")
    inputs = find_inputs([wanted.asked or wanted.cell for wanted in task.cells], resolved(task.places))
    jobs = tuple(_job(wanted, inputs) for wanted in task.cells)
    keep = None if task.others is None else Keep(feature_dir(), most_features(), task.others)
    return Group(jobs, keep, task.memory)


def _job(wanted: Wanted, inputs: Inputs) -> Job:
    job = inputs.job(wanted.asked or wanted.cell)
    here = _wanted(job)
    if (here.images, here.weights, here.classifier) != (wanted.images, wanted.weights, wanted.classifier):
        what = "images" if here.images != wanted.images else "weights"
        raise UserError(f"other {what} are there than the run rests on; share one folder, or copy it to all machines")
    return replace(job, cell=wanted.cell, asked=wanted.asked)

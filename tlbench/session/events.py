"""Who wants to know how a run goes: the terminal, a notebook, a log, a test."""

from collections.abc import Mapping
from typing import Protocol

from tlbench.core.cell import Cell
from tlbench.execution.job import Progress
from tlbench.execution.runner import CellEvents
from tlbench.measuring.session import TimingEvents
from tlbench.results.record import Failure, Record
from tlbench.results.run_folder import RunFolder
from tlbench.results.store import SetAside
from tlbench.session.folder import log


class Events(CellEvents, TimingEvents, Protocol):
    """What happens in a run, in this order. Called by one thread at a time.

    `begin`, `progress` and `end` tell of a cell's training, `opening`, `round`, `lost` and `reference_lost` of the
    timing phase.
    """

    def searching(self) -> None:
        """Images and weights are looked for."""

    def decoding(self, dataset: str, done: int, total: int) -> None:
        """`done` of the `total` images of a data set are decoded."""

    def fallback(self, sentence: str) -> None:
        """Something stands in for what the suite asks for."""

    def read(self, sentence: str) -> None:
        """Which folders of a data set were taken for which split."""

    def note(self, sentence: str) -> None:
        """Something to know of the images, or a number that will be missing."""

    def skipped(self, sentence: str) -> None:
        """Files were left out of a data set."""

    def created(self, folder: RunFolder) -> None:
        """A new run begins in `folder`."""

    def set_aside(self, file: SetAside) -> None:
        """A file of an earlier run is no readable record, or holds no predictions; its cell is run again."""

    def resumed(self, folder: RunFolder, asked: int, trained: int, untimed: int) -> None:
        """The run in `folder` goes on: of the `asked` cells so many are trained, and of those `untimed` lack times."""

    def complete(self, folder: RunFolder, asked: int) -> None:
        """All `asked` cells were done in `folder` before."""

    def exporting(self, cell: Cell, title: str, number: int, total: int) -> None:
        """The model of `cell` is written for the runtime called `title`: export `number` of `total` of `deploy`."""

    def foretold(self, training: Mapping[str, float], timing: float) -> None:
        """Seconds that each cell's training is predicted to take, by the cell's id, and those of all step times.

        A cell of which nothing can be told is not in it.
        """

    def training(self, total: int, done: int) -> None:
        """Training of the `total` cells begins, of which `done` are trained."""


class Silent:
    """Events that nobody hears. Derive from it to hear some of them."""

    def searching(self) -> None:
        """Nothing."""

    def decoding(self, dataset: str, done: int, total: int) -> None:
        """Nothing."""

    def fallback(self, sentence: str) -> None:
        """Nothing."""

    def read(self, sentence: str) -> None:
        """Nothing."""

    def note(self, sentence: str) -> None:
        """Nothing."""

    def skipped(self, sentence: str) -> None:
        """Nothing."""

    def created(self, folder: RunFolder) -> None:
        """Nothing."""

    def set_aside(self, file: SetAside) -> None:
        """Nothing."""

    def resumed(self, folder: RunFolder, asked: int, trained: int, untimed: int) -> None:
        """Nothing."""

    def complete(self, folder: RunFolder, asked: int) -> None:
        """Nothing."""

    def exporting(self, cell: Cell, title: str, number: int, total: int) -> None:
        """Nothing."""

    def foretold(self, training: Mapping[str, float], timing: float) -> None:
        """Nothing."""

    def training(self, total: int, done: int) -> None:
        """Nothing."""

    def begin(self, cell: Cell) -> None:
        """Nothing."""

    def progress(self, cell: Cell, message: Progress) -> None:
        """Nothing."""

    def end(self, record: Record) -> None:
        """Nothing."""

    def opening(self, cell: Cell, number: int, total: int) -> None:
        """Nothing."""

    def round(self, number: int, waiting: int, models: int) -> None:
        """Nothing."""

    def lost(self, cell: Cell, why: Failure) -> None:
        """Nothing."""

    def reference_lost(self, why: Failure) -> None:
        """Nothing."""


class Logged(Silent):
    """The default of the Python API: silent but for what changes the meaning of numbers.

    That goes to the logger ``tlbench`` as warnings, which Python prints on stderr where a program configures nothing.
    """

    def fallback(self, sentence: str) -> None:
        """Warn."""
        log.warning("fallback: %s", sentence)

    def note(self, sentence: str) -> None:
        """Warn."""
        log.warning("note: %s", sentence)

    def skipped(self, sentence: str) -> None:
        """Warn."""
        log.warning("skipped: %s", sentence)

    def set_aside(self, file: SetAside) -> None:
        """Warn."""
        log.warning("set aside: %s: %s", file.path, file.reason)

    def lost(self, cell: Cell, why: Failure) -> None:
        """Warn."""
        log.warning("no step times of %s: %s: %s", cell.label, why.type, why.message)

    def reference_lost(self, why: Failure) -> None:
        """Warn."""
        log.warning("the reference workload was lost: %s: %s", why.type, why.message)

    def end(self, record: Record) -> None:
        """Warn of a cell that gave no numbers."""
        if record.failure is not None:
            why = record.failure
            log.warning("%s: %s: %s: %s", record.status, record.cell.label, why.type, why.message)

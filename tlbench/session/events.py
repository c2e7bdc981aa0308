"""Events: how a terminal, a notebook, a log or a test follows the progress of a run."""

from collections.abc import Mapping
from typing import Protocol

from tlbench.core.cell import Cell
from tlbench.execution.runner import CellEvents
from tlbench.measuring.opening import TimingEvents
from tlbench.results.record import Failure, Record
from tlbench.results.run_folder import RunFolder
from tlbench.results.store import Damaged
from tlbench.session.folder import log


class Events(CellEvents, TimingEvents, Protocol):
    """Receives what happens in a run, in this order. Methods are called by one thread at a time.

    `begin`, `progress` and `end` are about the training of a cell, `opening`, `round`, `lost` and `reference_lost`
    about the timing phase. Each says `return`, since type checkers take an empty one for abstract; `Silent` has them.
    """

    def searching(self) -> None:
        """The search for images and weights begins."""
        return

    def decoding(self, dataset: str, done: int, total: int) -> None:
        """`done` of the `total` images of a data set are decoded."""
        return

    def fallback(self, sentence: str) -> None:
        """A stand-in replaces images or weights that the suite asks for."""
        return

    def read(self, sentence: str) -> None:
        """The folders of a data set were read as these splits and classes."""
        return

    def note(self, sentence: str) -> None:
        """A remark for the user, e.g. on images or on numbers that will be missing."""
        return

    def skipped(self, sentence: str) -> None:
        """Files of a data set were skipped."""
        return

    def created(self, folder: RunFolder) -> None:
        """A new run begins in `folder`."""
        return

    def set_aside(self, file: Damaged) -> None:
        """A damaged record or predictions file was moved out of the way; its cell runs again."""
        return

    def resumed(self, folder: RunFolder, asked: int, trained: int, untimed: int) -> None:
        """The run in `folder` is resumed: of `asked` cells `trained` are trained, and `untimed` of those lack times."""
        return

    def complete(self, folder: RunFolder, asked: int) -> None:
        """All `asked` cells are done in `folder` already."""
        return

    def exporting(self, cell: Cell, title: str, number: int, total: int) -> None:
        """In `deploy`, the model of `cell` is exported to the runtime `title`: export `number` of `total`."""
        return

    def foretold(self, training: Mapping[str, float], timing: float) -> None:
        """The run is predicted to take this long.

        Args:
            training: the seconds of each cell's training, by cell id, without cells that cannot be predicted.
            timing: the seconds of the timing phase.
        """
        return

    def training(self, total: int, done: int) -> None:
        """The training of `total` cells begins, of which `done` are trained already."""
        return


class Silent(Events):
    """Events that do nothing. Derive from it to handle some of them."""


class Logged(Silent):
    """The default of the Python API: logs only what affects the meaning of numbers.

    This goes to the logger ``tlbench`` as warnings, which Python prints on stderr unless logging is configured.
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

    def set_aside(self, file: Damaged) -> None:
        """Warn."""
        log.warning("set aside: %s: %s", file.path, file.reason)

    def lost(self, cell: Cell, why: Failure) -> None:
        """Warn."""
        log.warning("no step times of %s: %s: %s", cell.label, why.type, why.message)

    def reference_lost(self, why: Failure) -> None:
        """Warn."""
        log.warning("the reference workload was lost: %s: %s", why.type, why.message)

    def end(self, record: Record) -> None:
        """Warn if the cell failed."""
        if record.failure is not None:
            why = record.failure
            log.warning("%s: %s: %s: %s", record.status, record.cell.label, why.type, why.message)

"""The progress of a run: a live line on a terminal; elsewhere a line per cell, and at least one every half minute."""

import errno
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
from rich.status import Status
from rich.text import Text

from tlbench.cli.time_left import TimeLeft
from tlbench.core.cell import Cell
from tlbench.core.duration import duration
from tlbench.core.text import counted, harmless, percent
from tlbench.execution.job import Progress as Message
from tlbench.results.record import Failure, Record
from tlbench.results.run_folder import RunFolder
from tlbench.results.store import Damaged

WIDE = 120
"""Columns from which a terminal gets the long bar."""
BAR, SHORT_BAR = 20, 8
"""Columns of the progress bar, on a wide and on a narrow terminal."""
GAPS = 2
"""Spaces between the bar, the count and the text."""
Part = str | tuple[str, str]
"""A piece of a line: a text, or a text and its colour."""
QUIET = 30.0
"""Without a terminal, print the live line if nothing was printed for this many seconds."""


class PlainBar(ProgressColumn):
    """A bar of characters: rich's has the same ones for both parts, in two colours."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self._width = width

    def render(self, task: Task) -> Text:
        """The bar: ``###-----``."""
        full = round(self._width * task.percentage / 100)
        return Text("#" * full + "-" * (self._width - full))


class Terminal:
    """Shows the `Events` of a run on a rich console.

    The live line is redrawn when an event arrives and never by a timer: a thread that draws would disturb
    measurements.

    Attributes:
        folder: the folder of the run; None until it is known.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self.folder: Path | None = None
        self._console = console
        self._status = console.status("")
        self._bar_width = BAR if console.width >= WIDE else SHORT_BAR
        self._bar = Progress(
            PlainBar(self._bar_width) if console.no_color else BarColumn(bar_width=self._bar_width),
            MofNCompleteColumn(),
            TextColumn("{task.description}", markup=False),
            console=console,
            auto_refresh=False,
            transient=True,
            disable=not console.is_terminal,
        )
        self._total, self._done, self._time_left = 0, 0, TimeLeft(clock)
        self._clock, self._printed_last = clock, clock()
        self._task = self._bar.add_task("", total=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._status.stop()
        self._bar.stop()

    def searching(self) -> None:
        """Show this until the next line is printed."""
        self._status.update("Looking for images and weights")
        self._status.start()

    def decoding(self, dataset: str, done: int, total: int) -> None:
        """Show how many images are decoded."""
        text = f"Preparing {dataset}: {done}/{total}"
        self._status.update(Text(harmless(text)))
        self._print_if_quiet(text)

    def fallback(self, sentence: str) -> None:
        """Print which stand-in is used."""
        self._say("fallback", sentence)

    def read(self, sentence: str) -> None:
        """Print how a data set was read."""
        self._say("", sentence)

    def note(self, sentence: str) -> None:
        """Print a remark."""
        self._say("note", sentence)

    def skipped(self, sentence: str) -> None:
        """Print which files were skipped."""
        self._say("skipped", sentence)

    def created(self, folder: RunFolder) -> None:
        """Print the folder of the new run."""
        self.folder = folder.path
        self._say("", f"New run in {folder.path}")

    def set_aside(self, file: Damaged) -> None:
        """Print which damaged file was moved away."""
        self._say("set aside", f"{file.path}: {file.reason}")

    def resumed(self, folder: RunFolder, asked: int, trained: int, untimed: int) -> None:
        """Print which run is resumed, and how much of it is done."""
        self.folder = folder.path
        done = f"{trained} of {counted(asked, 'cell')} {'is' if trained == 1 else 'are'} trained"
        without = f", {untimed} of them not timed" if untimed else ""
        self._say("", f"Resuming {folder.path}: {done}{without}")

    def complete(self, folder: RunFolder, asked: int) -> None:
        """Print that the run is finished."""
        self.folder = folder.path
        cells = "The one cell is" if asked == 1 else f"All {asked} cells are"
        self._say("", f"{cells} done already; --fresh measures again.")

    def exporting(self, cell: Cell, title: str, number: int, total: int) -> None:
        """Show which model is exported to which runtime."""
        self._status.stop()
        self._bar.start()
        self._total, self._done = total, number - 1
        self._bar.update(self._task, total=total, completed=self._done)
        self._live("", cell.label, f" · {title}")

    def foretold(self, training: Mapping[str, float], timing: float) -> None:
        """Keep the predictions, for the remaining time."""
        self._time_left.foretold(training, timing)

    def training(self, total: int, done: int) -> None:
        """Start the live line."""
        self._time_left.training(total - done)
        self._total, self._done = total, done
        self._bar.update(self._task, total=total, completed=done)
        self._bar.start()

    def chosen(self, cells: int) -> None:
        """Set the number of cells, which a budget has chosen."""
        self._total = cells
        self._bar.update(self._task, total=cells, refresh=True)

    def said(self, sentence: str) -> None:
        """Print a sentence."""
        self._print(sentence)

    def begin(self, cell: Cell) -> None:
        """Show which cell is running."""
        self._time_left.begin(cell.id)
        self._show(cell, "start")

    def progress(self, cell: Cell, message: Message) -> None:
        """Show the phase and the epoch."""
        text = message.phase
        if message.epoch:
            text = f"epoch {message.epoch}/{cell.training.epochs}"
            if message.val_accuracy is not None:
                text += f", validation {percent(message.val_accuracy)}"
        self._show(cell, text)

    def opening(self, cell: Cell, number: int, total: int) -> None:
        """Show which model is built for the timing phase."""
        self._time_left.timing()
        if number == 1:
            self._done = self._total  # all are trained, or exported
            self._bar.update(self._task, completed=self._done)
            self._print("Step times of one model" if total == 1 else f"Step times: {total} models take turns")
        self._live(f"step times: model {number}/{total}, ", cell.label, self._left())

    def round(self, number: int, waiting: int, models: int) -> None:
        """Show how many steps are still to be timed."""
        steps = f"{counted(waiting, 'step')} of {counted(models, 'model')} to go"
        self._live(f"step times: round {number}, {steps}{self._left()}")

    def lost(self, cell: Cell, why: Failure) -> None:
        """Print which model has no step times, and why."""
        text = f"no step times of {cell.label}: {why.type}: {_first_line(why)}"
        self._print(("failed", "red"), " ", text)

    def reference_lost(self, why: Failure) -> None:
        """Print that the machine's speed is no longer monitored."""
        text = f"the reference workload was lost ({why.type}); step times are measured without it and marked unstable"
        self._print(("note", "yellow"), " ", text)

    def end(self, record: Record) -> None:
        """Print a line about the finished cell."""
        self._done += 1
        self._time_left.end(record.cell_id, whole=record.status == "ok")
        self._bar.update(self._task, completed=self._done, description="", refresh=True)
        self._print((self._counted(), "dim"), " ", *line(record))

    def _say(self, kind: str, sentence: str) -> None:
        self._status.stop()
        before: list[Part] = [(kind, "yellow"), " "] if kind else []
        self._print(*before, sentence)

    def _show(self, cell: Cell, text: str) -> None:
        self._live("", cell.label, f" · {text}{self._left()}")

    def _live(self, before: str, name: str = "", after: str = "") -> None:
        """Show ``before``, ``name`` and ``after`` in the live line.

        A text that is too long is cut at its beginning, first the name's: the end of a name distinguishes cells, and
        the end of the text is the remaining time.
        """
        room = self._console.width - self._bar_width - len(self._counted()) - GAPS
        before, name, after = map(harmless, (before, name, after))
        short = _end(name, room - len(before) - len(after))
        self._bar.update(self._task, description=_end(f"{before}{short}{after}", room), refresh=True)
        self._print_if_quiet(f"{self._counted()} {before}{name}{after}")

    def _counted(self) -> str:
        return f"{self._done:>{len(str(self._total))}}/{self._total}"

    def _print_if_quiet(self, text: str) -> None:
        """Without a terminal, print a text if nothing was printed for `QUIET` seconds."""
        if not self._console.is_terminal and self._clock() - self._printed_last >= QUIET:
            self._print(text)

    def _print(self, *parts: Part) -> None:
        """Print a line. Names in it are the user's: none commands the terminal, or the CI system that keeps the log."""
        self._printed_last = self._clock()
        safe = [harmless(part) if isinstance(part, str) else (harmless(part[0]), part[1]) for part in parts]
        self._console.print(Text.assemble(*safe), highlight=False, soft_wrap=True)

    def _left(self) -> str:
        seconds = self._time_left.seconds()
        return "" if seconds is None else f" · about {duration(max(seconds, 1))} left"


class _Console(Console):
    """A console that leaves a closed pipe to its caller. rich would exit with 1, the code of a regression."""

    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE), "stderr")


def opening_model() -> Status:
    """While this is entered, a terminal shows on stderr why nothing happens: Keras takes seconds to be imported."""
    return _Console(stderr=True).status("Opening the model")


def on_stderr() -> Terminal:
    """Shows the events of a run on stderr."""
    return Terminal(_Console(stderr=True, highlight=False, soft_wrap=True))


def _end(text: str, room: int) -> str:
    """The text, or ``…`` and as much of its end as there is room for."""
    return text if len(text) <= room else f"…{text[len(text) - room + 1 :]}" if room > 1 else ""


def line(record: Record) -> list[Part]:
    """The pieces of a line about a finished cell."""
    name, seconds = record.cell.label, sum(record.phases.values())
    if record.status != "ok":
        assert record.failure is not None
        return [(record.status, "red"), " ", f"{name}: {record.failure.type}: {_first_line(record.failure)}"]
    marks: list[Part] = [" ", (f"({', '.join(record.fallbacks)})", "yellow")] if record.fallbacks else []
    what = f"top-1 {percent(record.accuracy.top1)}" if record.accuracy else "counted"
    return [f"{name}: {what} in {duration(seconds)}", *marks]


def _first_line(why: Failure) -> str:
    return why.message.splitlines()[0]

"""How a run is shown while it goes: a live line on a terminal; elsewhere a line a cell, and one each half minute."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from tlbench.cli.time_left import TimeLeft
from tlbench.core.cell import Cell
from tlbench.core.duration import duration
from tlbench.core.text import counted, disarmed, percent
from tlbench.execution.job import Progress as Message
from tlbench.results.record import Failure, Record
from tlbench.results.run_folder import RunFolder
from tlbench.results.store import SetAside

BAR, SHORT_BAR, WIDE, GAPS = 20, 8, 120, 2
"""Columns of the bar, of that on a terminal of fewer than `WIDE`, and blanks between it, the count and the text."""
QUIET = 30.0
"""Seconds after which somebody who reads a log wants to know that it goes on."""


class Terminal:
    """The Events of a run on a rich console. `folder` is the run's, once that is known.

    The live line is redrawn when something happens and never by a timer: a thread that draws would
    disturb what the worker measures. Where there is no terminal, it is printed when something happens and nothing was
    said for `QUIET` seconds.
    """

    def __init__(
        self, console: Console, total: int = 0, done: int = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.folder: Path | None = None
        self._console = console
        self._status = console.status("")
        self._bar_width = BAR if console.width >= WIDE else SHORT_BAR
        self._bar = Progress(
            BarColumn(bar_width=self._bar_width),
            MofNCompleteColumn(),
            TextColumn("{task.description}"),
            console=console,
            auto_refresh=False,
            transient=True,
            disable=not console.is_terminal,
        )
        self._total, self._done, self._time_left = total, done, TimeLeft(clock)
        self._clock, self._said_last = clock, clock()
        self._time_left.training(total - done)
        self._task = self._bar.add_task("", total=total, completed=done)

    def __enter__(self) -> Self:
        if self._total:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._status.stop()
        self._bar.stop()

    def searching(self) -> None:
        """Show that images and weights are looked for, until something is said of them."""
        self._status.update("Looking for images and weights")
        self._status.start()

    def decoding(self, dataset: str, done: int, total: int) -> None:
        """Show how far a data set is decoded."""
        text = f"Preparing {dataset}: {done}/{total}"
        self._status.update(escape(text))
        self._say_after_quiet(text)

    def fallback(self, sentence: str) -> None:
        """Say what stands in."""
        self._say("fallback", sentence)

    def read(self, sentence: str) -> None:
        """Say what was read."""
        self._say("", sentence)

    def note(self, sentence: str) -> None:
        """Say what is to be known."""
        self._say("note", sentence)

    def skipped(self, sentence: str) -> None:
        """Say what was left out."""
        self._say("skipped", sentence)

    def created(self, folder: RunFolder) -> None:
        """Say where the new run is."""
        self.folder = folder.path
        self._say("", f"New run in {folder.path}")

    def set_aside(self, file: SetAside) -> None:
        """Name the file."""
        self._say("set aside", f"{file.path}: {file.reason}")

    def resumed(self, folder: RunFolder, asked: int, trained: int, untimed: int) -> None:
        """Say which run goes on, and from where."""
        self.folder = folder.path
        done = f"{trained} of {counted(asked, 'cell')} {'is' if trained == 1 else 'are'} done"
        without = f", {untimed} of them without step times" if untimed else ""
        self._say("", f"Going on in {folder.path}: {done}{without}")

    def complete(self, folder: RunFolder, asked: int) -> None:
        """Say that nothing is left to do."""
        self.folder = folder.path
        all_of_it = "The one cell is" if asked == 1 else f"All {asked} cells are"
        self._say("", f"{all_of_it} done already; --fresh measures again.")

    def exporting(self, cell: Cell, title: str, number: int, total: int) -> None:
        """Show which model is written for which runtime."""
        self._status.stop()
        self._bar.start()
        self._total, self._done = total, number - 1
        self._bar.update(self._task, total=total, completed=self._done)
        self._live("", cell.label, f" · {title}")

    def foretold(self, training: Mapping[str, float], timing: float) -> None:
        """Remember it for the time that is left."""
        self._time_left.foretold(training, timing)

    def training(self, total: int, done: int) -> None:
        """Begin the live line."""
        self._time_left.training(total - done)
        self._total, self._done = total, done
        self._bar.update(self._task, total=total, completed=done)
        self._bar.start()

    def chosen(self, cells: int) -> None:
        """Show how many cells there are."""
        self._total = cells
        self._bar.update(self._task, total=cells, refresh=True)

    def said(self, sentence: str) -> None:
        """Leave a line behind."""
        self._print(escape(sentence))

    def begin(self, cell: Cell) -> None:
        """Show which cell runs."""
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
        """Show which model is made ready for the timing phase."""
        self._time_left.timing()
        self._live(f"step times: model {number}/{total}, ", cell.label, self._left())
        if number == 1:
            self._print("Step times of one model" if total == 1 else f"Step times: {total} models take turns")

    def round(self, number: int, waiting: int, models: int) -> None:
        """Show how the timing phase goes."""
        waits = f"{counted(waiting, 'step')} of {counted(models, 'model')} still {'waits' if waiting == 1 else 'wait'}"
        self._live(f"step times: round {number}, {waits}{self._left()}")

    def lost(self, cell: Cell, why: Failure) -> None:
        """Say which model gives no step times."""
        text = f"no step times of {cell.label}: {why.type}: {why.message.splitlines()[0]}"
        self._print(f"[red]failed[/] {escape(text)}")

    def reference_lost(self, why: Failure) -> None:
        """Say that the machine's speed is not watched any more."""
        text = f"the reference workload was lost ({why.type}); step times are taken without it, and marked unstable"
        self._print(f"[yellow]note[/] {escape(text)}")

    def end(self, record: Record) -> None:
        """Leave one line for the cell behind."""
        self._done += 1
        self._time_left.end(record.cell_id, whole=record.status == "ok")
        self._bar.update(self._task, completed=self._done, description="", refresh=True)
        self._print(f"[dim]{self._counted()}[/] {line(record)}")

    def _say(self, kind: str, sentence: str) -> None:
        self._status.stop()
        self._print((f"[yellow]{kind}[/] " if kind else "") + escape(disarmed(sentence)))

    def _show(self, cell: Cell, text: str) -> None:
        self._live("", cell.label, f" · {text}{self._left()}")

    def _live(self, before: str, name: str = "", after: str = "") -> None:
        """Show a text in the live line. Where it is too long, the name in it loses its beginning, whose end tells cells
        apart; then the text does, whose end is the time that is left.
        """
        room = self._console.width - self._bar_width - len(self._counted()) - GAPS
        short = _end(name, room - len(before) - len(after))
        self._bar.update(self._task, description=escape(_end(f"{before}{short}{after}", room)), refresh=True)
        self._say_after_quiet(f"{self._counted()} {before}{name}{after}")

    def _counted(self) -> str:
        return f"{self._done:>{len(str(self._total))}}/{self._total}"

    def _say_after_quiet(self, text: str) -> None:
        """Print a text where there is no live line and nothing was said for long."""
        if not self._console.is_terminal and self._clock() - self._said_last >= QUIET:
            self._print(escape(text))

    def _print(self, text: str) -> None:
        self._said_last = self._clock()
        self._console.print(text, highlight=False, soft_wrap=True)

    def _left(self) -> str:
        seconds = self._time_left.seconds()
        return "" if seconds is None else f" · about {duration(max(seconds, 1))} left"


def _end(text: str, room: int) -> str:
    """As much of the end of a text as there is room for, with a sign that it is the end."""
    return text if len(text) <= room else f"…{text[len(text) - room + 1 :]}" if room > 1 else ""


def line(record: Record) -> str:
    """One line about a finished cell, in rich markup."""
    name = escape(record.cell.label)
    seconds = sum(record.phases.values())
    if record.status != "ok":
        assert record.failure is not None
        why = f"{record.failure.type}: {record.failure.message.splitlines()[0]}"
        return f"[red]{record.status}[/] {name}: {escape(why)}"
    marks = f" [yellow]({', '.join(record.fallbacks)})[/]" if record.fallbacks else ""
    what = f"top-1 {percent(record.accuracy.top1)}" if record.accuracy else "counted"
    return f"{name}: {what} in {duration(seconds)}{marks}"

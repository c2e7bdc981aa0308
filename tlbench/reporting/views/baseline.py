"""The view of `tlbench baseline show`: one side of a comparison. Pure."""

from collections.abc import Mapping

from tlbench.core.text import DASH, counted, percent
from tlbench.regression.entries import Draw, Entry
from tlbench.regression.side import Side
from tlbench.reporting.document import Document, Note, Table
from tlbench.reporting.numbers import count, milliseconds
from tlbench.reporting.stand_ins import marked, note, of_side

HEADINGS = ["Cell", "Status", "Top-1", "Params", "Times (ms)", "Peak (MiB)"]


def document(side: Side) -> Document:
    """Where the side was measured, and a row for each cell."""
    first = side.entries[0] if side.entries else None
    machine = _named(first.machine) if first else "unknown"
    if first and first.timed_on:
        machine += f"; times on {_named(first.timed_on)}"
    said = [Note((rests,))] if (rests := note(of_side(side))) else []
    table = Table.of(HEADINGS, map(_row, side.entries))
    return Document(f"{side.suite}, {side.created}, on {machine}", (*said, table))


def _named(machine: Mapping[str, str]) -> str:
    return f"{machine.get('cpu', 'unknown')}, {machine.get('threads', '?')} threads"


def _row(entry: Entry) -> list[str]:
    return [
        marked(entry.cell.label, entry.fallbacks),
        entry.status,
        percent(entry.correct / entry.images) if entry.images and entry.correct is not None else DASH,
        count(int(entry.counts["params"])) if entry.counts else DASH,
        ", ".join(f"{times.step} {_time(times.draws[0])}" for times in entry.times) or DASH,
        f"{entry.memory[0] / 2**20:.0f}" if entry.memory else DASH,
    ]


def _time(draw: Draw) -> str:
    """The median in ms; a dash and the number of steps if they are too few."""
    return milliseconds(draw.median * 1000) if draw.few is None else f"{DASH} ({counted(draw.few, 'step')})"

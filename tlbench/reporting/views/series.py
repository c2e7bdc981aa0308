"""Numbers of cells over many runs: where their level changed, and a figure for each. Pure."""

import math
from collections import Counter
from collections.abc import Sequence

from tlbench.core.text import counted
from tlbench.regression.history import Change, Series
from tlbench.reporting import numbers
from tlbench.reporting.document import Block, Document, Figure, Listing, Note, Point, Section, Table
from tlbench.statistics.changepoints import FEWEST

BLOCKS = "▁▂▃▄▅▆▇█"
MOST_IN_COURSE = 24
MOST_MOVED = 3


def page(title: str, series: Sequence[Series]) -> Document:
    """How many numbers moved, which, and a figure for each number of each cell; those without a change are folded."""
    cells: dict[str, list[Series]] = {}
    for number in series:
        cells.setdefault(number.cell, []).append(number)
    sections = [
        Section(
            cell,
            tuple(Section(number.number, (figure(number),)) for number in group),
            folded=not any(number.changes for number in group),
        )
        for cell, group in cells.items()
    ]
    changed = Section("What changed", (_changes(series),))
    every = Section("All numbers", (table(series),))
    return Document(title, (Section("In short", (_in_short(series),)), changed, every, *sections))


def table(series: Sequence[Series]) -> Table:
    """A line for each number with its course in small: the last runs from left to right, lowest to highest."""
    rows = [
        [
            number.cell,
            number.number + (f" ({number.unit})" if number.unit else ""),
            course([point.value for point in number.points[-MOST_IN_COURSE:]]),
            *(numbers.significant(number.points[place].value) for place in (0, -1)),
            str(len(number.changes)),
        ]
        for number in series
    ]
    return Table.of(["Cell", "Number", "Course", "First", "Last", "Changes of level"], rows, right=[3, 4, 5])


def course(values: Sequence[float]) -> str:
    """Blocks that rise from the lowest value to the highest; all at half height where they are equal."""
    low, high = min(values), max(values)
    if low == high:
        return BLOCKS[len(BLOCKS) // 2 - 1] * len(values)
    return "".join(BLOCKS[round((value - low) / (high - low) * (len(BLOCKS) - 1))] for value in values)


def _in_short(series: Sequence[Series]) -> Table:
    moved = sum(bool(number.changes) for number in series)
    rows = [["Changed their level", str(moved)], ["Kept it, as far as can be seen", str(len(series) - moved)]]
    return Table.of(["", "Numbers"], rows, right=[1])


def summary(series: Sequence[Series], runs: int) -> tuple[Block, ...]:
    """How much was followed over how many runs, a line for each change of level, and what else moved the most.

    Where no number has runs enough for a change of level to be seen, that is said.
    """
    lines = [f"{cell}: {name}: {words}" for cell, name, words in _rows(series)]
    head = f"{counted(runs, 'run')}, {len(series)} series{_on(series)}, {counted(len(lines), 'change')} of level"
    longest = max((len(number.points) for number in series), default=0)
    few = f"No number has more than {counted(longest, 'run')}: a change of level is seen from {FEWEST} runs on."
    early = [Note((f"{few} Of counts every change is told.",))] if longest < FEWEST else []
    return Note((head,)), *early, Listing((*lines, *_moves(series)))


def _moves(series: Sequence[Series]) -> list[str]:
    """The numbers whose last value is another than their first and whose level is not known to have changed: of each
    name those that moved the most.
    """
    by_name: dict[str, list[Series]] = {}
    for number in series:
        if not number.changes and number.points[0].value != number.points[-1].value:
            by_name.setdefault(number.name, []).append(number)
    lines = []
    for name, several in by_name.items():
        several.sort(key=_moved_by, reverse=True)
        lines += [_move(number) for number in several[:MOST_MOVED]]
        if len(several) > MOST_MOVED:
            lines.append(f"{name}: {len(several) - MOST_MOVED} more moved")
    return lines


def _moved_by(series: Series) -> float:
    first, last = series.points[0].value, series.points[-1].value
    return abs(last - first) / abs(first) if first else math.inf


def _move(series: Series) -> str:
    first, last = series.points[0], series.points[-1]
    values = f"{numbers.significant(first.value)} → {numbers.significant(last.value)}{_unit(series)}"
    shift = f"{values}{_by(series, first.value, last.value)}"
    return f"{series.cell}: {series.number}: {shift}, first and last of {len(series.points)} runs"


def _on(series: Sequence[Series]) -> str:
    """Which of them rest on stand-ins, kind by kind: `` (44 on synthetic data)``; empty where none does."""
    several = Counter(", ".join(number.stand_ins) for number in series if number.stand_ins)
    return f" ({', '.join(f'{count} on {named}' for named, count in several.items())})" if several else ""


def figure(series: Series) -> Figure:
    """Points in the order of the runs, marks where the level changed."""
    values = [point.value for point in series.points]
    where = f", {series.machine}" if series.machine else ""
    starts = {id(point): index for index, point in enumerate(series.points)}
    return Figure(
        title=f"{series.number} of {series.cell}",
        points=tuple(Point(each.value, f"{each.run}: {each.value:.5g} {series.unit}") for each in series.points),
        caption=f"{min(values):.4g} to {max(values):.4g}{_unit(series)}, {len(values)} runs{where}",
        breaks=tuple(starts[id(change.at)] for change in series.changes),
    )


def moved(series: Series, change: Change) -> str:
    """What moved, how far, when, and what else changed then."""
    causes = f"; with it {', '.join(change.causes)}" if change.causes else ""
    shift = f"{change.before:.4g} → {change.after:.4g}{_unit(series)}{_by(series, change.before, change.after)}"
    return f"{shift} at {change.at.run}, {change.at.created}{causes}"


def _by(series: Series, before: float, after: float) -> str:
    """How far it moved: in points where its unit is per cent, else relative; empty from 0."""
    if series.unit == "%":
        return f" ({after - before:+.1f} points)"
    return f" ({after / before - 1:+.1%})" if before else ""


def _changes(series: Sequence[Series]) -> Block:
    rows = _rows(series)
    return Table.of(["Cell", "Number", "Change"], rows) if rows else Note(("No number changed its level.",))


def _rows(series: Sequence[Series]) -> list[tuple[str, str, str]]:
    return [(number.cell, number.number, moved(number, change)) for number in series for change in number.changes]


def _unit(series: Series) -> str:
    return f" {series.unit}" if series.unit else ""

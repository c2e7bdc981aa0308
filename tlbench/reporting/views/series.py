"""The view of `tlbench history`: numbers over many runs, where their level changed, and figures. Pure."""

import math
from collections import Counter
from collections.abc import Callable, Sequence

from tlbench.core.text import counted, tenths
from tlbench.regression.history import Change, Series
from tlbench.reporting import numbers
from tlbench.reporting.document import Block, Document, Figure, Listing, Note, Point, Section, Table
from tlbench.reporting.numbers import UNROUNDED
from tlbench.statistics.changepoints import FEWEST

BLOCKS = "▁▂▃▄▅▆▇█"
MOST_IN_COURSE = 24
MOST_MOVED = 3
PER_CENT, BETWEEN = "%", " · "


def page(title: str, series: Sequence[Series]) -> Document:
    """A summary, the changes of level, and a figure for each number; sections without a change are folded."""
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
    return Document(title, (Section("In short", (_in_short(series), *_early(series))), changed, every, *sections))


def table(series: Sequence[Series]) -> Table:
    """A row for each number, with a small plot of the last runs."""
    rows = [
        [
            number.cell,
            number.number + (f" ({number.unit})" if number.unit else ""),
            course([point.value for point in number.points[-MOST_IN_COURSE:]]),
            *(_written(number, number.points[place].value, numbers.significant) for place in (0, -1)),
            str(len(number.changes)),
        ]
        for number in series
    ]
    return Table.of(["Cell", "Number", "Course", "First", "Last", "Changes of level"], rows, right=[3, 4, 5])


def course(values: Sequence[float]) -> str:
    """A small plot of characters, from the lowest value to the highest; at half height if all are equal."""
    low, high = min(values), max(values)
    if low == high:
        return BLOCKS[len(BLOCKS) // 2 - 1] * len(values)
    return "".join(BLOCKS[round((value - low) / (high - low) * (len(BLOCKS) - 1))] for value in values)


def _in_short(series: Sequence[Series]) -> Table:
    moved = sum(bool(number.changes) for number in series)
    few = sum(not number.changes and len(number.points) < FEWEST for number in series)
    rows = [["Changed their level", str(moved)], ["Kept it, as far as can be seen", str(len(series) - moved - few)]]
    rows += [[f"Fewer than {FEWEST} runs, so that only a count can be judged", str(few)]] if few else []
    return Table.of(["", "Numbers"], rows, right=[1])


def _early(series: Sequence[Series]) -> list[Note]:
    """A note if no series has enough runs to find a change of level."""
    longest = max((len(number.points) for number in series), default=0)
    few = f"No series has more than {counted(longest, 'run')}: a change of level can be found from {FEWEST} runs on."
    counts = " Every change of a count is listed." if any(number.changes for number in series) else ""
    return [Note((few + counts,))] if longest < FEWEST else []


def summary(series: Sequence[Series], runs: int) -> tuple[Block, ...]:
    """The numbers of runs and series, every change of level, and the largest other differences.

    If no series has enough runs to find a change of level, a note says so.
    """
    lines = [f"{cell}: {name}: {words}" for cell, name, words in _rows(series)]
    head = f"{counted(runs, 'run')}, {len(series)} series{_on(series)}, {counted(len(lines), 'change')} of level"
    return Note((head,)), *_early(series), *([Listing(tuple(lines))] if lines else []), *_moves(series)


def _moves(series: Sequence[Series]) -> list[Block]:
    """Numbers whose first and last values differ although no change of level was found, the largest movement first.

    Of each number so many as `MOST_MOVED`, and none whose movement is lost in the rounding.
    """
    rose = sorted((number for number in series if not number.changes and _differs(number)), key=_moved_by, reverse=True)
    seen: Counter[str] = Counter()
    listed = []
    for number in rose:
        seen[number.name] += 1
        if seen[number.name] <= MOST_MOVED:
            listed.append(number)
    if not listed:
        return []
    cells = _short([number.cell for number in listed])
    pairs = zip(listed, cells, strict=True)
    rows = [[number.number, cell, *_ends(number), str(len(number.points))] for number, cell in pairs]
    table = Table.of(["Number", "Cell", "First → last", "Change", "Runs"], rows, right=[4])
    left = len(rose) - len(listed)
    more = [f"At most {MOST_MOVED} cells of a number are listed; {left} more moved."] if left else []
    return [Note(("What moved from the first run to the last, the most first:",)), table, Note((*more, UNROUNDED))]


def _short(cells: Sequence[str]) -> list[str]:
    """Names of cells without the parts that all of them have, often the head and the seed."""
    parts = [cell.split(BETWEEN) for cell in cells]
    common = set(parts[0]).intersection(*parts[1:]) if len(set(cells)) > 1 else set()
    short = (BETWEEN.join(part for part in each if part not in common) for each in parts)
    return [name or cell for name, cell in zip(short, cells, strict=True)]


def _moved_by(series: Series) -> float:
    first, last = series.points[0].value, series.points[-1].value
    return abs(last - first) / abs(first) if first else math.inf


def _differs(series: Series) -> bool:
    """Whether the first and the last value still differ as they are shown, and their difference is not shown as 0."""
    first, last = series.points[0].value, series.points[-1].value
    written = [_written(series, value, numbers.significant) for value in (first, last)]
    return written[0] != written[1] and not _by(series, first, last).startswith(("+0.0", "-0.0"))


def _ends(series: Series) -> tuple[str, str]:
    first, last = series.points[0].value, series.points[-1].value
    values = (_written(series, value, numbers.significant) for value in (first, last))
    return f"{' → '.join(values)}{_unit(series)}", _by(series, first, last)


def _on(series: Sequence[Series]) -> str:
    """How many series have stand-ins, by kind: `` (44 on synthetic data)``; empty if none has."""
    several = Counter(", ".join(number.stand_ins) for number in series if number.stand_ins)
    return f" ({', '.join(f'{count} on {named}' for named, count in several.items())})" if several else ""


def figure(series: Series) -> Figure:
    """The values in the order of the runs, with marks where the level changed."""
    values = [point.value for point in series.points]
    where = f", {series.machine}" if series.machine else ""
    starts = {id(point): index for index, point in enumerate(series.points)}
    return Figure(
        title=f"{series.number} of {series.cell}",
        points=tuple(
            Point(each.value, f"{each.run}: {_written(series, each.value)}{_unit(series)}") for each in series.points
        ),
        caption=f"{_range(series)}{_unit(series)}, {len(values)} runs{where}",
        breaks=tuple(starts[id(change.at)] for change in series.changes),
    )


def moved(series: Series, change: Change) -> str:
    """A change of level in words: how far, when, and what else changed with it."""
    causes = f"; with it {', '.join(change.causes)}" if change.causes else ""
    values = f"{_written(series, change.before)} → {_written(series, change.after)}{_unit(series)}"
    by = _by(series, change.before, change.after)
    shift = f"{values} ({by})" if by else values
    return f"{shift} at {change.at.run}, {change.at.created}{causes}"


def _range(series: Series) -> str:
    """``20.05 to 24.05``, or a single number if both are equal."""
    values = [point.value for point in series.points]
    return " to ".join(dict.fromkeys(_written(series, value) for value in (min(values), max(values))))


def _written(series: Series, value: float, otherwise: Callable[[float], str] = numbers.four_digits) -> str:
    """A value without its unit: per cent with one digit and rounded as in reports, others as `otherwise` says."""
    return f"{tenths(value):.1f}" if series.unit == PER_CENT else otherwise(value)


def _by(series: Series, before: float, after: float) -> str:
    """The difference: in points if the unit is per cent, else relative; empty if `before` is 0."""
    if series.unit == PER_CENT:
        return f"{tenths(after - before):+.1f} points"
    return f"{tenths((after / before - 1) * 100):+.1f}%" if before else ""


def _changes(series: Sequence[Series]) -> Block:
    rows = _rows(series)
    if rows:
        return Table.of(["Cell", "Number", "Change"], rows)
    judged = any(len(number.points) >= FEWEST for number in series)
    return Note(
        ("No number changed its level." if judged else "No count changed; of other numbers too few runs are known.",)
    )


def _rows(series: Sequence[Series]) -> list[tuple[str, str, str]]:
    return [(number.cell, number.number, moved(number, change)) for number in series for change in number.changes]


def _unit(series: Series) -> str:
    return series.unit if series.unit == PER_CENT else f" {series.unit}" if series.unit else ""

"""The cells that a run's budget left out, with their predicted times. Pure."""

from tlbench.core.duration import duration
from tlbench.core.text import DASH, counted
from tlbench.reporting.document import Note, Section, Table
from tlbench.reporting.report import Report
from tlbench.results.spent import Spent

MOST = 50
LEGEND = (
    "Cells were chosen by successive halving: the cheapest recipe of every backbone first, then further ones of the "
    "better half, of the better half of those, and so on, by validation accuracy and predicted time. The test set was "
    "looked at for cells that were finished, and chose nothing."
)


def sections(report: Report) -> list[Section]:
    """A section for each run that had a budget and did not run all of its cells."""
    found = []
    for spent in report.spent:
        if not spent.not_run:
            continue
        lines = [[one.label, DASH if one.seconds is None else duration(one.seconds)] for one in spent.not_run[:MOST]]
        if len(spent.not_run) > MOST:
            rest = spent.not_run[MOST:]
            known = sum(one.seconds for one in rest if one.seconds is not None)
            lines.append([f"and {len(rest)} more", duration(known)])
        table = Table.of(["Not run", "Predicted"], lines, right=[1])
        found.append(Section("What the budget left out", (Note((sentence(spent), LEGEND)), table), folded=True))
    return found


def sentence(spent: Spent) -> str:
    """The time that was spent, and on how many cells."""
    ran, rest = sum(map(len, spent.rungs)), len(spent.not_run)
    left = "all cells were run" if not rest else f"{counted(rest, 'cell')} {'was' if rest == 1 else 'were'} not run"
    return (
        f"{duration(spent.seconds)} of {duration(spent.budget)} were spent, on {counted(ran, 'cell')} in "
        f"{counted(len(spent.rungs), 'rung')}; {left}."
    )

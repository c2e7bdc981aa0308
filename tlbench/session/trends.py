"""Follow numbers over many runs."""

from dataclasses import dataclass
from pathlib import Path

from tlbench.core.errors import NothingThereError, UserError
from tlbench.core.text import counted
from tlbench.regression.history import Series, series
from tlbench.results.run_folder import RECORDS, RUN_FILE, left_out, open_run, shortfall
from tlbench.session.folder import Say, log
from tlbench.session.side import Seen, side_of

NAMED = 3
"""How many incomplete runs are named. In CI all may be incomplete, if only a selection is run."""


@dataclass(frozen=True)
class Trends:
    """The series of all numbers of all cells, and the number of runs."""

    runs: int
    series: tuple[Series, ...]


def trends(folder: Path, *, say: Say = log.warning) -> Trends:
    """Follow the numbers of all runs anywhere under `folder`.

    Args:
        folder: the folder.
        say: receives a sentence for each run without records, for each damaged file, and for the last incomplete runs.

    Raises:
        NothingThereError: there is no run with records.
    """
    paths = sorted(file.parent for file in folder.rglob(RUN_FILE)) if folder.is_dir() else []
    sides, short, seen = [], [], Seen()
    for path in paths:
        try:
            run = open_run(path)
            sides.append(side_of([run], path.name, seen=seen, answers=False))
        except NothingThereError as error:
            say(f"note: {error}")
        except (UserError, OSError) as error:
            say(f"note: {left_out(path, error)}")
        else:
            cells = shortfall(run.run, [entry.cell.id for entry in sides[-1].entries])
            short += [f"note: {path}: {cells} have a record"] if cells else []
            damaged = [note for note in sides[-1].notes if str(path / RECORDS) in note]
            for sentence in damaged:
                say(f"note: {sentence}")
    if not sides:
        raise NothingThereError(f"{folder} holds no run; `tlbench run SUITE` makes one")
    for sentence in short[-NAMED:]:
        say(sentence)
    if len(short) > NAMED:
        say(f"note: {counted(len(short) - NAMED, 'other run')} have not all of their records either")
    return Trends(len(sides), tuple(series(sides)))

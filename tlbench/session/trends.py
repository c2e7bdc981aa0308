"""How numbers moved over many runs."""

from dataclasses import dataclass
from pathlib import Path

from tlbench.core.errors import UserError
from tlbench.regression.history import Series, series
from tlbench.results.run_folder import RUN_FILE, open_run
from tlbench.session.folder import NothingThereError, Say, log
from tlbench.session.side import side_of


@dataclass(frozen=True)
class Trends:
    """Every number of every cell over so many `runs`, and where its level changed."""

    runs: int
    series: tuple[Series, ...]


def trends(folder: Path, *, say: Say = log.warning) -> Trends:
    """Follow the numbers of all runs anywhere under `folder`; `say` gets a sentence for each run without records.

    Raises NothingThereError where there is none with records.
    """
    paths = sorted(file.parent for file in folder.rglob(RUN_FILE)) if folder.is_dir() else []
    sides = []
    for path in paths:
        try:
            sides.append(side_of([open_run(path)], path.name))
        except NothingThereError as error:
            say(f"note: {error}")
        except UserError as error:
            say(f"note: left out: {error}")
    if not sides:
        raise NothingThereError(f"{folder} holds no run; `tlbench run SUITE` makes one")
    return Trends(len(sides), tuple(series(sides)))

"""What this machine took earlier, from the runs that lie here."""

from contextlib import suppress
from pathlib import Path

from tlbench.host.environment import machine
from tlbench.results.measured import Environment
from tlbench.results.record import Record
from tlbench.results.run_folder import runs_under
from tlbench.results.store import Store
from tlbench.session.folder import RESULTS

NEWEST, OF_EACH = 3, 100
"""So many runs are looked at, and so many records of each: medians are steady from far fewer."""


COMMITTED = "reference"
"""Runs that come with the project, of other hours and loads: what is predicted without earlier runs rests on some."""


def earlier_records() -> list[Record]:
    """Records of the newest runs, of whatever suite, that were taken on a machine with this processor and as many
    threads.
    """
    folders = [run for suite in _suites() for run in runs_under(suite, lambda _: None)]
    newest = sorted(folders, key=lambda one: one.run.created, reverse=True)[:NEWEST]
    found = [record for folder in newest for record in Store(folder.path).sample(OF_EACH)]
    return [_untimed_elsewhere(one) for one in found if _is_here(one.environment)]


def _untimed_elsewhere(record: Record) -> Record:
    """Without step times that are another machine's."""
    return record if _is_here(record.where_timed) else record.model_copy(update={"timings": None})


def _is_here(environment: Environment) -> bool:
    return all(environment.identity.get(name) == machine().get(name) for name in ("cpu", "threads"))


def _suites() -> list[Path]:
    with suppress(OSError):  # there is none, or it is another user's
        return [folder for folder in RESULTS.iterdir() if folder.name != COMMITTED]
    return []

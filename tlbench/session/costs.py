"""Earlier records from this machine, from which costs are predicted."""

from contextlib import suppress
from pathlib import Path

from tlbench.host.environment import machine
from tlbench.results.measured import Environment
from tlbench.results.record import Record
from tlbench.results.run_folder import runs_under
from tlbench.results.store import Store
from tlbench.session.folder import RESULTS

NEWEST, OF_EACH = 3, 100
"""The number of runs to read, and of records from each. Medians are stable with far fewer."""


COMMITTED = "reference"
"""The folder of runs that come with the project. They do not show how fast this machine is now."""


def earlier_records() -> list[Record]:
    """Records of the newest runs of any suite on machines with the same processor and number of threads."""
    places = [RESULTS, *_suites()]  # a run that was named with --out may lie beside the folders of suites
    folders = [run for place in places for run in runs_under(place, lambda _: None)]
    newest = sorted(folders, key=lambda one: one.run.created, reverse=True)[:NEWEST]
    found = [record for folder in newest for record in Store(folder.path).sample(OF_EACH)]
    return [_untimed_elsewhere(one) for one in found if _is_here(one.environment)]


def _untimed_elsewhere(record: Record) -> Record:
    """The record, without step times from another machine."""
    return record if _is_here(record.where_timed) else record.model_copy(update={"timings": None})


def _is_here(environment: Environment) -> bool:
    return all(environment.identity.get(name) == machine().get(name) for name in ("cpu", "threads"))


def _suites() -> list[Path]:
    with suppress(OSError):  # there is none, or it is another user's
        return [folder for folder in RESULTS.iterdir() if folder.name != COMMITTED]
    return []

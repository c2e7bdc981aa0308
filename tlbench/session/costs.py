"""What this machine took earlier, from the runs that lie here."""

from pathlib import Path

from tlbench.host.environment import machine
from tlbench.results.record import Record
from tlbench.results.run_folder import runs_under
from tlbench.results.store import Store
from tlbench.session.folder import RESULTS

NEWEST, OF_EACH = 3, 100
"""So many runs are looked at, and so many records of each: medians are steady from far fewer."""


def earlier_records() -> list[Record]:
    """Records of the newest runs, of whatever suite, that were taken on a machine with this processor and as many
    threads.
    """
    folders = [run for suite in _folders() for run in runs_under(suite, lambda _: None)]
    newest = sorted(folders, key=lambda one: one.run.created, reverse=True)[:NEWEST]
    found = [record for folder in newest for record in Store(folder.path).sample(OF_EACH)]
    own = {name: machine().get(name) for name in ("cpu", "threads")}
    return [one for one in found if {name: one.environment.identity.get(name) for name in own} == own]


def _folders() -> list[Path]:
    return [path for path in RESULTS.iterdir() if path.is_dir()] if RESULTS.is_dir() else []

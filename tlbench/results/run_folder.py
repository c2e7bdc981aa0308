"""A run on disk: a folder with the suite as it was, what the run is, its records and reports."""

import hashlib
import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ValidationError

from tlbench.core.errors import UserError, argument
from tlbench.core.files import OddFileError, read_file, write_atomically
from tlbench.core.value import Value
from tlbench.core.version import __version__
from tlbench.results.owner import OWNER_FILE

log = logging.getLogger("tlbench")

RUN_FILE, SUITE_FILE = "run.json", "suite.yaml"
RUN_SCHEMA = 2
MOST_BYTES = 64 * 2**20
"""Of run.json; the largest suite's has half of one."""


class Run(Value):
    """What run.json says. `cells` are the ids of all cells of the suite; `created` is UTC, ISO 8601.

    commit: of the user's project, whose folder the run was started in; None where that is in no repository.
    """

    schema_version: int = RUN_SCHEMA
    suite: str
    cells: tuple[str, ...]
    created: str
    tlbench: str
    commit: str | None = None


def shortfall(run: Run, found: Collection[str]) -> str | None:
    """``1 of 2 cells`` where not all planned ones are among those `found`, by id; else None."""
    there = len(set(run.cells) & set(found))
    return None if there == len(run.cells) else f"{there} of {len(run.cells)} cells"


class _Version(BaseModel):
    """The one field that every run.json has, whatever its schema adds."""

    schema_version: int


@dataclass(frozen=True)
class RunFolder:
    """A run and the folder it lives in."""

    path: Path
    run: Run


def create(
    folder: Path, suite: str, text: str, cells: Sequence[str], now: datetime, commit: str | None = None
) -> RunFolder:
    """Make `folder` the folder of a new run. Raises UserError where anything but its owner's file is in it already."""
    check_free(folder)
    created = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    run = Run(suite=suite, cells=tuple(cells), created=created, tlbench=__version__, commit=commit)
    write_atomically(folder / SUITE_FILE, text.encode())
    write_atomically(folder / RUN_FILE, (run.model_dump_json(indent=1) + "\n").encode())
    return RunFolder(folder, run)


def check_free(folder: Path) -> None:
    """Raise UserError where `folder` cannot become a run's, since anything but its owner's file is in it already."""
    if folder.exists() and (not folder.is_dir() or any(file.name != OWNER_FILE for file in folder.iterdir())):
        raise UserError(f"{folder} is not empty and no run; name another folder with {argument('out')}")


def new_path(base: Path, suite: str, cells: Sequence[str], now: datetime) -> Path:
    """``<base>/<suite>/<time>-<short id of the cells>``, made unique where two runs begin in one second."""
    short = hashlib.sha256("".join(cells).encode()).hexdigest()[:6]
    path, number = base / suite / f"{now:%Y%m%d-%H%M%S}-{short}", 1
    while path.exists():
        path, number = path.with_name(f"{now:%Y%m%d-%H%M%S}-{short}-{number}"), number + 1
    return path


def is_run(folder: Path) -> bool:
    """Whether `folder` says that it is a run."""
    return (folder / RUN_FILE).is_file()


def no_run(folder: Path) -> str:
    """What is said of a folder that is no run."""
    return f"{folder} is not the folder of a run: it has no {RUN_FILE}; `tlbench run SUITE` makes one"


def open_run(folder: Path) -> RunFolder:
    """Read the run in `folder`. Raises UserError where there is none, or its run.json is damaged or too new."""
    file = folder / RUN_FILE
    if not file.is_file():
        raise UserError(no_run(folder))
    try:
        content = read_file(file, MOST_BYTES)
        _refuse_newer(file, content)
        return RunFolder(folder, Run.model_validate_json(content))
    except OddFileError as error:
        raise UserError(f"{file} is damaged ({error}); move the folder away and run again") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise UserError(f"{file} is damaged ({where}: {first['msg']}); move the folder away and run again") from error


def _refuse_newer(file: Path, content: bytes) -> None:
    version = _Version.model_validate_json(content).schema_version
    if version > RUN_SCHEMA:
        raise UserError(f"{file} has schema {version}, newer than schema {RUN_SCHEMA} of this tlbench; upgrade tlbench")


def runs_under(folder: Path, skipped: Callable[[str], None] = log.warning) -> list[RunFolder]:
    """The runs directly in `folder`, the newest first; `skipped` gets a sentence for each that cannot be read, be it
    damaged or another user's, and where the whole folder cannot.
    """
    found = []
    for path in _inside(folder, skipped):
        try:
            if is_run(path):
                found.append(open_run(path))
        except (UserError, OSError) as error:
            skipped(left_out(path, error))
    return sorted(found, key=lambda one: (one.run.created, one.path.name), reverse=True)


def _inside(folder: Path, skipped: Callable[[str], None]) -> list[Path]:
    try:
        return list(folder.iterdir()) if folder.is_dir() else []
    except OSError as error:
        skipped(left_out(folder, error))
        return []


def left_out(path: Path, error: UserError | OSError) -> str:
    """The sentence for a run at `path` that cannot be read."""
    return f"left out: {error}" if isinstance(error, UserError) else f"left out: {path} ({error.strerror})"

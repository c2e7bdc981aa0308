"""A run on disk: a folder with the suite, a description of the run, its records and its reports."""

import hashlib
import logging
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ValidationError

from tlbench.core.errors import NothingThereError, UserError, argument
from tlbench.core.files import OddFileError, read_file, write_atomically
from tlbench.core.value import Value, by_newer, unknown_fields
from tlbench.core.version import __version__
from tlbench.results.owner import OWNER_FILE

log = logging.getLogger("tlbench")

RUN_FILE, SUITE_FILE, RECORDS = "run.json", "suite.yaml", "records"
RUN_SCHEMA = 4
MOST_BYTES = 64 * 2**20
"""Largest size of run.json in bytes. That of the largest suite has half a MiB."""


class Run(Value):
    """The content of run.json.

    Attributes:
        schema_version: the version of the format.
        suite: the name of the suite.
        cells: the ids of all cells of the suite.
        created: UTC, ISO 8601.
        tlbench: the version of tlbench.
        commit: the commit of the project in the working directory; None if that is not in a repository.
        fresh: whether the user asked for a run of its own, which takes over no cells of others; None: made before
            schema 3, so that it is not known.
        images: where data sets were for which the suite has a path relative to itself, by name: paths relative to the
            run's folder. The folder has only a copy of the suite. Empty before schema 4.
    """

    schema_version: int = RUN_SCHEMA
    suite: str
    cells: tuple[str, ...]
    created: str
    tlbench: str
    commit: str | None = None
    fresh: bool | None = None
    images: Mapping[str, str] = {}


def shortfall(run: Run, found: Collection[str]) -> str | None:
    """``1 of 2 cells`` if cells of the run are missing among `found`, by id; else None."""
    there = len(set(run.cells) & set(found))
    return None if there == len(run.cells) else f"{there} of {len(run.cells)} cells"


class _Version(BaseModel):
    """The field that run.json has in every schema."""

    schema_version: int


@dataclass(frozen=True)
class RunFolder:
    """A run and its folder."""

    path: Path
    run: Run

    @property
    def has_records(self) -> bool:
        """Whether a cell of the run has a record. Raises OSError as `record_files`."""
        return bool(record_files(self.path))


def record_files(folder: Path) -> list[Path]:
    """The files of the records of a run, in the order of their names.

    Raises:
        OSError: they cannot be listed. `Path.glob` would find none in a folder that may not be read, and finished cells
            would be trained again.
    """
    try:
        names = os.listdir(folder / RECORDS)  # noqa: PTH208 - names are sorted faster than paths
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [folder / RECORDS / name for name in sorted(names) if name.endswith(".json")]


def create(
    folder: Path,
    suite: str,
    text: str,
    cells: Sequence[str],
    now: datetime,
    commit: str | None = None,
    fresh: bool = False,
    images: Mapping[str, Path] | None = None,
) -> RunFolder:
    """Create the files of a new run.

    Args:
        folder: its folder.
        suite: the name of the suite.
        text: the suite file.
        cells: the ids of all cells.
        now: the time.
        commit: the commit of the user's project.
        fresh: whether it takes over no cells of other runs.
        images: the absolute paths of data sets whose paths in the suite are relative to it, by name.

    Raises:
        UserError: the folder contains anything but the owner's file.
    """
    check_free(folder)
    created = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    run = Run(
        suite=suite,
        cells=tuple(cells),
        created=created,
        tlbench=__version__,
        commit=commit,
        fresh=fresh,
        images=_relative(images or {}, folder),
    )
    write_atomically(folder / SUITE_FILE, text.encode())
    _write(folder, run)
    return RunFolder(folder, run)


def discard(folder: Path) -> None:
    """Remove the files of a run that was made for nothing. One in which there is anything else stays as it is."""
    if {file.name for file in folder.iterdir()} <= {SUITE_FILE, RUN_FILE, OWNER_FILE}:
        for name in (RUN_FILE, SUITE_FILE):
            (folder / name).unlink(missing_ok=True)


def _write(folder: Path, run: Run) -> None:
    write_atomically(folder / RUN_FILE, (run.model_dump_json(indent=1) + "\n").encode())


def _relative(images: Mapping[str, Path], folder: Path) -> dict[str, str]:
    """`images` as paths relative to `folder`, so that a project can be moved as a whole."""
    found = {}
    for name, path in images.items():
        with suppress(ValueError):  # on another drive of Windows
            found[name] = Path(os.path.relpath(path, folder.resolve())).as_posix()
    return found


def renew_suite(run: RunFolder, suite: str, text: str, images: Mapping[str, Path] | None = None) -> None:
    """Replace the copy of the suite if `text`, which has the same cells, differs: in its name, gates or paths.

    Args:
        run: the run.
        suite: the name of the suite.
        text: the suite file.
        images: as for `create`.

    Raises:
        OSError: the folder cannot be written.
    """
    file, content = run.path / SUITE_FILE, text.encode()
    if not file.is_file() or file.read_bytes() != content:
        write_atomically(file, content)
    places = _relative(images or {}, run.path)
    if (suite, places) != (run.run.suite, dict(run.run.images)):
        changes = {"schema_version": RUN_SCHEMA, "suite": suite, "images": places}
        _write(run.path, run.run.model_copy(update=changes))


def check_free(folder: Path) -> None:
    """Raise UserError if `folder` contains anything but the owner's file, so that it cannot become a run's folder."""
    if folder.exists() and (not folder.is_dir() or any(file.name != OWNER_FILE for file in folder.iterdir())):
        raise UserError(
            f"{folder} is not empty and not the folder of a run; name another folder with {argument('out')}"
        )


def new_path(base: Path, suite: str, cells: Sequence[str], now: datetime) -> Path:
    """An unused path ``<base>/<suite>/<time>-<short id of the cells>``."""
    short = hashlib.sha256("".join(cells).encode()).hexdigest()[:6]
    path, number = base / suite / f"{now:%Y%m%d-%H%M%S}-{short}", 1
    while path.exists():
        path, number = path.with_name(f"{now:%Y%m%d-%H%M%S}-{short}-{number}"), number + 1
    return path


def is_run(folder: Path) -> bool:
    """Whether `folder` has the description of a run."""
    return (folder / RUN_FILE).is_file()


def open_run(folder: Path) -> RunFolder:
    """Read the run in `folder`.

    Raises:
        NothingThereError: the folder is not that of a run.
        UserError: its run.json is damaged, or of a newer schema.
        OSError: run.json cannot be read, or the records cannot be listed.
    """
    file = folder / RUN_FILE
    if not file.is_file():
        raise NothingThereError(
            f"{folder} is not the folder of a run: it has no {RUN_FILE}; `tlbench run SUITE` makes one"
        )
    try:
        content = read_file(file, MOST_BYTES)
        _refuse_newer(file, content)
        with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder / RECORDS):
            pass
        return RunFolder(folder, Run.model_validate_json(content))
    except OddFileError as error:
        raise UserError(f"{file} is damaged ({error}); move the folder away and run again") from error
    except ValidationError as error:
        if unknown := unknown_fields(error):
            raise UserError(f"{file}: {by_newer(unknown)}") from error
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise UserError(f"{file} is damaged ({where}: {first['msg']}); move the folder away and run again") from error


def _refuse_newer(file: Path, content: bytes) -> None:
    version = _Version.model_validate_json(content).schema_version
    if version > RUN_SCHEMA:
        raise UserError(f"{file} has schema {version}, newer than schema {RUN_SCHEMA} of this tlbench; update tlbench")


def runs_under(folder: Path, skipped: Callable[[str], None] = log.warning) -> list[RunFolder]:
    """The runs directly in `folder`, newest first.

    Args:
        folder: the folder.
        skipped: receives a sentence for each run that cannot be read, or for `folder` itself.
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
    """A sentence about a run at `path` that cannot be read."""
    return f"left out: {error}" if isinstance(error, UserError) else f"left out: {path} ({error.strerror})"

"""Find the saved model and the images of a trained cell."""

from collections.abc import Sequence
from pathlib import Path

from tlbench.cache.download import file_digest
from tlbench.cache.folders import cache_dir
from tlbench.core.errors import UserError
from tlbench.core.files import absolute
from tlbench.datasets.prepare import prepare
from tlbench.datasets.source import DataSource
from tlbench.results.record import Record
from tlbench.results.run_folder import SUITE_FILE, RunFolder
from tlbench.results.store import Store
from tlbench.suite.load import load_suite


def kept_file(run: Path, record: Record) -> Path:
    """The file of a cell's saved model. Raises UserError if there is none, or if it has changed."""
    if record.saved_model is None:
        raise UserError(
            f"cell {record.cell_id} of {run} has no model ({record.cell.label}); put `save_models: true` into its "
            "suite and run it again"
        )
    path = Store(run).model_file(record)
    if path is None or file_digest(path) != record.saved_model.sha256:
        there = "is not the file that was kept" if path or (run / record.saved_model.file).exists() else "is missing"
        raise UserError(
            f"{run / record.saved_model.file} {there} (cell {record.cell_id}); remove what is there and run the suite "
            "again"
        )
    return path


def decoded_again(record: Record, folder: RunFolder, data: Path | None, *, by_name: bool) -> DataSource | None:
    """The images of a record, decoded as in its run; None if no place has them. Downloads nothing.

    Args:
        record: the record.
        folder: its run.
        data: the user's folder of data sets.
        by_name: whether to look where a data set of this name usually is, if no path of the suite leads to one.

    Raises:
        UserError: no place has the images, and one of them cannot be read.
    """
    places: Sequence[Path | None] = _own_folders(record.cell.dataset.name, folder, data)
    refused = None
    for place in places or ([None] if by_name else []):
        try:
            found = _decoded(record, place, data)
        except UserError as error:
            refused = refused or error
            continue
        if record.data is not None and found.fingerprint == record.data.fingerprint:
            return found
    if refused is not None:
        raise refused
    return None


def _decoded(record: Record, path: Path | None, data: Path | None) -> DataSource:
    cell = record.cell
    return prepare(
        cell.dataset,
        cell.limit,
        cell.image_size,
        resize=cell.resize,
        root=data,
        path=path,
        cache=cache_dir(),
        fallback_synthetic=True,  # never a download
    )


def own_names(name: str, folder: RunFolder) -> tuple[str, ...]:
    """What the folder (or file) of a data set may be called: as in the suite's paths, or as the data set."""
    return tuple(dict.fromkeys([*(path.name for path in _written(name, folder)), name]))


def _written(name: str, folder: RunFolder) -> list[Path]:
    """Where a data set is by the suite: its path relative to the working directory, and to the copy of the suite."""
    try:
        suite = load_suite(folder.path / SUITE_FILE)
    except UserError:
        return []
    written = [item.path for item in suite.content.datasets if item.dataset.name == name and item.path is not None]
    return [place for path in written for place in (absolute(Path(path).expanduser()), suite.dataset_paths[name])]


def _own_folders(name: str, folder: RunFolder, data: Path | None) -> list[Path]:
    """The existing folders in which a data set may be for which the suite has a path; empty if it has none.

    The user's folder `data` comes first: what is in it under one of the data set's names, or itself if it has one of
    them. The place that the run found and the paths of the suite follow. The fingerprint tells which of them has the
    images of the run.
    """
    if not (written := _written(name, folder)):
        return []
    places, names = list[Path](), own_names(name, folder)
    if data is not None:
        places += [data / name, *(data / each for each in names), *([data] if absolute(data).name in names else [])]
    if name in folder.run.images:
        places.append(absolute(folder.path.resolve() / folder.run.images[name]))
    return [place for place in dict.fromkeys([*places, *written]) if place.exists()]

"""Find the saved model and the images of a trained cell."""

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


def decoded_again(record: Record, path: Path | None, data: Path | None) -> DataSource | None:
    """The images of a record, decoded as in its run; None if they have changed. Downloads nothing.

    Args:
        record: the record.
        path: the folder of the data set, as `own_folder` finds it.
        data: the folder of data sets.

    Raises:
        UserError: the data set cannot be read.
    """
    cell = record.cell
    found = prepare(
        cell.dataset,
        cell.limit,
        cell.image_size,
        resize=cell.resize,
        root=data,
        path=path,
        cache=cache_dir(),
        fallback_synthetic=True,  # never a download
    )
    return found if record.data is not None and found.fingerprint == record.data.fingerprint else None


def own_folder(name: str, folder: RunFolder, data: Path | None) -> Path | None:
    """The folder of a data set for which the suite has a path; None if it has none, or the folder does not exist.

    Paths are relative to the suite, but the run's folder only has a copy of it. So the working directory and `data` are
    searched too; the fingerprint tells whether the images are those of the run.
    """
    try:
        suite = load_suite(folder.path / SUITE_FILE)
    except UserError:
        return None
    written = [item.path for item in suite.content.datasets if item.dataset.name == name and item.path is not None]
    places = [place for path in written for place in (suite.dataset_paths[name], absolute(Path(path).expanduser()))]
    if written and data is not None:
        places.insert(0, data / name)
    return next((place for place in places if place.exists()), None)

"""Where the pictures of a data set are: a folder, the public archive, or nowhere."""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from tlbench.cache.download import DownloadError, fetch
from tlbench.core.cell import Named
from tlbench.core.errors import UserError, argument, nearest
from tlbench.datasets.archive import BadArchiveError, extract
from tlbench.datasets.registry import DATASETS, SYNTHETIC, classes_of
from tlbench.datasets.spec import Archive, DatasetInfo
from tlbench.datasets.synthetic import TEXTURES

OnBytes = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Located:
    """A folder of pictures, or None and the classes to draw. `fallback`: drawn although photographs were asked for."""

    folder: Path | None
    classes: tuple[str, ...] = ()
    fallback: bool = False


def locate(
    dataset: Named,
    *,
    root: Path | None,
    path: Path | None,
    cache: Path,
    fallback_synthetic: bool,
    on_bytes: OnBytes = lambda done, total: None,
) -> Located:
    """Find a data set; fetch it where it has a public archive and nothing may stand in for it.

    Nobody who asked for a run of minutes gets a download of hundreds of megabytes unasked.
    Raises UserError that says where was looked, where the set is to be had, and how to allow the stand-in.
    """
    if dataset.name == SYNTHETIC:
        like = dataset.args.get("like")
        classes = classes_of(SYNTHETIC, None if like is None else str(like))
        if classes is None:
            raise UserError(
                f"synthetic: there is no data set {like!r}; {nearest(str(like), list(DATASETS), 'data sets')}"
            )
        return Located(None, _drawable(str(like), classes))
    if path is not None:
        return Located(path)  # what the suite names itself has no stand-in
    if root is not None and not root.is_dir():
        raise UserError(f"the data folder {root} does not exist; mend {argument('data')} or TLBENCH_DATA")
    if dataset.name not in DATASETS:
        known = [*DATASETS, SYNTHETIC]
        raise UserError(
            f"there is no data set {dataset.name!r}; {nearest(dataset.name, known, 'data sets')} "
            f"A set of your own needs its folder: {{name: {dataset.name}, path: ...}}"
        )
    if folder := folder_of(dataset.name, root, cache):
        return Located(folder)
    info, why = DATASETS[dataset.name], ""
    if fallback_synthetic:
        return Located(None, _drawable(info.name, info.classes), fallback=True)
    if info.archive:
        try:
            return Located(get(info, info.archive, cache, on_bytes))
        except (DownloadError, BadArchiveError) as error:
            why = f" ({error})"
    place = root / info.name if root else f"a folder given with {argument('data')} or TLBENCH_DATA"
    raise UserError(
        f"data set {info.name} is not in {place}{why}; {info.where}; or allow drawn pictures with "
        "`fallback: {datasets: synthetic}`"
    )


def _drawable(name: str, classes: tuple[str, ...]) -> tuple[str, ...]:
    """The classes. Raises UserError where there are more than can be drawn."""
    if len(classes) > len(TEXTURES):
        raise UserError(
            f"data set {name} has {len(classes)} classes, and at most {len(TEXTURES)} can be drawn; give it "
            "photographs in the place of synthetic pictures"
        )
    return classes


def folder_of(name: str, root: Path | None, cache: Path) -> Path | None:
    """The folder of a data set: the one in the user's `root`, or what was fetched; None where there is none."""
    own = [root / name] if root else []
    return next((place for place in [*own, *downloaded(name, cache)] if place.is_dir()), None)


def downloaded(name: str, cache: Path) -> tuple[Path, Path]:
    """Where a fetched data set is kept: from the whole archive, and from the small one."""
    return cache / "datasets" / name, cache / "datasets" / f"{name}_small"


def get(info: DatasetInfo, archive: Archive, cache: Path, on_bytes: OnBytes = lambda done, total: None) -> Path:
    """Fetch, check and unpack a public archive of a data set into `cache`; returns the folder.

    Raises DownloadError and BadArchiveError; then nothing is left behind but what has come of a file that broke off.
    """
    whole, small = downloaded(info.name, cache)
    folder = small if archive is info.small else whole
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if folder.is_dir():
            return folder
        file, mark = folder.with_name(f"{folder.name}.zip"), f".getting-{folder.name}-"
        for left in folder.parent.glob(f"{mark}*"):  # by a process that was killed: this one holds the lock
            shutil.rmtree(left, ignore_errors=True)
        try:
            fetch(archive.url, file, archive.sha256, on_bytes, size=archive.bytes)
            with tempfile.TemporaryDirectory(dir=folder.parent, prefix=mark) as temporary:
                extract(file, archive, Path(temporary) / "data")
                (Path(temporary) / "data").rename(folder)
        finally:
            file.unlink(missing_ok=True)
    return folder

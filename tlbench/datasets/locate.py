"""Find the images of a data set in a folder, or download its public archive."""

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
"""Called with the bytes downloaded so far, and the total if it is known."""


@dataclass(frozen=True)
class Located:
    """Where the images are.

    Attributes:
        folder: the folder (or file) of images; None if they are to be drawn.
        classes: the classes to draw.
        fallback: images are drawn although real ones were asked for.
    """

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
    """Find a data set, and download it if it has a public archive and no stand-in is allowed.

    A suite that allows stand-ins is meant to run within minutes, so nothing is downloaded for it.

    Args:
        dataset: the data set of a suite.
        root: the user's data folder.
        path: the path that the suite gives for this data set.
        cache: the cache folder, where downloads are kept.
        fallback_synthetic: whether synthetic images may stand in.
        on_bytes: receives the progress of a download.

    Raises:
        UserError: the data set is unknown or not found; the message says where it was searched, where to get it, and
            how to allow the stand-in.
    """
    if dataset.name == SYNTHETIC:
        like, classes = dataset.args.get("like"), classes_of(dataset)
        if classes is None:
            raise UserError(
                f"synthetic: there is no data set {like!r}; {nearest(str(like), list(DATASETS), 'data sets')}"
            )
        return Located(None, _drawable(str(like), classes))
    if path is not None:
        return Located(path)  # a path in the suite has no stand-in
    if root is not None and not root.is_dir():
        raise UserError(f"the data folder {root} does not exist; correct {argument('data')} or TLBENCH_DATA")
    if dataset.name not in DATASETS:
        known = [*DATASETS, SYNTHETIC]
        raise UserError(
            f"there is no data set {dataset.name!r}; {nearest(dataset.name, known, 'data sets')} "
            f"A data set of your own needs its folder: {{name: {dataset.name}, path: ...}}"
        )
    if folder := folder_of(dataset.name, root, cache):
        return Located(folder)
    info, why = DATASETS[dataset.name], ""
    if fallback_synthetic:
        return Located(None, _drawable(info.name, classes_of(dataset) or info.classes), fallback=True)
    if info.archive:
        try:
            return Located(get(info, info.archive, cache, on_bytes))
        except (DownloadError, BadArchiveError) as error:
            why = f" ({error})"
    place = root / info.name if root else f"a folder given with {argument('data')} or TLBENCH_DATA"
    raise UserError(
        f"data set {info.name} is not in {place}{why}; {info.where}; or allow synthetic images with "
        "`fallback: {datasets: synthetic}`"
    )


def _drawable(name: str, classes: tuple[str, ...]) -> tuple[str, ...]:
    """`classes`, if the synthetic generator has enough textures for them.

    Raises:
        UserError: there are too many.
    """
    if len(classes) > len(TEXTURES):
        raise UserError(
            f"data set {name} has {len(classes)} classes, and synthetic images can have at most {len(TEXTURES)}; "
            "use real images for it"
        )
    return classes


def folder_of(name: str, root: Path | None, cache: Path) -> Path | None:
    """The folder of a data set below `root`, else a downloaded one; None if there is none."""
    own = [root / name] if root else []
    return next((place for place in [*own, *downloaded(name, cache)] if place.is_dir()), None)


def downloaded(name: str, cache: Path) -> tuple[Path, Path]:
    """The folders of a downloaded data set: from its whole archive, and from its small one."""
    return cache / "datasets" / name, cache / "datasets" / f"{name}_small"


def get(info: DatasetInfo, archive: Archive, cache: Path, on_bytes: OnBytes = lambda done, total: None) -> Path:
    """Download, check and unpack a public archive of a data set.

    Args:
        info: the data set.
        archive: its whole or its small archive.
        cache: the cache folder.
        on_bytes: receives the progress of the download.

    Returns:
        The folder of the data set in `cache`.

    Raises:
        DownloadError: the download failed; what has arrived is kept and resumed the next time.
        BadArchiveError: the archive cannot be unpacked; nothing is left behind.
    """
    whole, small = downloaded(info.name, cache)
    folder = small if archive is info.small else whole
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if folder.is_dir():
            return folder
        file, mark = folder.with_name(f"{folder.name}.zip"), f".getting-{folder.name}-"
        for left in folder.parent.glob(f"{mark}*"):  # of a process that was killed, since the lock is held here
            shutil.rmtree(left, ignore_errors=True)
        try:
            fetch(archive.url, file, archive.sha256, on_bytes, size=archive.bytes)
            with tempfile.TemporaryDirectory(dir=folder.parent, prefix=mark) as temporary:
                extract(file, archive, Path(temporary) / "data")
                (Path(temporary) / "data").rename(folder)
        finally:
            file.unlink(missing_ok=True)
    return folder

"""Find, check and download data sets."""

import os
import shlex
import shutil
from pathlib import Path

from tlbench.cache.download import DownloadError
from tlbench.cache.folders import cache_dir
from tlbench.core.errors import UserError, argument, nearest
from tlbench.datasets.archive import BadArchiveError
from tlbench.datasets.audit import Audit, audit
from tlbench.datasets.kinds import read_images
from tlbench.datasets.layout import SplitRule
from tlbench.datasets.locate import OnBytes, folder_of, get
from tlbench.datasets.names import SPLITS, shown
from tlbench.datasets.registry import DATASETS
from tlbench.datasets.spec import Archive, DatasetInfo
from tlbench.host.resources import usable_cores


def known(data: Path | None) -> dict[str, Path | None]:
    """The folder of each known data set, in the user's folder `data` or downloaded; None if it is in neither."""
    return {name: folder_of(name, data, cache_dir()) for name in DATASETS}


def check(
    name: str | None,
    path: Path | None,
    data: Path | None,
    splits: str | None = None,
    classes: str | None = None,
    *,
    image: str = "",
    label: str = "",
) -> Audit:
    """Audit every file of a data set.

    Args:
        name: the name of the data set; not needed with `path`.
        path: the folder or file of the data set.
        data: the user's folder of data sets, in which `name` is looked up before the downloaded ones.
        splits: the folder of each split, as ``train=Train,test=Holdout``, or ``none``; None: recognized by name.
        classes: the classes to use, as ``cat,dog``; None: all.
        image: the column of images in a table; empty: the usual one.
        label: the column of labels in a table; empty: the usual one.

    Raises:
        UserError: the data set is not found, or cannot be read.
    """
    rule = rule_of(splits, classes, image=image, label=label)
    if not path and name and name not in DATASETS and Path(name).is_dir():
        raise UserError(f"there is no data set {name!r}; for the folder of that name write --path {shlex.quote(name)}")
    return audit(read_images(path or _folder(name, data), rule, empty=True), usable_cores())


def rule_of(splits: str | None, classes: str | None, *, image: str = "", label: str = "") -> SplitRule:
    """The arguments `splits`, `classes`, `image` and `label` of `check` as a rule. Raises UserError for bad splits."""
    chosen = tuple(classes.split(",")) if classes else ()
    return SplitRule(folders=_folders(splits), classes=chosen, image=image, label=label)


def move_bad(found: Audit, target: Path) -> tuple[str, ...]:
    """Move the files that cannot be decoded out of a data set.

    Args:
        found: the audit of the data set.
        target: the folder for the files, which keep their relative paths.

    Returns:
        The relative paths of the files.

    Raises:
        UserError: the data set is not a folder of image files, `target` is inside of it, a file of the same name
            exists in `target`, or a file cannot be moved. Files that were moved before stay in `target`.
    """
    if found.file is not None:
        raise UserError(
            f"--move-bad moves files out of folders of classes; {shown(str(found.file))} names them, or has them in "
            "it: mend it"
        )
    if target.resolve().is_relative_to(found.folder.resolve()):
        raise UserError(f"{shown(str(target))} lies in the data set; name a folder outside it with --move-bad")
    moved = []
    for one, path in zip(found.undecodable, found.files, strict=True):
        source, place = found.folder / path, target / path
        try:
            if os.path.lexists(place):
                raise UserError(f"{shown(str(place))} is there already; name an empty folder with --move-bad")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(source, place)
        except OSError as error:
            raise UserError(f"{one.path} cannot be moved to {shown(str(target))} ({error.strerror})") from error
        moved.append(one.path)
    return tuple(moved)


def _folders(splits: str | None) -> dict[str, str] | None:
    """Parse the argument `splits` of `check`. Raises UserError."""
    if splits is None:
        return None
    if splits == "none":
        return {}
    pairs = dict(part.partition("=")[::2] for part in splits.split(","))
    if not pairs.keys() <= set(SPLITS) or "train" not in pairs or not all(pairs.values()):
        raise UserError(f"--splits {splits}: write none, or train=Train,validation=Val,test=Holdout (train is needed)")
    return pairs


def described(name: str) -> DatasetInfo:
    """The description of a known data set. Raises UserError for an unknown name."""
    if name not in DATASETS:
        raise UserError(f"there is no data set {name!r}; {nearest(name, list(DATASETS), 'data sets')}")
    return DATASETS[name]


def fetchable(name: str, *, small: bool = False) -> tuple[DatasetInfo, Archive]:
    """A known data set and its public archive. Raises UserError if the name is unknown or there is no archive.

    `small` asks for the archive with fewer images.
    """
    info = described(name)
    archive = info.small if small else info.archive
    if archive is None:
        what = "has no small archive" if info.archive else "cannot be fetched"
        raise UserError(f"{name} {what}: {info.where}")
    return info, archive


def fetch(info: DatasetInfo, archive: Archive, progress: OnBytes) -> Path:
    """Download a data set into the cache.

    Args:
        info: the data set.
        archive: its archive.
        progress: called with the bytes received so far and, if known, their total.

    Returns:
        The folder of the data set.

    Raises:
        UserError: the download fails, or the archive is damaged.
    """
    try:
        return get(info, archive, cache_dir(), progress)
    except (DownloadError, BadArchiveError) as error:
        raise UserError(
            f"{info.name}: {error}; try again, or put the images in <data folder>/{info.name}/ yourself"
        ) from error


def _folder(name: str | None, data: Path | None) -> Path:
    """The folder of a known data set. Raises UserError if it is not found."""
    if name is None:
        raise UserError(f"name a data set ({', '.join(DATASETS)}) or give a folder with --path")
    info = described(name)
    folder = folder_of(name, data, cache_dir())
    if folder is None:
        if data and not data.is_dir():
            raise UserError(f"the data folder {data} does not exist; correct {argument('data')} or TLBENCH_DATA")
        place = data / name if data else "a folder given with --data or TLBENCH_DATA"
        raise UserError(f"data set {name} is not in {place}; {info.where}")
    return folder

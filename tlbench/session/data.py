"""Data sets by name: where they are, whether their files are sound, fetching one."""

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
    """The folder of each data set, in the user's folder `data` or fetched into the cache; None where it is absent."""
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
    """Look at every file of a data set, by its name or its folder. Raises UserError where it is not there.

    splits: ``none``, or ``train=Train,test=Holdout``. classes: those that are taken, ``cat,dog``; default all.
    image, label: columns of a table; empty: the usual ones.
    """
    rule = rule_of(splits, classes, image=image, label=label)
    if not path and name and name not in DATASETS and Path(name).is_dir():
        raise UserError(f"there is no data set {name!r}; for the folder of that name write --path {shlex.quote(name)}")
    return audit(read_images(path or _folder(name, data), rule, empty=True), usable_cores())


def rule_of(splits: str | None, classes: str | None, *, image: str = "", label: str = "") -> SplitRule:
    """How images are read, from the arguments of `check`. Raises UserError for splits that cannot be understood."""
    chosen = tuple(classes.split(",")) if classes else ()
    return SplitRule(folders=_folders(splits), classes=chosen, image=image, label=label)


def move_bad(found: Audit, target: Path) -> tuple[str, ...]:
    """Move the files that are no images to `target`, each under its path in the data set; returns these paths.

    Raises UserError where a file cannot be moved, or one of that name is there already; what was moved till then stays
    moved.
    """
    if found.file is not None:
        raise UserError(
            f"--move-bad moves files out of folders of classes; {shown(str(found.file))} names them, or has them in "
            "it: mend it"
        )
    if target.resolve().is_relative_to(found.folder.resolve()):
        raise UserError(f"{shown(str(target))} lies in the data set; name a folder outside it with --move-bad")
    moved = []
    for one in found.undecodable:
        source, place = found.folder / found.files[one.path], target / found.files[one.path]
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
    if splits is None:
        return None
    if splits == "none":
        return {}
    pairs = dict(part.partition("=")[::2] for part in splits.split(","))
    if not pairs.keys() <= set(SPLITS) or "train" not in pairs or not all(pairs.values()):
        raise UserError(f"--splits {splits}: write none, or train=Train,validation=Val,test=Holdout (train is needed)")
    return pairs


def described(name: str) -> DatasetInfo:
    """What is known of a data set. Raises UserError for an unknown name."""
    if name not in DATASETS:
        raise UserError(f"there is no data set {name!r}; {nearest(name, list(DATASETS), 'data sets')}")
    return DATASETS[name]


def fetchable(name: str, *, small: bool = False) -> tuple[DatasetInfo, Archive]:
    """A data set and its public archive. Raises UserError for an unknown name and for one without an archive."""
    info = described(name)
    archive = info.small if small else info.archive
    if archive is None:
        what = "has no small archive" if info.archive else "cannot be fetched"
        raise UserError(f"{name} {what}: {info.where}")
    return info, archive


def fetch(info: DatasetInfo, archive: Archive, progress: OnBytes) -> Path:
    """Fetch a data set into the cache. Raises UserError where that fails.

    `progress` gets the bytes done and, where that is known, all bytes.
    """
    try:
        return get(info, archive, cache_dir(), progress)
    except (DownloadError, BadArchiveError) as error:
        raise UserError(
            f"{info.name}: {error}; try again, or put the images in <data folder>/{info.name}/ yourself"
        ) from error


def _folder(name: str | None, data: Path | None) -> Path:
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

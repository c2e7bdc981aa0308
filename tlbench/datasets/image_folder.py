"""Find the splits, classes and files of a folder of images."""

import tarfile
import zipfile
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

from tlbench.core.errors import UserError
from tlbench.datasets.layout import Layout, SplitRule, laid_out
from tlbench.datasets.listing import BESIDE, LeftOut, Listed, files_below, leave_out, look
from tlbench.datasets.names import alike, shown, split_of
from tlbench.datasets.splits import class_names, split_names


def read_folder(folder: Path, rule: SplitRule, *, empty: bool = False) -> Layout:
    """List the images of a folder.

    Supported are ``<split>/<class>/<file>``, ``<class>/<file>``, and everything between: missing validation and test
    splits are drawn from train according to `rule`. A repeated folder, ``seg_train/seg_train/<class>`` (Kaggle), is
    read as ``seg_train/<class>``. File extensions do not matter.

    Args:
        folder: the data set's folder.
        rule: how splits and classes are chosen.
        empty: accept classes without files or with too few to draw from, as an audit needs it.

    Raises:
        UserError: the folder is not a usable data set, or names are ambiguous.
    """
    _check_folder(folder)
    where, left_out = shown(str(folder)), LeftOut()
    top = look(folder, folder, left_out)
    outer = {split: top.folders[name] for split, name in split_names(where, "folder", top.folders, rule).items()}
    if outer:
        left_out += _beside(folder, top, outer.values())
        places = {split: _inner(folder, place, left_out) for split, place in outer.items()}
    else:
        if rule.folders is None and not rule.classes:
            _check_not_splits(folder, top)
        places, left_out = {"train": folder}, []  # emptied because `_classes` lists this folder again
    found = {split: _classes(place, folder, rule.classes, left_out, empty) for split, place in places.items()}
    named = {split: shown(place.relative_to(folder).as_posix()) for split, place in places.items()}
    return laid_out(folder, found, named, rule, left_out, empty=empty)


def _check_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    name = shown(str(folder))
    if not folder.exists():
        broken = " (it is a broken link)" if folder.is_symlink() else ""
        raise UserError(f"the data set folder {name} does not exist{broken}")
    if folder.is_file() and (zipfile.is_zipfile(folder) or tarfile.is_tarfile(folder)):
        raise UserError(f"{name} is an archive, not a folder; unpack it and give the folder")
    raise UserError(f"{name} is a file, not a folder of images")


def _beside(folder: Path, top: Listed, places: Collection[Path]) -> LeftOut:
    """Entries beside the folders of the splits, which are left out."""
    files = [leave_out(path, folder, "not in the folder of a class") for path in top.files.values()]
    others = [path for path in top.folders.values() if path not in places]
    return files + [leave_out(path, folder, BESIDE, folder=True) for path in others]


def _check_not_splits(folder: Path, top: Listed) -> None:
    """Raise UserError if all folders contain the same subfolders and nothing else.

    They are probably splits with unusual names, or classes that contain the splits.
    """
    inside = [look(path, folder, []) for path in top.folders.values()]
    same = {frozenset(map(alike, one.folders)) for one in inside}
    if len(inside) < 2 or len(same) > 1 or len(inside[0].folders) < 2 or any(one.files for one in inside):
        return
    outer, inner = (
        ", ".join(repr(shown(name)) for name in sorted(of)[:3]) + ", ..." * (len(of) > 3)
        for of in (top.folders, inside[0].folders)
    )
    way_out = (
        "move the splits to the top, as train/<class>"
        if all(map(split_of, inside[0].folders))
        else "if they are splits, name them with `splits: {train: ..., test: ...}` in the suite (--splits for "
        "`data check`)"
    )
    raise UserError(
        f"{shown(str(folder))} has {outer}, with the same folders in each ({inner}); {way_out}; if they are "
        "classes and their subfolders do not matter, write `splits: none`"
    )


def _inner(root: Path, place: Path, left_out: LeftOut) -> Path:
    """The inner folder of ``seg_train/seg_train`` if it is the only entry, else `place`."""
    beside: LeftOut = []
    listed = look(place, root, beside)
    if len(listed.folders) == 1 and not listed.files:
        ((name, inner),) = listed.folders.items()
        if alike(name) == alike(place.name) and look(inner, root, []).folders:
            left_out += beside
            return inner
    return place


def _classes(
    place: Path, root: Path, chosen: tuple[str, ...], left_out: LeftOut, empty: bool
) -> dict[str, tuple[str, ...]]:
    """The classes of a split with their files.

    Raises:
        UserError: there are fewer than two classes, or one has no file (unless `empty`).
    """
    listed, where = look(place, root, left_out), shown(str(place))
    left_out += [leave_out(path, root, "not in the folder of a class") for path in listed.files.values()]
    used = class_names(where, listed.folders, chosen)
    folders = {name: listed.folders[found] for name, found in used.items()}
    others = [listed.folders[found] for found in sorted(set(listed.folders) - set(used.values()))]
    left_out += [leave_out(path, root, "not among the suite's classes", folder=True) for path in others]
    _check_classes(where, folders)
    found = {}
    for name, path in folders.items():
        before = len(left_out)
        found[name] = tuple(files_below(path, root, left_out))
        if not found[name] and not empty:
            there = left_out[before:]
            why = f" except for what is left out ({there[0].path}: {there[0].reason})" if there else ""
            raise UserError(f"class {name!r} in {where} is empty{why}; put images there or remove the folder")
    return found


def _check_classes(where: str, folders: Mapping[str, Path]) -> None:
    if not folders:
        raise UserError(f"{where} has no class folders; images belong in {where}/<class>/")
    if len(folders) == 1:
        ((name, path),) = folders.items()
        hint = f"; if the classes are in it, give {where}/{name} as the path" if _has_folders(path) else ""
        raise UserError(f"{where} has only one class, {name!r}; a classifier needs at least two{hint}")


def _has_folders(path: Path) -> bool:
    with suppress(OSError):
        return any(entry.is_dir() for entry in path.iterdir())
    return False

"""Folders of images: which splits and classes there are, and which files each holds."""

import hashlib
import tarfile
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tlbench.core.errors import UserError, nearest
from tlbench.core.image_size import ImageSize, Resize
from tlbench.core.text import counted
from tlbench.datasets import decode
from tlbench.datasets.decode import Picture
from tlbench.datasets.listing import BESIDE, LeftOut, Listed, files_below, leave_out, look
from tlbench.datasets.names import EVALUATION, SPLITS, alike, one_form, quoted, shown, split_of
from tlbench.results.images import SkippedFile, SplitOrigin

Found = Mapping[str, Mapping[str, tuple[str, ...]]]
"""Split -> class -> file names, of the splits that are there; train is."""
Files = Mapping[str, Mapping[str, tuple[str, ...]]]
"""Split -> class -> file names, relative to the data set's folder, in the order a limit takes them."""


@dataclass(frozen=True)
class SplitRule:
    """What a suite says of a folder.

    validation, test: fractions of each class that are drawn, by `seed`, where the folder lacks that split. folders: the
    folder of each split; None: found by their names; empty: there are no splits, whatever the folders are called.
    classes: those that are taken, in this order; empty: all. image, label: columns of a table; empty: the usual ones.
    """

    validation: float = 0.15
    test: float = 0.15
    seed: int = 0
    folders: Mapping[str, str] | None = None
    classes: tuple[str, ...] = ()
    image: str = ""
    label: str = ""


class Container(Protocol):
    """Files that have all pictures in them, under the names that their layout gives them."""

    @property
    def files(self) -> tuple[Path, ...]:
        """All of them: where one is written to, the pictures may be others."""

    def decoder(self, size: ImageSize, resize: Resize) -> Callable[[str], Picture]:
        """What makes a picture of a name. It raises UndecodableError, and UserError where the file cannot be read."""


@dataclass(frozen=True)
class Layout:
    r"""A data set as found. `left_out`: what was never looked into, by name or kind.

    folder: to which the paths in `files` are relative. file: what lists them, or the file or folder that has them all
    in it (`container`); None where the folder itself tells.

    Paths in `files` are those of the file system; names of classes, as every name that is shown, have ``\xe9`` for
    bytes that are not UTF-8.
    """

    folder: Path
    classes: tuple[str, ...]
    files: Files
    left_out: tuple[SkippedFile, ...]
    origins: Mapping[str, SplitOrigin]
    file: Path | None = None
    container: Container | None = None

    @property
    def place(self) -> Path:
        """What a user calls it by."""
        return self.file or self.folder

    def decoder(self, size: ImageSize, resize: Resize = "stretch") -> Callable[[str], Picture]:
        """What makes a picture of a path in `files`; it raises UndecodableError."""
        if self.container is not None:
            return self.container.decoder(size, resize)
        return lambda path: decode.decode(self.folder / path, size, resize)


def read_layout(folder: Path, rule: SplitRule, *, empty: bool = False) -> Layout:
    """List the images of a data set.

    Understood are a folder for each split with one for each class in it, class folders alone, and anything between:
    what is missing of validation and test is drawn from train by `rule`. ``seg_train/seg_train/<class>`` (Kaggle) is
    read as ``seg_train/<class>``. Extensions are not looked at. empty: classes without a file, or with too few to draw
    from, are kept as they are, for who looks a folder over. Raises UserError where that gives no usable data set, or
    where names leave open what is meant.
    """
    _check_folder(folder)
    left_out: LeftOut = []
    top = look(folder, folder, left_out)
    outer = splits_in(folder, top, rule)
    if outer:
        left_out += _beside(folder, top, outer.values())
        places = {split: _inner(folder, place, left_out) for split, place in outer.items()}
    else:
        if rule.folders is None and not rule.classes:
            _check_not_splits(folder, top)
        places, left_out = {"train": folder}, []  # it is looked at again, as the folder of the classes
    found = {split: _classes(place, folder, rule.classes, left_out, empty) for split, place in places.items()}
    named = {split: shown(place.relative_to(folder).as_posix()) for split, place in places.items()}
    return laid_out(folder, found, named, rule, left_out, empty=empty)


def laid_out(
    folder: Path,
    found: Found,
    places: Mapping[str, str],
    rule: SplitRule,
    left_out: LeftOut,
    *,
    file: Path | None = None,
    container: Container | None = None,
    empty: bool = False,
) -> Layout:
    """The layout of what was found of each split, with what is missing of validation and test drawn from train.

    places: what each of the splits that are there is called. Raises UserError where their classes differ, or where
    there is too little to draw from, unless `empty`.
    """
    for split, listed in found.items():
        _check_same(file or folder, split, listed, found["train"])
    splits, drawn = _drawn_from_train(found, rule, empty)
    files = {split: {name: in_order(splits[split][name]) for name in found["train"]} for split in SPLITS}
    origins = {
        split: SplitOrigin(
            folder=places.get(split, places["train"]),
            file=shown(file.name) if file else "",
            files=sum(map(len, files[split].values())),
            drawn=drawn.get(split),
            seed=rule.seed if split in drawn else None,
        )
        for split in SPLITS
    }
    return Layout(folder, tuple(found["train"]), files, tuple(left_out), origins, file, container)


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """The order in which a limit takes files: that of their names, so that anybody can say which ones it took."""
    return tuple(sorted(names))


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
    """What lies beside the folders of the splits."""
    files = [leave_out(path, folder, "not in the folder of a class") for path in top.files.values()]
    others = [path for path in top.folders.values() if path not in places]
    return files + [leave_out(path, folder, BESIDE, folder=True) for path in others]


def splits_in(folder: Path, top: Listed, rule: SplitRule) -> dict[str, Path]:
    """The folder of each split: that which the suite names, else whose name means it; none where no name does.

    Raises UserError where one that is named is not there, and where names leave open what is meant.
    """
    return _found(folder, top) if rule.folders is None else _named(folder, top, rule.folders)


def _named(folder: Path, top: Listed, folders: Mapping[str, str]) -> dict[str, Path]:
    """The folders that the suite names."""
    for split, name in folders.items():
        if name not in top.folders:
            known = sorted(map(shown, top.folders))
            raise UserError(
                f"{shown(str(folder))} has no folder {name!r} for {split}; {nearest(name, known, 'folders')}"
            )
    return {split: top.folders[folders[split]] for split in SPLITS if split in folders}


def _found(folder: Path, top: Listed) -> dict[str, Path]:
    """The folders whose names mean a split; none where no name does."""
    named: dict[str, list[str]] = defaultdict(list)
    for name in top.folders:
        if split := split_of(name):
            named[split].append(name)
    held_out = named.pop(EVALUATION, [])
    for split in ("test", "validation"):
        if held_out and split not in named and named:
            named[split], held_out = held_out, []
    for split, names in named.items():
        plain = [name for name in names if not any(map(str.isdigit, name))]
        if len(plain) == 1:
            named[split] = plain  # `test2` beside `test` is left out, and named
        elif len(names) > 1:
            every = " and ".join(repr(shown(name)) for name in names)
            raise UserError(
                f"{shown(str(folder))}: {every} all mean {split}; say which with "
                f"`splits: {{{split}: {shown(names[0])}, ...}}` in the suite"
            )
    others = sorted(
        shown(name) for name in top.folders if name not in {one for names in named.values() for one in names}
    )
    if named and ("train" not in named or (set(named) == {"train"} and others)):
        there = ", ".join(repr(shown(name)) for names in named.values() for name in names)
        beside = f" beside {', '.join(map(repr, others[:3]))}{', ...' if len(others) > 3 else ''}" if others else ""
        missing = "train" if "train" not in named else "validation or test"
        raise UserError(
            f"{shown(str(folder))} has {there}{beside} but no {missing} folder; where these are classes, write "
            f"`splits: none` in the suite (--splits none for `data check`), else name the folders with "
            f"`splits: {{train: ..., test: ...}}`"
        )
    return {split: top.folders[named[split][0]] for split in SPLITS if split in named}


def _check_not_splits(folder: Path, top: Listed) -> None:
    """Raises UserError where all folders have the same folders in them, and nothing else: splits by any other name."""
    inside = [look(path, folder, []) for path in top.folders.values()]
    same = {frozenset(map(alike, one.folders)) for one in inside}
    if len(inside) < 2 or len(same) > 1 or len(inside[0].folders) < 2 or any(one.files for one in inside):
        return
    outer, inner = (
        ", ".join(repr(shown(name)) for name in sorted(of)[:3]) + ", ..." * (len(of) > 3)
        for of in (top.folders, inside[0].folders)
    )
    way_out = (
        "put the splits outside, as train/<class>"
        if all(map(split_of, inside[0].folders))
        else "where they are splits, name them with `splits: {train: ..., test: ...}` in the suite (--splits for "
        "`data check`)"
    )
    raise UserError(
        f"{shown(str(folder))} has {outer}, with the same folders in each ({inner}); {way_out}; where they are "
        "classes, and what is in them does not matter, write `splits: none`"
    )


def _inner(root: Path, place: Path, left_out: LeftOut) -> Path:
    """``seg_train/seg_train`` where nothing else is beside the inner folder."""
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
    """The classes of a split with their files. Raises UserError for fewer than two, for one without unless `empty`."""
    listed, where = look(place, root, left_out), shown(str(place))
    left_out += [leave_out(path, root, "not in the folder of a class") for path in listed.files.values()]
    folders = {shown(name): path for name, path in listed.folders.items()}
    check_names(where, folders, chosen)
    if chosen:
        others = [path for name, path in folders.items() if name not in chosen]
        left_out += [leave_out(path, root, "not among the suite's classes", folder=True) for path in others]
        folders = {name: folders[name] for name in chosen}
    _check_classes(where, folders)
    found = {}
    for name, path in folders.items():
        before = len(left_out)
        found[name] = tuple(files_below(path, root, left_out))
        if not found[name] and not empty:
            there = left_out[before:]
            why = f" but for what is left out ({there[0].path}: {there[0].reason})" if there else ""
            raise UserError(f"class {name!r} in {where} is empty{why}; put images there or remove the folder")
    return found


def check_names(where: str, classes: Collection[str], chosen: Collection[str]) -> None:
    """Raises UserError for classes whose names look the same, and where one that the suite has chosen is not there."""
    forms = Counter(one_form(name) for name in classes)
    if twice := [name for name in classes if forms[one_form(name)] > 1]:
        raise UserError(f"{where} has classes whose names look the same: {_apart(twice)}; rename or join them")
    for name in chosen:
        if name not in classes:
            raise UserError(f"{where} has no class {name!r}; {nearest(name, sorted(classes), 'classes')}")


def _check_classes(where: str, folders: Mapping[str, Path]) -> None:
    if not folders:
        raise UserError(f"{where} has no class folders; images belong in {where}/<class>/")
    if len(folders) == 1:
        ((name, path),) = folders.items()
        hint = f"; where the classes are in it, give {where}/{name} as the path" if _has_folders(path) else ""
        raise UserError(f"{where} has one class only, {name!r}; a classifier needs at least two{hint}")


def _has_folders(path: Path) -> bool:
    with suppress(OSError):
        return any(entry.is_dir() for entry in path.iterdir())
    return False


def _check_same(folder: Path, split: str, listed: Mapping[str, object], train: Mapping[str, object]) -> None:
    if set(listed) == set(train):
        return
    odd = sorted(set(listed) ^ set(train))
    twice = [name for name in odd if sum(alike(other) == alike(name) for other in odd) > 1]
    hint = f" ({_apart(twice)} are different names)" if twice else ""
    raise UserError(
        f"{shown(str(folder))}: the classes of {split} and train differ in {_apart(odd)}{hint}; they must be the same"
    )


def _apart(names: Iterable[str]) -> str:
    every = tuple(names)
    return ", ".join(quoted(name, every) for name in every)


def _drawn_from_train(
    found: Found, rule: SplitRule, empty: bool
) -> tuple[dict[str, dict[str, tuple[str, ...]]], dict[str, float]]:
    """All three splits, and the shares of train that those are which the folder lacks."""
    shares = (("test", rule.test), ("validation", rule.validation))
    drawn = {split: share for split, share in shares if split not in found}
    splits = {split: dict(listed) for split, listed in found.items()} | {split: {} for split in drawn}
    for name, files in found["train"].items():
        left = tuple(sorted(files, key=lambda file: (_hash(f"{rule.seed}:{file}"), file)))
        for split, share in drawn.items():
            count = max(1, round(share * len(files)))
            splits[split][name], left = left[:count], left[count:]
        if not left and not empty:
            raise UserError(
                f"class {name!r} has {counted(len(files), 'image')} for train, too few to "
                f"take {' and '.join(drawn)} out of it; add images, or set lower shares in the suite"
            )
        splits["train"][name] = left
    return splits, drawn


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()

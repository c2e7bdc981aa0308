"""Find the splits, classes and files of a folder of images."""

import hashlib
import tarfile
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
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
"""File names by split and class, of the splits that exist; train always does."""
Files = Mapping[str, Mapping[str, tuple[str, ...]]]
"""File names by split and class, relative to the data set's folder, in the order in which a limit takes them."""


@dataclass(frozen=True)
class SplitRule:
    """What a suite says about the splits, classes and columns of a data set.

    Attributes:
        validation: fraction of each class's training images that is drawn for validation where that split is missing.
        test: the same for test.
        seed: seed of the draw.
        folders: the folder of each split; None: recognized by name; empty: there are no splits, whatever the names.
        classes: the classes that are used, in this order; empty: all.
        image: the column of image paths or images; empty: the usual one.
        label: the column of labels; empty: the usual one.
    """

    validation: float = 0.15
    test: float = 0.15
    seed: int = 0
    folders: Mapping[str, str] | None = None
    classes: tuple[str, ...] = ()
    image: str = ""
    label: str = ""


class Container(Protocol):
    """Files that contain all images, under the names that the layout gives them."""

    @property
    def files(self) -> tuple[Path, ...]:
        """All files; if one changes, the images may have changed."""

    def decoder(self, size: ImageSize, resize: Resize) -> Callable[[str], Picture]:
        """A function that returns the picture of a name.

        It raises UndecodableError for a bad image, and UserError if a file cannot be read.
        """


@dataclass(frozen=True)
class Layout:
    r"""Where the images of a data set are.

    Paths in `files` are those of the file system. Names of classes, like all names that are shown, have ``\xe9`` for
    bytes that are not UTF-8.

    Attributes:
        folder: the folder that the paths in `files` are relative to.
        classes: the classes in the order of their indices.
        files: the image files by split and class.
        left_out: entries that are not read, with the reason.
        origins: where each split comes from.
        file: the file that lists the images, or the file or folder that contains them (`container`); None for a folder
            of image files.
        container: reads images that are not files of their own; None if they are.
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
        """The path by which the user knows the data set."""
        return self.file or self.folder

    def decoder(self, size: ImageSize, resize: Resize = "stretch") -> Callable[[str], Picture]:
        """A function that returns the picture of a path in `files`. It raises UndecodableError."""
        if self.container is not None:
            return self.container.decoder(size, resize)
        return lambda path: decode.decode(self.folder / path, size, resize)


def read_layout(folder: Path, rule: SplitRule, *, empty: bool = False) -> Layout:
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
    left_out: LeftOut = []
    top = look(folder, folder, left_out)
    outer = splits_in(folder, top, rule)
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
    """Build a layout from the files found in each split, and draw missing validation and test splits from train.

    Args:
        folder: the folder that file names are relative to.
        found: the files by split and class.
        places: the name of each existing split in the data set.
        rule: how missing splits are drawn.
        left_out: entries that are not read.
        file: the file that lists or contains the images, if there is one.
        container: reads images that are not files of their own.
        empty: as in `read_layout`.

    Raises:
        UserError: the splits have different classes, or a class has too few images to draw from (unless `empty`).
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
    """The order in which a limit takes files: by name, so that it is easy to see which files were used."""
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
    """Entries beside the folders of the splits, which are left out."""
    files = [leave_out(path, folder, "not in the folder of a class") for path in top.files.values()]
    others = [path for path in top.folders.values() if path not in places]
    return files + [leave_out(path, folder, BESIDE, folder=True) for path in others]


def splits_in(folder: Path, top: Listed, rule: SplitRule) -> dict[str, Path]:
    """Choose the folder of each split: as the suite says, or else by name.

    Returns:
        The folder of each split; empty if no name means a split.

    Raises:
        UserError: a folder that the suite names does not exist, or names are ambiguous.
    """
    return _found(folder, top) if rule.folders is None else _named(folder, top, rule.folders)


def _named(folder: Path, top: Listed, folders: Mapping[str, str]) -> dict[str, Path]:
    """The folders that the suite names."""
    check_split_names(shown(str(folder)), "folder", top.folders, folders)
    return {split: top.folders[folders[split]] for split in SPLITS if split in folders}


def _found(folder: Path, top: Listed) -> dict[str, Path]:
    """The folders whose names mean a split; empty if there is none."""
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
            named[split] = plain  # `test2` beside `test` is left out, and reported as such
        elif len(names) > 1:
            every = " and ".join(repr(shown(name)) for name in names)
            raise UserError(
                f"{shown(str(folder))}: {every} all mean {split}; choose one with "
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
            f"{shown(str(folder))} has {there}{beside} but no {missing} folder; if these are classes, write "
            f"`splits: none` in the suite (--splits none for `data check`), else name the folders with "
            f"`splits: {{train: ..., test: ...}}`"
        )
    return {split: top.folders[named[split][0]] for split in SPLITS if split in named}


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
            why = f" except for what is left out ({there[0].path}: {there[0].reason})" if there else ""
            raise UserError(f"class {name!r} in {where} is empty{why}; put images there or remove the folder")
    return found


def check_names(where: str, classes: Collection[str], chosen: Collection[str]) -> None:
    """Check the names of classes.

    Args:
        where: the data set, for the message.
        classes: the names that were found.
        chosen: the names that the suite lists.

    Raises:
        UserError: two names look the same, or a chosen class does not exist.
    """
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
        hint = f"; if the classes are in it, give {where}/{name} as the path" if _has_folders(path) else ""
        raise UserError(f"{where} has only one class, {name!r}; a classifier needs at least two{hint}")


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


def by_class(images: Iterable[tuple[str, str]], classes: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Group images by class.

    Args:
        images: pairs of a class and the name of an image.
        classes: the classes that are kept, in their order; those without an image are omitted.
    """
    names: dict[str, list[str]] = {}
    for label, name in images:
        names.setdefault(label, []).append(name)
    return {label: tuple(names[label]) for label in classes if label in names}


def check_split_names(where: str, what: str, known: Collection[str], folders: Mapping[str, str]) -> None:
    """Check that everything that the suite names as a split exists.

    Args:
        where: the data set, for the message.
        what: the kind of `known`, in the singular.
        known: the folders, or the values of a column.
        folders: the name of each split in the suite.

    Raises:
        UserError: one does not exist.
    """
    for split, name in folders.items():
        if name not in known:
            hint = nearest(name, sorted(map(shown, known)), f"{what}s")
            raise UserError(f"{where} has no {what} {name!r} for {split}; {hint}")


def _apart(names: Iterable[str]) -> str:
    """Names in quotes, with escapes where two of them look the same."""
    every = tuple(names)
    return ", ".join(quoted(name, every) for name in every)


def _drawn_from_train(
    found: Found, rule: SplitRule, empty: bool
) -> tuple[dict[str, dict[str, tuple[str, ...]]], dict[str, float]]:
    """Draw the missing splits from train.

    Returns:
        The files of all three splits, and the fraction of train for each split that was drawn.
    """
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
                f"draw {' and '.join(drawn)} from; add images, or set lower fractions in the suite"
            )
        splits["train"][name] = left
    return splits, drawn


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()

"""Folders of images: which splits and classes there are, and which files each holds. Pure but for the listing."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tlbench.core.errors import UserError

SPLITS = ("train", "validation", "test")
FOLDER_NAMES = {
    "train": ("train", "training", "seg_train"),
    "validation": ("validation", "val", "valid"),
    "test": ("test", "testing", "seg_test"),
}
JUNK = frozenset({"thumbs.db", "desktop.ini", "ehthumbs.db", "icon\r"})

Files = Mapping[str, Mapping[str, tuple[str, ...]]]
"""Split -> class -> file names, relative to the data set's folder, in the order a limit takes them."""


@dataclass(frozen=True)
class SplitRule:
    """How one folder is split where it comes without splits: fractions of each class, drawn by `seed`."""

    validation: float = 0.15
    test: float = 0.15
    seed: int = 0


@dataclass(frozen=True)
class Layout:
    """A data set's folder as found. `junk` are files of the operating system, left out by name."""

    folder: Path
    classes: tuple[str, ...]
    files: Files
    junk: tuple[str, ...]


def read_layout(folder: Path, rule: SplitRule) -> Layout:
    """List the images of a data set.

    Understood are ``{train,validation,test}/<class>/``, the same without validation (which is then taken from
    train by `rule`), Kaggle's ``seg_train/seg_train/<class>``, and class folders alone (split by `rule`).
    Extensions are not looked at. Raises UserError where that gives no usable data set.
    """
    if not folder.is_dir():
        raise UserError(f"the data set folder {folder} does not exist")
    splits = {split: place for split in SPLITS if (place := _split_folder(folder, split))}
    junk: list[str] = []
    if not splits:
        listed = _classes(folder, folder, junk)
        _check_classes(folder, listed)
        return Layout(folder, tuple(listed), _split_all(listed, rule), tuple(junk))
    for needed in ("train", "test"):
        if needed not in splits:
            raise UserError(f"{folder} has {', '.join(splits)} but no {needed} folder; add {folder / needed}/<class>/")
    found = {split: _classes(path, folder, junk) for split, path in splits.items()}
    for split, listed in found.items():
        _check_classes(splits[split], listed)
        if set(listed) != set(found["train"]):
            odd = sorted(set(listed) ^ set(found["train"]))
            raise UserError(
                f"{folder}: the classes of {split} and train differ in {', '.join(odd)}; they must be the same"
            )
    if "validation" not in found:
        found = {**_split_off_validation(found["train"], rule), "test": found["test"]}
    files = {split: {name: in_order(listed) for name, listed in found[split].items()} for split in SPLITS}
    return Layout(folder, tuple(sorted(found["train"])), files, tuple(junk))


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """The order in which a limit takes files: that of their names, so that anybody can say which ones it took."""
    return tuple(sorted(names))


def _split_folder(folder: Path, split: str) -> Path | None:
    for name in FOLDER_NAMES[split]:
        path = folder / name
        if path.is_dir():
            inner = path / name
            return inner if inner.is_dir() else path
    return None


def _classes(folder: Path, root: Path, junk: list[str]) -> dict[str, tuple[str, ...]]:
    listed: dict[str, tuple[str, ...]] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            names = [file for file in sorted(path.rglob("*")) if file.is_file()]
            bad = [file for file in names if _is_junk(file)]
            junk += [file.relative_to(root).as_posix() for file in bad]
            listed[path.name] = tuple(file.relative_to(root).as_posix() for file in names if not _is_junk(file))
    return listed


def _is_junk(file: Path) -> bool:
    return file.name.startswith(".") or file.name.lower() in JUNK


def _check_classes(folder: Path, listed: Mapping[str, tuple[str, ...]]) -> None:
    if not listed:
        raise UserError(f"{folder} has no class folders; images belong in {folder}/<class>/")
    if len(listed) == 1:
        raise UserError(f"{folder} has one class only, {next(iter(listed))!r}; a classifier needs at least two")
    for name, files in listed.items():
        if not files:
            raise UserError(f"class {name!r} in {folder} is empty; put images there or remove the folder")


def _split_all(listed: Mapping[str, tuple[str, ...]], rule: SplitRule) -> Files:
    split: dict[str, dict[str, tuple[str, ...]]] = {name: {} for name in SPLITS}
    for name, files in listed.items():
        if len(files) < 3:
            raise UserError(f"class {name!r} has {len(files)} images, too few to split into train, validation and test")
        drawn = _drawn(files, rule.seed)
        test = max(1, round(rule.test * len(files)))
        validation = max(1, round(rule.validation * len(files)))
        split["test"][name] = in_order(drawn[:test])
        split["validation"][name] = in_order(drawn[test : test + validation])
        split["train"][name] = in_order(drawn[test + validation :])
    return split


def _split_off_validation(
    train: Mapping[str, tuple[str, ...]], rule: SplitRule
) -> dict[str, dict[str, tuple[str, ...]]]:
    split: dict[str, dict[str, tuple[str, ...]]] = {"train": {}, "validation": {}}
    for name, files in train.items():
        if len(files) < 2:
            raise UserError(f"class {name!r} has one training image, too few to take a validation image from")
        drawn, count = _drawn(files, rule.seed), max(1, round(rule.validation * len(files)))
        split["validation"][name], split["train"][name] = drawn[:count], drawn[count:]
    return split


def _drawn(files: Iterable[str], seed: int) -> tuple[str, ...]:
    return tuple(sorted(files, key=lambda name: (_hash(f"{seed}:{name}"), name)))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()

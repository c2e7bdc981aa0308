"""Which names in a data set are its splits and which are its classes: one rule for all kinds of data sets."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from tlbench.core.errors import UserError, nearest
from tlbench.core.text import counted
from tlbench.datasets.layout import Container, Layout, SplitRule, laid_out
from tlbench.datasets.listing import LeftOut
from tlbench.datasets.names import EVALUATION, SPLITS, apart, one_form, shown, split_of
from tlbench.results.images import SkippedFile

ByLabel = Mapping[str, Sequence[str]]
"""Names of images by label."""
Listed = Mapping[str | None, ByLabel]
"""The same by split, as the data set calls it; None for images of no split."""


def of_images(
    place: Path,
    folder: Path,
    listed: Listed,
    order: Sequence[str],
    rule: SplitRule,
    left_out: LeftOut,
    *,
    container: Container | None = None,
    empty: bool = False,
) -> Layout:
    """Build the layout of images that are listed with their splits and labels.

    Args:
        place: the file or folder by which the user knows the data set.
        folder: the folder that names of images are relative to.
        listed: the images. A split without an image counts as missing.
        order: all labels, in the order of the classes.
        rule: how splits and classes are chosen.
        left_out: what is left out already.
        container: reads images that are not files of their own.
        empty: as in `read_folder`.

    Raises:
        UserError: the splits or classes cannot be used.
    """
    where = shown(str(place))
    place = place if place.name else place.resolve()
    splits = _splits(where, listed, rule)
    taken = {split: listed[name] for split, name in splits.items()} or {"train": _together(listed.values())}
    every = _together(taken.values())
    classes = class_names(where, [label for label in order if label in every], rule.classes)
    if len(classes) < 2:
        only = f"only one label, {next(iter(classes))!r}" if classes else "no image"
        raise UserError(f"{where} has {only}; a classifier needs at least two classes")
    found = {
        split: {name: tuple(of[label]) for name, label in classes.items() if label in of} for split, of in taken.items()
    }
    others = [*_unnamed(place, listed, splits), *_unused(place, every, frozenset(classes.values()))]
    places = {split: shown(splits.get(split, ".")) for split in taken}
    return laid_out(folder, found, places, rule, [*left_out, *others], file=place, container=container, empty=empty)


def grouped(images: Iterable[tuple[str | None, str, str]]) -> dict[str | None, dict[str, list[str]]]:
    """Group images, each given by its split, label and name."""
    found: dict[str | None, dict[str, list[str]]] = {}
    for split, label, name in images:
        found.setdefault(split, {}).setdefault(label, []).append(name)
    return found


def of_file(file: Path, reason: str) -> SkippedFile:
    """Describe images of a file that are not read, and the reason."""
    return SkippedFile(split="", path=shown(file.name or file.resolve().name), reason=reason)


def split_names(where: str, what: str, names: Collection[str], rule: SplitRule) -> dict[str, str]:
    """Choose the name of each split: as the suite says, or else by what names mean.

    Args:
        where: the data set, for the message.
        what: the kind of `names`, in the singular: folder or split.
        names: the names of the folders or splits that there are.
        rule: what the suite says.

    Returns:
        The name of each split; empty if no name means a split.

    Raises:
        UserError: a name that the suite gives does not exist, or names are ambiguous.
    """
    if rule.folders is None:
        return _by_meaning(where, what, sorted(names))
    for split, name in rule.folders.items():
        if name not in names:
            hint = nearest(name, sorted(map(shown, names)), f"{what}s")
            raise UserError(f"{where} has no {what} {name!r} for {split}; {hint}")
    return {split: rule.folders[split] for split in SPLITS if split in rule.folders}


def class_names(where: str, names: Collection[str], chosen: Sequence[str]) -> dict[str, str]:
    """Choose the classes.

    Args:
        where: the data set, for the message.
        names: the names in the data set.
        chosen: the names that the suite lists, as they are shown; empty: all.

    Returns:
        The name of each class in the data set by the name that is shown, in the order of the classes.

    Raises:
        UserError: two names look the same, or a chosen class does not exist.
    """
    forms = Counter(map(one_form, names))
    if twice := [name for name in names if forms[one_form(name)] > 1]:
        raise UserError(f"{where} has classes whose names look the same: {apart(twice)}; rename or join them")
    found = {shown(name): name for name in names}
    for name in chosen:
        if name not in found:
            raise UserError(f"{where} has no class {name!r}; {nearest(name, sorted(found), 'classes')}")
    return {name: found[name] for name in chosen or found}


def _by_meaning(where: str, what: str, every: Sequence[str]) -> dict[str, str]:
    """The names that mean a split; empty if there is none."""
    named: dict[str, list[str]] = defaultdict(list)
    for name in every:
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
            raise UserError(
                f"{where}: {' and '.join(repr(shown(name)) for name in names)} all mean {split}; choose one with "
                f"`splits: {{{split}: {shown(names[0])}, ...}}` in the suite"
            )
    _check_complete(where, what, every, named)
    return {split: named[split][0] for split in SPLITS if split in named}


def _check_complete(where: str, what: str, every: Sequence[str], named: Mapping[str, Sequence[str]]) -> None:
    """Raise UserError if names mean splits, but none means train, or only that beside names that mean nothing."""
    means = [name for names in named.values() for name in names]
    others = [repr(shown(name)) for name in every if name not in means]
    if not named or ("train" in named and (len(named) > 1 or not others)):
        return
    there = ", ".join(repr(shown(name)) for name in means)
    beside = f" beside {', '.join(others[:3])}{', ...' if len(others) > 3 else ''}" if others else ""
    missing = "validation or test" if "train" in named else "train"
    no_splits = "these are classes" if what == "folder" else "all images are for training"
    raise UserError(
        f"{where} has {there}{beside} but no {missing} {what}; if {no_splits}, write `splits: none` in the suite "
        f"(--splits none for `data check`), else name the {what}s with `splits: {{train: ..., test: ...}}`"
    )


def _splits(where: str, listed: Listed, rule: SplitRule) -> dict[str, str]:
    """What the data set calls each split; empty if there are no splits and all images are for training.

    A single split whose name means nothing is for training.
    """
    names = [name for name, of in listed.items() if name is not None and (of or rule.folders is None)]
    if rule.folders == {} or not names:
        return {}
    found = split_names(where, "split", names, rule)
    if not found and len(names) == 1 and split_of(names[0]) is None:
        found = {"train": names[0]}
    if not found:
        raise UserError(
            f"{where} has the splits {', '.join(map(shown, names))}, none of which means train; name them with "
            "`splits: {train: ..., test: ...}` in the suite, or write `splits: none`"
        )
    if not listed[found["train"]]:
        raise UserError(f"{where} has no image with a label in {shown(found['train'])!r}; add some")
    return {split: name for split, name in found.items() if listed[name]}


def _together(of: Iterable[ByLabel]) -> dict[str, list[str]]:
    """The images of several splits."""
    found: dict[str, list[str]] = {}
    for labels in of:
        for label, names in labels.items():
            found.setdefault(label, []).extend(names)
    return found


def _unnamed(place: Path, listed: Listed, splits: Mapping[str, str]) -> LeftOut:
    """What to report of the images that belong to no split."""
    others = {name or "": of for name, of in listed.items() if splits and of and name not in splits.values()}
    return [
        of_file(place, f"{_count(of)} of " + (f"split {name!r}, not named" if name else "no split"))
        for name, of in sorted(others.items())
    ]


def _unused(place: Path, every: ByLabel, used: Collection[str]) -> LeftOut:
    """What to report of the images whose classes the suite does not list."""
    return [
        of_file(place, f"{_count({label: names})} of {label!r}, not among the suite's classes")
        for label, names in every.items()
        if label not in used
    ]


def _count(of: ByLabel) -> str:
    return counted(sum(map(len, of.values())), "image")

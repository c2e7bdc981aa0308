"""What was read of folders, in sentences for people. Pure."""

from collections.abc import Mapping, Sequence

from tlbench.core.text import counted, percent
from tlbench.datasets.audit import Audit
from tlbench.datasets.build import MOST_BAD, bad_by_folder
from tlbench.datasets.listing import BESIDE
from tlbench.datasets.names import SPLITS, shown
from tlbench.datasets.source import DataSource
from tlbench.results.images import SkippedFile, SplitOrigin, is_unbalanced
from tlbench.statistics.intervals import wilson

NAMED = 4
CLASSES = 8
FEW = 100
"""Test images of which an accuracy has an interval of more than +-10 points."""


def origin(one: SplitOrigin) -> str:
    """``Training/``, ``train in birds.csv``, or ``15 % of train/, drawn (seed 0)``."""
    if one.file:
        folder = one.file if one.folder == "." else f"{one.folder} in {one.file}"
    else:
        folder = "the folder" if one.folder == "." else f"{one.folder}/"
    return folder if one.drawn is None else f"{one.drawn * 100:g} % of {folder}, drawn (seed {one.seed})"


def read_sentence(origins: Mapping[str, SplitOrigin], classes: Sequence[str]) -> str:
    """Which folders were taken for splits and classes."""
    splits = ", ".join(f"{split} is {origin(origins[split])}" for split in SPLITS if split in origins)
    return f"{splits}; {len(classes)} classes: {first(classes, CLASSES)}"


def skipped_sentences(found: DataSource) -> list[str]:
    """One for what was never looked into, one for files that are no images."""
    left_out = [one for one in found.skipped if not one.split]
    bad = [one for one in found.skipped if one.split]
    kinds = ((left_out, "left out"), (bad, "no images that can be decoded"))
    return [
        f"{found.name}: {len(files)} {what}: {named(files)}; the record names all" for files, what in kinds if files
    ]


def named(files: Sequence[SkippedFile]) -> str:
    """The first few with their reasons."""
    return first([f"{one.path} ({one.reason})" for one in files], NAMED)


def first(names: Sequence[str], most: int) -> str:
    """The first `most` of some names."""
    more = f", and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def balance_sentence(counts: Mapping[str, Mapping[str, int]]) -> str:
    """What a classifier gets that always says the most frequent class; empty where the classes are balanced."""
    uneven = [split for split, of in counts.items() if is_unbalanced(of)]
    test = counts.get("test", {})
    if not uneven or not sum(test.values()):
        return ""
    split = "train" if "train" in uneven else uneven[0]
    most, least = (pick(counts[split], key=counts[split].__getitem__) for pick in (max, min))
    majority = max(test, key=test.__getitem__)
    share = test[majority] / sum(test.values())
    return (
        f"unbalanced: {counts[split][most]} images of {most} and {counts[split][least]} of {least} in {split}; who "
        f"always says {majority} is right for {percent(share)} of test, so look at the balanced accuracy too; "
        "`train: {class_weight: balanced}` weighs the classes alike"
    )


def advice(audit: Audit) -> list[str]:
    """What to do about what was found, what stops a run first; nothing where all is well."""
    two = (*audit.exact.two_labels, *audit.near.two_labels)
    across, within = (*audit.exact.across, *audit.near.across), audit.exact.within
    beside = [one.path for one in audit.left_out if one.reason == BESIDE]
    lines = [
        (beside, f"{first(beside, NAMED)} is read as no split: where it is one, name it in the suite with `splits`"),
        (two, "a picture under two labels is wrong under one of them: remove that file"),
        (across, "a picture in two splits makes accuracies too high: remove it from one of them"),
        (within, "a picture that is twice in a split counts twice: remove one, or let it be"),
    ]
    told = [line for there, line in lines if there]
    return [*_bad(audit), *told, *filter(None, (balance_sentence(audit.counts), _few(audit.counts)))]


def _bad(audit: Audit) -> list[str]:
    """Of files that are no images, and of classes without any: whether a run takes the others."""
    way_out = "the same command with `--move-bad DIR` moves them away"
    if audit.file is not None:
        way_out = f"mend them, or take them out of {shown(audit.file.name)}"
    many = [
        f"{bad} of {there} files in {', '.join(splits)}"
        for splits, bad, there in bad_by_folder(audit.splits, audit.undecodable)
        if bad > MOST_BAD * there
    ]
    refused = (
        [f"a run is refused: no images are {'; '.join(many)}, more than {MOST_BAD:.0%}; {way_out}"] if many else []
    )
    if audit.bare:
        where = [f"{one.name!r} in {shown(str(audit.folder / one.folder))}" for one in audit.bare]
        are, folders = ("class {} is", "folder") if len(where) == 1 else ("classes {} are", "folders")
        refused.append(
            f"a run is refused: {are.format(first(where, NAMED))} empty; put images there or remove the {folders}"
        )
    bare = {f"{one.name!r} in {split}" for one in audit.bare for split in one.splits}
    if few := [one for one in audit.empty if one not in bare]:
        empty = first(few, NAMED)
        drawn = (
            ", once parts of it are drawn for the other splits"
            if any(one.drawn for one in audit.splits.values())
            else ""
        )
        refused.append(f"a run is refused: class {empty} has no image that can be decoded{drawn}; add some")
    if refused or not audit.undecodable:
        return refused
    return [f"a run leaves out files that are no images; {way_out}"]


def _few(counts: Mapping[str, Mapping[str, int]]) -> str:
    """How well so few test images tell an accuracy; empty where there are enough."""
    images = sum(counts.get("test", {}).values())
    if not 0 < images < FEW:
        return ""
    low, high = wilson(images / 2, images)
    return (
        f"test has {counted(images, 'image')}: an accuracy is known to about {(high - low) * 50:.0f} points only, so "
        "that models can hardly be told apart; take more of them for test"
    )

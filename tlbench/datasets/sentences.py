"""Describe data sets and audits in sentences for people. Pure."""

from collections.abc import Mapping, Sequence

from tlbench.core.text import counted, first_of, listed, percent
from tlbench.datasets.audit import Audit
from tlbench.datasets.build import MOST_BAD, bad_by_folder
from tlbench.datasets.listing import BESIDE
from tlbench.datasets.names import SPLITS, shown
from tlbench.datasets.source import DataSource
from tlbench.results.images import SkippedFile, SplitAudit, SplitOrigin, is_unbalanced
from tlbench.statistics.intervals import wilson

NAMED = 4
"""Largest number of files, and of classes, that a sentence lists."""
CLASSES = 8
BALANCED = "`train: {class_weight: balanced}`"
"""The setting that `balance_sentence` names, as it is written there."""
FEW = 100
"""Number of test images below which the confidence interval of an accuracy is wider than +-10 points."""


def origin(one: SplitOrigin) -> str:
    """Where a split comes from: ``Training/``, ``train in birds.csv``, or ``15 % of train/, drawn (seed 0)``."""
    if one.file:
        folder = one.file if one.folder == "." else f"{one.folder} in {one.file}"
    else:
        folder = "the folder" if one.folder == "." else f"{one.folder}/"
    return folder if one.drawn is None else f"{one.drawn * 100:g} % of {folder}, drawn (seed {one.seed})"


def drawn_sentence(origins: Mapping[str, SplitOrigin]) -> str:
    """Which splits were drawn, and that train is the rest; empty if each split has its own images."""
    drawn = [f"{split} is {origin(origins[split])}" for split in SPLITS if split in origins and origins[split].drawn]
    return ", ".join([*drawn, "train is the rest"]) if drawn else ""


def read_sentence(origins: Mapping[str, SplitOrigin], classes: Sequence[str]) -> str:
    """Which folders were read as splits, and the classes."""
    splits = ", ".join(f"{split} is {origin(origins[split])}" for split in SPLITS if split in origins)
    return f"{splits}; {len(classes)} classes: {first_of(classes, CLASSES)}"


def skipped_sentences(found: DataSource) -> list[str]:
    """A sentence about entries that were not read, and one about undecodable files."""
    left_out = [one for one in found.skipped if not one.split]
    bad = [one for one in found.skipped if one.split]
    kinds = ((left_out, "left out"), (bad, "cannot be decoded as images"))
    return [
        f"{found.name}: {len(files)} {what}: {named(files)}; the record lists all" for files, what in kinds if files
    ]


def named(files: Sequence[SkippedFile]) -> str:
    """The first few files with their reasons."""
    return first_of([f"{one.path} ({one.reason})" for one in files], NAMED)


def balance_sentence(counts: Mapping[str, Mapping[str, int]]) -> str:
    """The accuracy of always predicting the most frequent class; empty if the classes are balanced."""
    uneven = [split for split, of in counts.items() if is_unbalanced(of)]
    test = counts.get("test", {})
    if not uneven or not sum(test.values()):
        return ""
    split = "train" if "train" in uneven else uneven[0]
    most, least = (pick(counts[split], key=counts[split].__getitem__) for pick in (max, min))
    share = test.get(most, 0) / sum(test.values())
    return (
        f"unbalanced: {counts[split][most]} images of {most} and {counts[split][least]} of {least} in {split}; "
        f"always predicting {most} is right for {percent(share)} of test, so look at the balanced accuracy too; "
        f"{BALANCED} gives all classes the same weight"
    )


def repeated(audit: SplitAudit) -> tuple[int, int]:
    """How many pictures stand under two labels, and how many in two splits, equal or nearly so."""
    return (
        audit.exact_two_labels.total + audit.near_two_labels.total,
        audit.exact_across.total + audit.near_across.total,
    )


def repeated_sentence(audit: SplitAudit) -> str:
    """How many pictures stand under two labels or in two splits; empty if none does."""
    found = zip(repeated(audit), ("under two labels", "in two splits"), strict=True)
    told = [f"{counted(total, 'picture')} {where}" for total, where in found if total]
    return f"{listed(told)} (equal, or nearly so)" if told else ""


def few_sentence(counts: Mapping[str, Mapping[str, int]]) -> str:
    """How precisely so few test images determine an accuracy; empty if there are enough."""
    images = sum(counts.get("test", {}).values())
    if not 0 < images < FEW:
        return ""
    low, high = wilson(images / 2, images)
    return (
        f"test has {counted(images, 'image')}: an accuracy is only known to about +-{(high - low) * 50:.0f} points, so "
        "models can hardly be told apart; use more test images"
    )


def advice(audit: Audit) -> list[str]:
    """What to do about the findings of an audit, first what makes a run impossible; empty if there is nothing to do."""
    two = (*audit.exact.two_labels, *audit.near.two_labels)
    across, within = (*audit.exact.across, *audit.near.across), audit.exact.within
    beside = [one.path for one in audit.left_out if one.reason == BESIDE]
    lines = [
        (beside, f"{first_of(beside, NAMED)} is not read as a split; if it is one, name it in the suite with `splits`"),
        (two, "an image under two labels is wrong under one of them: remove that file"),
        (across, "an image in two splits makes accuracies too high: remove it from one of them"),
        (within, "an image that is twice in a split counts twice: remove one, or accept it"),
    ]
    told = [line for there, line in lines if there]
    return [*_bad(audit), *told, *filter(None, (balance_sentence(audit.counts), few_sentence(audit.counts)))]


def _bad(audit: Audit) -> list[str]:
    """What undecodable files and empty classes mean for a run."""
    way_out = "the same command with `--move-bad DIR` moves them away"
    if audit.file is not None:
        way_out = f"repair them, or remove them from {shown(audit.file.name)}"
    many = [
        f"{bad} of {there} files in {', '.join(splits)}"
        for splits, bad, there in bad_by_folder(audit.splits, audit.undecodable)
        if bad > MOST_BAD * there
    ]
    refused = (
        [f"a run is refused: {' and '.join(many)} cannot be decoded, more than {MOST_BAD:.0%}; {way_out}"]
        if many
        else []
    )
    if audit.bare:
        where = [f"{one.name!r} in {shown(str(audit.folder / one.folder))}" for one in audit.bare]
        are, folders = ("class {} is", "folder") if len(where) == 1 else ("classes {} are", "folders")
        refused.append(
            f"a run is refused: {are.format(first_of(where, NAMED))} empty; put images there or remove the {folders}"
        )
    bare = {f"{one.name!r} in {split}" for one in audit.bare for split in one.splits}
    if few := [one for one in audit.empty if one not in bare]:
        empty = first_of(few, NAMED)
        drawn = " once the other splits are drawn from it" if any(one.drawn for one in audit.splits.values()) else ""
        refused.append(f"a run is refused: there is no decodable image of class {empty}{drawn}; add some")
    if refused or not audit.undecodable:
        return refused
    return [f"a run leaves out undecodable files; {way_out}"]

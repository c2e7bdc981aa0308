"""What was read of folders, in sentences for people. Pure."""

from collections.abc import Mapping, Sequence

from tlbench.datasets.audit import Audit
from tlbench.datasets.listing import BESIDE
from tlbench.datasets.names import SPLITS
from tlbench.datasets.source import DataSource
from tlbench.results.images import SkippedFile, SplitOrigin, is_unbalanced

NAMED = 4
CLASSES = 8


def origin(one: SplitOrigin) -> str:
    """``Training/``, or ``15 % of train/, drawn (seed 0)``."""
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
        f"always says {majority} is right for {share:.1%} of test, so look at the balanced accuracy too; "
        "`train: {class_weight: balanced}` weighs the classes alike"
    )


def advice(audit: Audit) -> list[str]:
    """What to do about what was found; nothing where all is well."""
    two = (*audit.exact.two_labels, *audit.near.two_labels)
    across, within = (*audit.exact.across, *audit.near.across), audit.exact.within
    beside = [one.path for one in audit.left_out if one.reason == BESIDE]
    lines = [
        (beside, f"{first(beside, NAMED)} is read as no split: where it is one, name it in the suite with `splits`"),
        (
            audit.undecodable,
            "files that are no images are left out of a run, up to 5 % of a split: --move-bad DIR moves them",
        ),
        (two, "a picture under two labels is wrong under one of them: remove that file"),
        (across, "a picture in two splits makes accuracies too high: remove it from one of them"),
        (within, "a picture that is twice in a split counts twice: remove one, or let it be"),
    ]
    balance = balance_sentence(audit.counts)
    return [*(line for there, line in lines if there), *([balance] if balance else [])]

"""Which images the numbers of a record rest on: where they come from, what was left out, what stands there twice."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from tlbench.core.value import Value


class SkippedFile(Value):
    """A file that was left out of a split. `path` is relative to the data set's folder.

    split: empty for what was never looked into, by its name, its kind or its place; the path of a folder ends with a
    slash, and stands for all that is in it.
    """

    split: str
    path: str
    reason: str


class SplitOrigin(Value):
    """Where the images of a split come from.

    folder: that of its classes, relative to the data set's; of a file that lists or has the images, what the split is
    called in there, or ``.``. file: the name of that file; empty of folders. files: that the split has, whether a limit
    takes them or not. drawn: share of each class of the training folder that was drawn, by `seed`; None where the
    folder is the split's own.
    """

    folder: str
    file: str = ""
    files: int
    drawn: float | None = None
    seed: int | None = None


class Duplicates(Value):
    """Pictures that stand in the used images more than once; groups of files, relative to the data set's folder.

    Each group is in the worst place that fits: under two labels, else across splits, else within one split.
    `total` counts all groups; the first few are named.
    """

    total: int
    files: tuple[tuple[str, ...], ...]


class SplitAudit(Value):
    """What was found in the images that were used, before training.

    exact: equal pixels. near: nearly equal pixels (rescaled, recompressed). balance: images of the rarest class over
    those of the most frequent one, for each split.
    """

    exact_two_labels: Duplicates
    exact_across: Duplicates
    exact_within: Duplicates
    near_two_labels: Duplicates
    near_across: Duplicates
    near_within: Duplicates
    balance: dict[str, float]


def is_unbalanced(counts: Mapping[str, int]) -> bool:
    """Whether the rarest class has less than half as many images as the most frequent one: accuracy alone misleads."""
    return bool(counts) and min(counts.values()) < 0.5 * max(counts.values())


class DataProvenance(Value):
    """Which images the numbers rest on. `counts` are images used per split, per class.

    splits: where each split comes from; empty where images are drawn by code, and in older records.
    """

    source: Literal["real", "synthetic"]
    fallback: bool
    fingerprint: str
    classes: tuple[str, ...]
    counts: dict[str, dict[str, int]]
    skipped: tuple[SkippedFile, ...] = ()
    audit: SplitAudit | None = None
    splits: dict[str, SplitOrigin] = Field(default_factory=dict)

    @property
    def majority(self) -> float | None:
        """The accuracy of always saying the test set's most frequent class; None without a test set."""
        counts = self.counts.get("test", {}).values()
        return max(counts) / sum(counts) if sum(counts) else None

    @property
    def unbalanced(self) -> bool:
        """Whether a split is (`is_unbalanced`)."""
        return any(is_unbalanced(of) for of in self.counts.values())

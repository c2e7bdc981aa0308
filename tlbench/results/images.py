"""The images behind a record: where they come from, which files were left out, and duplicates."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from tlbench.core.value import Value


class SkippedFile(Value):
    """A file or folder that was left out.

    Attributes:
        split: its split; empty for what was not read because of its name, kind or place.
        path: relative to the data set's folder. The path of a folder ends with a slash and stands for all of its
            content.
        reason: why, in a few words.
    """

    split: str
    path: str
    reason: str


class SplitOrigin(Value):
    """Where the images of a split come from.

    Attributes:
        folder: the folder of its classes, relative to the data set's. For a file that lists or contains the images: the
            name of the split in there, or ``.``.
        file: the name of that file; empty for folders.
        files: number of files in the split, whether a limit takes them or not.
        drawn: fraction of each training class that was drawn; None if the split has its own images.
        seed: seed of the draw.
    """

    folder: str
    file: str = ""
    files: int
    drawn: float | None = None
    seed: int | None = None


class Duplicates(Value):
    """Groups of duplicates among the images that were used.

    Attributes:
        total: number of groups.
        files: the files of the first few groups, relative to the data set's folder.
    """

    total: int
    files: tuple[tuple[str, ...], ...]


class SplitAudit(Value):
    """What was found in the images that were used, before training.

    A group of duplicates is listed once: under ``two_labels`` if it has several classes, else under ``across`` if it
    has several splits, else under ``within``. ``exact`` duplicates have equal pixels, ``near`` ones nearly equal pixels
    (rescaled, recompressed). `balance` is the size of the smallest class over that of the largest, by split.
    """

    exact_two_labels: Duplicates
    exact_across: Duplicates
    exact_within: Duplicates
    near_two_labels: Duplicates
    near_across: Duplicates
    near_within: Duplicates
    balance: dict[str, float]


def is_unbalanced(counts: Mapping[str, int]) -> bool:
    """Whether the smallest class has less than half as many images as the largest, so that accuracy alone is
    misleading.
    """
    return bool(counts) and min(counts.values()) < 0.5 * max(counts.values())


class DataProvenance(Value):
    """The images behind a record.

    Attributes:
        source: whether they are real or synthetic.
        fallback: whether synthetic images stand in for real ones.
        fingerprint: identifies the images.
        classes: the classes in the order of their indices.
        counts: number of images used, by split and class.
        skipped: files that were left out.
        audit: duplicates and balance.
        splits: where each split comes from; empty for synthetic images and in older records.
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
        """The accuracy of always predicting the most frequent class of the test set; None without a test set."""
        counts = self.counts.get("test", {}).values()
        return max(counts) / sum(counts) if sum(counts) else None

    @property
    def unbalanced(self) -> bool:
        """Whether any split is unbalanced; see `is_unbalanced`."""
        return any(is_unbalanced(of) for of in self.counts.values())

"""What tlbench knows of a data set before it has seen a picture of it."""

from dataclasses import dataclass

from tlbench.datasets.names import SPLITS


@dataclass(frozen=True)
class Source:
    """A folder of an archive with images of one class.

    counts: so many of them go to train, validation and test, in the order of their names.
    """

    folder: str
    label: str
    counts: tuple[int, int, int]


@dataclass(frozen=True)
class Archive:
    """A public archive. sha256: None where the publisher names none; then its size is what is checked."""

    url: str
    sha256: str | None
    bytes: int
    sources: tuple[Source, ...]

    def per_class(self) -> dict[str, int]:
        """Images of one class by split; all classes have as many."""
        first = [source.counts for source in self.sources if source.label == self.sources[0].label]
        return dict(zip(SPLITS, map(sum, zip(*first, strict=True)), strict=True))


@dataclass(frozen=True)
class DatasetInfo:
    """A data set. `where` is a clause that says where it is to be had. small: an archive with a part of its images."""

    name: str
    title: str
    classes: tuple[str, ...]
    where: str
    archive: Archive | None = None
    small: Archive | None = None

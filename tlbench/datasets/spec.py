"""What tlbench knows about a data set before its images are read."""

from dataclasses import dataclass

from tlbench.datasets.names import SPLITS


@dataclass(frozen=True)
class Source:
    """A folder of an archive with images of one class.

    Attributes:
        folder: the folder in the archive.
        label: the class.
        counts: number of images for train, validation and test, taken in this order by file name.
    """

    folder: str
    label: str
    counts: tuple[int, int, int]


@dataclass(frozen=True)
class Archive:
    """A public archive of a data set.

    Attributes:
        url: where it is downloaded from.
        sha256: expected digest; None if the publisher gives none, in which case only the size is checked.
        bytes: expected size.
        sources: its folders of images.
    """

    url: str
    sha256: str | None
    bytes: int
    sources: tuple[Source, ...]

    def per_class(self) -> dict[str, int]:
        """Number of images per class, by split; it is the same for all classes."""
        first = [source.counts for source in self.sources if source.label == self.sources[0].label]
        return dict(zip(SPLITS, map(sum, zip(*first, strict=True)), strict=True))


@dataclass(frozen=True)
class DatasetInfo:
    """A data set.

    Attributes:
        name: its name in suites.
        title: its name in reports.
        classes: the classes in the order of their indices.
        where: a clause for the user that says where to get it.
        archive: its public archive, if there is one.
        small: an archive with a part of the images, if there is one.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    where: str
    archive: Archive | None = None
    small: Archive | None = None

"""What tlbench knows of a data set before it has seen a picture of it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Archive:
    """A public archive. `folders` maps its folders to class names; it has no splits of its own.

    `counts` are the images a class for train, validation and test.
    """

    url: str
    sha256: str
    bytes: int
    folders: dict[str, str]
    counts: tuple[int, int, int]


@dataclass(frozen=True)
class DatasetInfo:
    """A data set. `where` is a clause that says where it is to be had."""

    name: str
    title: str
    classes: tuple[str, ...]
    where: str
    archive: Archive | None = None

"""The values that workers receive and send back. All of them can be pickled."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tlbench.backbones.weights import StandIn
from tlbench.core.cell import Cell, Head, Named
from tlbench.datasets.source import DataSource
from tlbench.host.shares import Share
from tlbench.results.predictions import Answers, Evaluated
from tlbench.results.record import Record, WeightsProvenance


@dataclass(frozen=True)
class Job:
    """A cell with everything that it needs.

    Attributes:
        cell: the cell to run.
        data: its images; None where an original classifier is only counted and timed.
        weights: where its weights come from, for the record.
        weights_path: the file of weights; None for random weights.
        classifier_path: the weights of the backbone with its original classifier, for a strategy that needs it.
        asked: the cell that the suite asked for, if `cell` is the same with a smaller batch size.
    """

    cell: Cell
    data: DataSource | None
    weights: WeightsProvenance
    weights_path: Path | None
    classifier_path: Path | None = None
    asked: Cell | None = None

    @property
    def of(self) -> Cell:
        """The cell that the record is about."""
        return self.asked or self.cell

    @property
    def images(self) -> DataSource:
        """The images of the cell. Raises ValueError where it has none."""
        if self.data is None:
            raise ValueError(f"{self.cell.label} has no images")
        return self.data


@dataclass(frozen=True)
class Places:
    """Where to look for images and weights, and which stand-ins the suite allows.

    Attributes:
        data: the user's folder of data sets.
        weights: the user's folder of weights.
        cache: the cache folder.
        imagenet: ImageNet's validation folder.
        dataset_paths: paths that the suite names, by data set.
        synthetic_allowed: whether synthetic images may replace missing ones.
        weights_instead: the kind of weights that may replace missing ones.
    """

    data: Path | None
    weights: Path | None
    cache: Path
    imagenet: Path | None
    dataset_paths: Mapping[str, Path]
    synthetic_allowed: bool
    weights_instead: StandIn | None


@dataclass(frozen=True)
class Keep:
    """How features are cached.

    Attributes:
        folder: the folder of the cache.
        most: its limit in bytes.
        others: the cuts of the backbone (a strategy and a head each) that later cells need for the same images.
    """

    folder: Path
    most: int
    others: tuple[tuple[Named, Head], ...] = ()


@dataclass(frozen=True)
class Resources:
    """The resources that a cell needs while it trains; None where the suite does not say.

    Attributes:
        cpus: logical cores.
        gpus: 0 or 1.
        memory: bytes.
    """

    cpus: int | None = None
    gpus: int | None = None
    memory: int | None = None


@dataclass(frozen=True)
class Group:
    """Jobs that share one model, which is built and traced once.

    Attributes:
        jobs: the jobs, in order.
        keep: how features are cached; None to train every cell without cached features.
        memory: limit on the memory of the process, in bytes; None for no limit.
        share: the part of the machine that the process may use; None for all of it.
        models: the folder for trained models; None to discard them.
        keeps_memory: whether the process runs only this group, so that its allocator may keep freed memory.
        places: where another machine looks for images and weights.
    """

    jobs: tuple[Job, ...]
    keep: Keep | None
    memory: int | None = None
    share: Share | None = None
    models: Path | None = None
    keeps_memory: bool = False
    places: Places | None = None


@dataclass(frozen=True)
class Progress:
    """A worker's progress: the phase of its work, and in ``train`` the epochs done and the validation accuracy."""

    phase: str
    epoch: int = 0
    val_accuracy: float | None = None


@dataclass(frozen=True)
class Finished:
    """The record of a cell, with its predictions for each split that it was evaluated on."""

    record: Record
    predictions: Mapping[Evaluated, Answers] = field(default_factory=dict)

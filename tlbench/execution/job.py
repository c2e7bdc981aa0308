"""What goes to a worker and what comes back: plain values that can be pickled."""

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
    """One cell with everything it needs. `weights_path` is None for random weights.

    data: None where an original classifier is only counted and timed. classifier_path: the weights of the backbone with
    its original classifier, for a strategy that keeps that. asked: the cell that was asked for, where `cell` has a
    smaller batch.
    """

    cell: Cell
    data: DataSource | None
    weights: WeightsProvenance
    weights_path: Path | None
    classifier_path: Path | None = None
    asked: Cell | None = None

    @property
    def of(self) -> Cell:
        """The cell whose record this gives."""
        return self.asked or self.cell

    @property
    def images(self) -> DataSource:
        """The images. Raises ValueError where there are none."""
        if self.data is None:
            raise ValueError(f"{self.cell.label} has no images")
        return self.data


@dataclass(frozen=True)
class Places:
    """Where to look: folders of the user's, the cache, and which stand-ins the suite allows."""

    data: Path | None
    weights: Path | None
    cache: Path
    imagenet: Path | None
    dataset_paths: Mapping[str, Path]
    synthetic_allowed: bool
    weights_instead: StandIn | None


@dataclass(frozen=True)
class Keep:
    """Where features are kept, `most` bytes of them, and which other cuts of the same images later cells need.

    A cut follows from the strategy and the head.
    """

    folder: Path
    most: int
    others: tuple[tuple[Named, Head], ...] = ()


@dataclass(frozen=True)
class Resources:
    """What a cell needs of a machine while it trains, as the suite says; None: what there is.

    cpus: logical cores. gpus: 0 or 1. memory: bytes.
    """

    cpus: int | None = None
    gpus: int | None = None
    memory: int | None = None


@dataclass(frozen=True)
class Group:
    """Cells that share one model, built and traced once; they differ in what that does not depend on.

    keep: None where every cell is to be trained whole. memory: bytes that each may have; None without a bound. share:
    the part of the machine that it may use; None for all of it. models: the folder where trained models are kept, if
    they are to be. keeps_memory: the process is theirs alone, and may keep memory that it has freed. places: where
    another machine looks for what its jobs have found on this one.
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
    """Word from a worker: the phase it is in, and in ``train`` the epochs done and what they gave."""

    phase: str
    epoch: int = 0
    val_accuracy: float | None = None


@dataclass(frozen=True)
class Finished:
    """A cell's record, with what it predicted of each split that it was evaluated on."""

    record: Record
    predictions: Mapping[Evaluated, Answers] = field(default_factory=dict)

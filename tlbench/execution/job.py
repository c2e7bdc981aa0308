"""What goes to a worker and what comes back: plain values that can be pickled."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tlbench.datasets.prepare import Prepared
from tlbench.results.record import Record, WeightsProvenance
from tlbench.suite.cell import Cell


@dataclass(frozen=True)
class Job:
    """One cell with everything it needs. `weights_path` is None for random weights."""

    cell: Cell
    data: Prepared
    weights: WeightsProvenance
    weights_path: Path | None


@dataclass(frozen=True)
class Progress:
    """Word from a worker: the phase it is in, and in ``train`` the epochs done and what they gave."""

    phase: str
    epoch: int = 0
    val_accuracy: float | None = None


@dataclass(frozen=True)
class Finished:
    """A cell's record with its predictions: probabilities (N, classes) float32, labels (N,) int32."""

    record: Record
    probabilities: NDArray[np.float32]
    labels: NDArray[np.int32]

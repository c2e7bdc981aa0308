"""A small training for tests of the trainer: its cell, its phase and its points."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests import builders
from tlbench.core.cell import Cell, Head
from tlbench.strategies.base import Phase
from tlbench.training.batches import Arrays
from tlbench.training.trainer import Fitted, Trainer


def cell_with(output: Any = "softmax", **settings: Any) -> Cell:
    """A cell whose head has this output, and whose training has these settings."""
    cell = builders.cell(head=Head(output=output))
    return cell.model_copy(update={"train": cell.training.model_copy(update=settings)})


def phase(**changes: Any) -> Phase:
    """One epoch of gradient steps for all layers."""
    usual = {"name": "fine-tuning", "solver": "gradient", "frozen": 0, "epochs": 1, "learning_rate": 0.1}
    return Phase(**usual | changes)


def points(count: int) -> tuple[list[NDArray[np.float32]], NDArray[np.int32]]:
    """Points (count, 3), normally distributed, with label 1 if the first coordinate is positive."""
    features = np.random.default_rng(0).normal(size=(count, 3)).astype(np.float32)
    return [features], (features[:, 0] > 0).astype(np.int32)


def fit(trainer: Trainer, cell: Cell, of: Phase, train: Any, validation: Arrays | None = None, **more: Any) -> Fitted:
    """Train a phase. The validation split is the training split by default, which then must be arrays."""
    return trainer.fit(cell, of, train, validation or train, lambda epoch: None, **more)

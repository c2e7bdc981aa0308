"""What strategies that change the backbone have in common."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from tlbench.core.cell import Head, Training
from tlbench.strategies.base import (
    RELATIVE_TO_ADAM,
    BatchNorm,
    LayerView,
    Phase,
    Strategy,
    Tunable,
    fine_tuning,
    head_phase,
)

JOINT_RATE = 3e-4
"""Adam's rate where a random head is trained with the backbone; a sweep cannot tell it from 1e-4, and at 3e-5 the head
has not arrived after a few epochs. docs/methodology.md."""


class FineTuning(Strategy):
    """The head on the frozen backbone first, then the layers above a boundary with it.

    joint: one phase only, from a random head at a constant rate: the recipe of many first lessons. batch_norm:
    ``train`` lets BatchNormalization above the boundary use the statistics of each batch and move its own.
    """

    joint: Annotated[bool, Field(strict=True, description="true: all in one phase, from a random head")] = False
    batch_norm: Annotated[BatchNorm, Field(description="inference keeps BatchNormalization's statistics, or train")] = (
        "inference"
    )

    def learning_rate(self, optimizer: str) -> float:
        """The rate that `learning_rate: auto` stands for. Raises KeyError for an unknown optimizer."""
        return (JOINT_RATE if self.joint else self.adam_rate) * RELATIVE_TO_ADAM[optimizer]

    def tunable(self, head: Head, train: Training) -> frozenset[Tunable]:
        """The rate; and the penalty of the solved head that it begins with."""
        return frozenset({"learning_rate"}) if self.joint else super().tunable(head, train)

    def phases(self, layers: Sequence[LayerView], train: Training, head: Head) -> tuple[Phase, ...]:
        """Two phases, or the one of `joint`."""
        boundary = self.boundary(layers)
        if not self.joint:
            return head_phase(len(layers), train, head), fine_tuning(boundary, train, self.batch_norm)
        return (
            Phase(
                name="all",
                frozen=boundary,
                solver="gradient",
                epochs=train.epochs,
                learning_rate=train.learning_rate,
                batch_norm=self.batch_norm,
            ),
        )

"""Base classes of the strategies that train the backbone."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from tlbench.core.cell import Head
from tlbench.core.training import Training
from tlbench.strategies.base import (
    RELATIVE_TO_ADAM,
    BatchNorm,
    LayerView,
    Part,
    Phase,
    Strategy,
    Tunable,
    fine_tuning,
    head_phase,
)

JOINT_RATE = 3e-4
"""Adam's learning rate where a random head and the backbone are trained together.

In a sweep (docs/strategies.md) it is no different from 1e-4, while at 3e-5 the head has not converged after a few
epochs.
"""


class TwoRates(Strategy):
    """Fit the head on the frozen backbone, then train a part of the backbone with it, each at a rate of its own.

    Attributes:
        head_rate: learning rate of the head in the second phase; None: the rate of the suite.
        backbone_rate: likewise of the backbone.
    """

    head_rate: Annotated[float, Field(gt=0)] | None = Field(None, description="learning rate of the head")
    backbone_rate: Annotated[float, Field(gt=0)] | None = Field(None, description="learning rate of the backbone")

    def phases(self, layers: Sequence[LayerView], train: Training, head: Head) -> tuple[Phase, ...]:
        """The head, then the head with a part of the backbone."""
        return head_phase(len(layers), train, head), self.tuning(self.part(layers), train)

    def tunable(self, head: Head, train: Training) -> frozenset[Tunable]:
        """As for all strategies, but not the learning rate if head or backbone has one of its own."""
        one_rate = self.head_rate is None and self.backbone_rate is None
        return super().tunable(head, train) - (frozenset() if one_rate else {"learning_rate"})

    def structure(self, train: Training) -> tuple[float, ...]:
        """The learning rate, if head or backbone has one of its own: their ratio depends on it."""
        one_rate = self.head_rate is None and self.backbone_rate is None
        return () if one_rate else (train.learning_rate,)

    def tuning(self, part: Part, train: Training) -> Phase:
        """The phase that trains `part` and the head."""
        return self.at_rates(fine_tuning(part, train))

    def at_rates(self, phase: Phase) -> Phase:
        """`phase` with the learning rates of this strategy's arguments."""
        head = phase.learning_rate if self.head_rate is None else self.head_rate
        backbone = phase.learning_rate if self.backbone_rate is None else self.backbone_rate
        return phase.model_copy(update={"learning_rate": backbone, "head_rate": None if head == backbone else head})


class FromHead(TwoRates):
    """As `TwoRates`, with a choice of the mode of BatchNormalization.

    Attributes:
        batch_norm: ``inference`` uses the moving statistics and leaves them as they are; ``train`` uses the statistics
            of each batch and updates the moving ones.
    """

    batch_norm: Annotated[BatchNorm, Field(description="inference keeps BatchNormalization's statistics, or train")] = (
        "inference"
    )

    def tuning(self, part: Part, train: Training) -> Phase:
        """The phase that trains `part` and the head, with BatchNormalization in the mode asked for."""
        return super().tuning(part, train).model_copy(update={"batch_norm": self.batch_norm})


class FineTuning(FromHead):
    """As `FromHead`, with the option to skip the first phase.

    Attributes:
        joint: train all in one phase, from a random head at a constant learning rate, as many tutorials do.
    """

    joint: Annotated[bool, Field(strict=True, description="true: all in one phase, from a random head")] = False

    def learning_rate(self, optimizer: str) -> float:
        """The learning rate that ``auto`` stands for. Raises KeyError for an unknown optimizer."""
        return (JOINT_RATE if self.joint else self.adam_rate) * RELATIVE_TO_ADAM[optimizer]

    def tunable(self, head: Head, train: Training) -> frozenset[Tunable]:
        """As for `FromHead`, but no L2 penalty with `joint`, where no head is solved."""
        return super().tunable(head, train) - (frozenset({"l2"}) if self.joint else frozenset())

    def phases(self, layers: Sequence[LayerView], train: Training, head: Head) -> tuple[Phase, ...]:
        """The two phases of `FromHead`, or a single one with `joint`."""
        if not self.joint:
            return super().phases(layers, train, head)
        return (
            self.at_rates(
                Phase(
                    name="all",
                    frozen=self.boundary(layers),
                    solver="gradient",
                    epochs=train.epochs,
                    learning_rate=train.learning_rate,
                    batch_norm=self.batch_norm,
                )
            ),
        )

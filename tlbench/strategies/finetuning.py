"""What strategies that change the backbone have in common."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from tlbench.core.cell import Head, Training
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
"""Adam's rate where a random head is trained with the backbone; a sweep cannot tell it from 1e-4, and at 3e-5 the head
has not arrived after a few epochs. docs/strategies.md."""


class TwoRates(Strategy):
    """The head on the frozen backbone first, then a part of the backbone with it, each at its rate.

    head_rate, backbone_rate: learning rates where both are trained, in place of the one for both.
    """

    head_rate: Annotated[float, Field(gt=0)] | None = Field(None, description="learning rate of the head")
    backbone_rate: Annotated[float, Field(gt=0)] | None = Field(None, description="learning rate of the backbone")

    def phases(self, layers: Sequence[LayerView], train: Training, head: Head) -> tuple[Phase, ...]:
        """The head, then both."""
        return head_phase(len(layers), train, head), self.tuning(self.part(layers), train)

    def tunable(self, head: Head, train: Training) -> frozenset[Tunable]:
        """The rate, unless another stands beside it, and the penalty of the solved head that it begins with."""
        alone = self.head_rate is None and self.backbone_rate is None
        return super().tunable(head, train) - (frozenset() if alone else {"learning_rate"})

    def structure(self, train: Training) -> tuple[float, ...]:
        """The rate, where another one stands beside it."""
        return () if self.head_rate is None and self.backbone_rate is None else (train.learning_rate,)

    def tuning(self, part: Part, train: Training) -> Phase:
        """A phase that trains `part` and the head."""
        return self.at_rates(fine_tuning(part, train))

    def at_rates(self, phase: Phase) -> Phase:
        """A phase with the rates that were asked for."""
        head = phase.learning_rate if self.head_rate is None else self.head_rate
        backbone = phase.learning_rate if self.backbone_rate is None else self.backbone_rate
        return phase.model_copy(update={"learning_rate": backbone, "head_rate": None if head == backbone else head})


class FromHead(TwoRates):
    """As `TwoRates`.

    batch_norm: ``train`` lets BatchNormalization in what is trained use the statistics of each batch and move its own.
    """

    batch_norm: Annotated[BatchNorm, Field(description="inference keeps BatchNormalization's statistics, or train")] = (
        "inference"
    )

    def tuning(self, part: Part, train: Training) -> Phase:
        """A phase that trains `part` and the head, with BatchNormalization as asked."""
        return super().tuning(part, train).model_copy(update={"batch_norm": self.batch_norm})


class FineTuning(FromHead):
    """As `FromHead`, of layers above a boundary.

    joint: one phase only, from a random head at a constant rate: the recipe of many first lessons.
    """

    joint: Annotated[bool, Field(strict=True, description="true: all in one phase, from a random head")] = False

    def learning_rate(self, optimizer: str) -> float:
        """The rate that `learning_rate: auto` stands for. Raises KeyError for an unknown optimizer."""
        return (JOINT_RATE if self.joint else self.adam_rate) * RELATIVE_TO_ADAM[optimizer]

    def tunable(self, head: Head, train: Training) -> frozenset[Tunable]:
        """The rate; and the penalty of the solved head that it begins with."""
        return super().tunable(head, train) - (frozenset({"l2"}) if self.joint else frozenset())

    def phases(self, layers: Sequence[LayerView], train: Training, head: Head) -> tuple[Phase, ...]:
        """Two phases, or the one of `joint`."""
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

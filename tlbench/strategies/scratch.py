"""Train the whole model from random weights: the baseline for transfer learning."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from tlbench.core.cell import Head, Weights
from tlbench.core.training import Training
from tlbench.strategies.base import LayerView, Phase, Strategy, Tunable

MOMENTUM = 0.9
"""Momentum of BatchNormalization's moving statistics, in place of the backbones' 0.99 (MobileNetV2 and V3: 0.999).

Those are meant for the hundred thousand steps of ImageNet. After an epoch of 600 images, which is 20 steps, the moving
statistics would still be those of random weights, and validation accuracy at chance while training accuracy is above
80 %. docs/strategies.md compares the two.
"""


class Scratch(Strategy):
    """Train the same model from random weights, to show what pretraining gains.

    Attributes:
        auxiliary: weight of the loss of each auxiliary classifier of the backbone, which are trained along and then
            removed; 0.3 in the paper on GoogLeNet.
    """

    summary: ClassVar[str] = "everything from random weights"
    weights: ClassVar[Weights] = "random"
    adam_rate: ClassVar[float] = 1e-3

    auxiliary: Annotated[float, Field(ge=0, description="weight of the loss of each auxiliary classifier")] = 0.0

    @property
    def needs_auxiliary(self) -> bool:
        """Whether their loss has a weight."""
        return self.auxiliary > 0

    def boundary(self, layers: Sequence[LayerView]) -> int:
        """0: no layer is frozen."""
        return 0

    def tunable(self, head: Head, train: Training) -> frozenset[Tunable]:
        """The learning rate."""
        del head, train
        return frozenset({"learning_rate"})

    def phases(self, layers: Sequence[LayerView], train: Training, head: Head) -> tuple[Phase, ...]:
        """A single phase, since random weights give no features to fit a head on and no statistics worth keeping."""
        del layers, head
        return (
            Phase(
                name="all",
                frozen=0,
                solver="gradient",
                epochs=train.epochs,
                learning_rate=train.learning_rate,
                batch_norm="train",
                momentum=MOMENTUM,
                auxiliary=self.auxiliary,
            ),
        )

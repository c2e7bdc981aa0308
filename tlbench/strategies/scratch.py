"""Everything is trained, from random weights: what transfer is measured against."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from tlbench.core.cell import Head, Training, Weights
from tlbench.strategies.base import LayerView, Phase, Strategy, Tunable

MOMENTUM = 0.9
"""Of BatchNormalization's moving statistics, in place of the constructors' (0.99, MobileNetV2 and V3 0.999). Those are
for ImageNet's hundred thousand steps: after the 20 steps of an epoch of 600 images, statistics that are used in testing
would still be those of random weights, and validation at chance while training accuracy is above 80 %.
docs/strategies.md has both."""


class Scratch(Strategy):
    """The same model without ImageNet weights: the baseline that shows what transfer gives.

    auxiliary: weight of the loss of each of the backbone's auxiliary classifiers, which are trained along and then left
    out; 0.3 in the paper on GoogLeNet.
    """

    summary: ClassVar[str] = "everything from random weights"
    weights: ClassVar[Weights] = "random"
    adam_rate: ClassVar[float] = 1e-3

    auxiliary: Annotated[float, Field(ge=0, description="weight of the loss of each auxiliary classifier")] = 0.0

    @property
    def needs_auxiliary(self) -> bool:
        """Where they have a weight."""
        return self.auxiliary > 0

    def boundary(self, layers: Sequence[LayerView]) -> int:
        """None."""
        return 0

    def tunable(self, head: Head, train: Training) -> frozenset[Tunable]:
        """The rate."""
        del head, train
        return frozenset({"learning_rate"})

    def phases(self, layers: Sequence[LayerView], train: Training, head: Head) -> tuple[Phase, ...]:
        """All at once: there are no statistics worth keeping and no features to fit a head on."""
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

"""Train nothing: the backbone with its published classifier."""

from collections.abc import Sequence
from typing import ClassVar

from tlbench.strategies.base import LayerView, Strategy


class Pretrained(Strategy):
    """The original classifier of 1000 classes. It is counted and timed, and evaluated where ImageNet is available."""

    summary: ClassVar[str] = "train nothing: the original ImageNet classifier, counted and timed (head imagenet)"
    trains: ClassVar[bool] = False
    adam_rate: ClassVar[float] = 0.0

    def boundary(self, layers: Sequence[LayerView]) -> int:
        """All layers are frozen."""
        return len(layers)

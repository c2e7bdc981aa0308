"""Nothing is trained: the backbone with its own classifier, as published."""

from collections.abc import Sequence
from typing import ClassVar

from tlbench.strategies.base import LayerView, Strategy


class Pretrained(Strategy):
    """The original classifier of 1000 classes: it is counted, timed, and evaluated where ImageNet is there."""

    summary: ClassVar[str] = "train nothing: the original ImageNet classifier, counted and timed (head imagenet)"
    trains: ClassVar[bool] = False
    adam_rate: ClassVar[float] = 0.0

    def boundary(self, layers: Sequence[LayerView]) -> int:
        """All of them."""
        return len(layers)

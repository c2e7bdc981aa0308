"""Everything is trained, from random weights: what transfer is measured against."""

from collections.abc import Sequence
from typing import ClassVar

from tlbench.core.cell import Weights
from tlbench.strategies.base import LayerView, Strategy


class Scratch(Strategy):
    """The same model without ImageNet weights: the baseline that shows what transfer gives."""

    summary: ClassVar[str] = "train everything from random weights"
    weights: ClassVar[Weights] = "random"
    adam_rate: ClassVar[float] = 1e-3

    def boundary(self, layers: Sequence[LayerView]) -> int:
        """None."""
        return 0

"""Head only, on a frozen backbone."""

from collections.abc import Sequence
from typing import ClassVar

from tlbench.strategies.base import LayerView, Strategy


class Frozen(Strategy):
    """The backbone is a fixed feature extractor; only the head is trained."""

    summary: ClassVar[str] = "train the head on a frozen backbone"
    adam_rate: ClassVar[float] = 3e-3

    def boundary(self, layers: Sequence[LayerView]) -> int:
        """All of them."""
        return len(layers)

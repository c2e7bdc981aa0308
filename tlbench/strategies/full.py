"""Everything is trained, from ImageNet weights."""

from collections.abc import Sequence
from typing import ClassVar

from tlbench.strategies.base import LayerView, Strategy


class Full(Strategy):
    """The whole backbone is fine-tuned together with the head."""

    summary: ClassVar[str] = "fine-tune the whole backbone and the head"
    adam_rate: ClassVar[float] = 3e-4

    def boundary(self, layers: Sequence[LayerView]) -> int:
        """None."""
        return 0

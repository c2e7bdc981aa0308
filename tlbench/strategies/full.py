"""Everything is trained, from ImageNet weights."""

from collections.abc import Sequence
from typing import ClassVar

from tlbench.strategies.base import LayerView
from tlbench.strategies.finetuning import FineTuning


class Full(FineTuning):
    """The whole backbone is fine-tuned with the head."""

    summary: ClassVar[str] = "the head, then the whole backbone with it"
    adam_rate: ClassVar[float] = 1e-4

    def boundary(self, layers: Sequence[LayerView]) -> int:
        """None."""
        return 0

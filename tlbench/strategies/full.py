"""Fine-tune the whole model from pretrained weights."""

from collections.abc import Sequence
from typing import ClassVar

from tlbench.strategies.base import LayerView
from tlbench.strategies.finetuning import FineTuning


class Full(FineTuning):
    """Fine-tune the whole backbone together with the head."""

    summary: ClassVar[str] = "the head, then the whole backbone with it"
    adam_rate: ClassVar[float] = 1e-4

    def boundary(self, layers: Sequence[LayerView]) -> int:
        """0: no layer is frozen."""
        return 0

"""Train only the biases (BitFit)."""

from collections.abc import Sequence
from typing import ClassVar

from tlbench.strategies.base import LayerView, Part
from tlbench.strategies.finetuning import FromHead


class Bias(FromHead):
    """Train the head and all biases: those of convolutions and dense layers, and the offsets of normalization.

    E. Ben Zaken, S. Ravfogel and Y. Goldberg, BitFit: Simple Parameter-efficient Fine-tuning for Transformer-based
    Masked Language-models, ACL 2022, section 3; its bias terms include those of LayerNorm.
    """

    summary: ClassVar[str] = "the head, then the backbone's biases with it"
    adam_rate: ClassVar[float] = 1e-3

    def boundary(self, layers: Sequence[LayerView]) -> int:
        """0: biases of all layers are trained."""
        del layers
        return 0

    def part(self, layers: Sequence[LayerView]) -> Part:
        """The biases of all layers."""
        return Part(frozen=self.boundary(layers), only="bias")

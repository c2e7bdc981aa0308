"""Only biases are trained."""

from collections.abc import Sequence
from typing import ClassVar

from tlbench.strategies.base import LayerView, Part
from tlbench.strategies.finetuning import FromHead


class Bias(FromHead):
    """Biases alone, with the head: of convolutions and dense layers, and the offsets of normalisation layers.

    E. Ben Zaken, S. Ravfogel and Y. Goldberg, BitFit: Simple Parameter-efficient Fine-tuning for Transformer-based
    Masked Language-models, ACL 2022, section 3, whose bias terms include those of LayerNorm.
    """

    summary: ClassVar[str] = "the head, then the backbone's biases with it"
    adam_rate: ClassVar[float] = 1e-3

    def boundary(self, layers: Sequence[LayerView]) -> int:
        """None: the lowest biases are trained as well."""
        del layers
        return 0

    def part(self, layers: Sequence[LayerView]) -> Part:
        """Biases, in all layers."""
        return Part(frozen=self.boundary(layers), only="bias")

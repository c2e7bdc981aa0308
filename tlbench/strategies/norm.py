"""Train only the scale and offset of normalization layers."""

from collections.abc import Sequence
from typing import ClassVar

from tlbench.strategies.base import LayerView, Part
from tlbench.strategies.finetuning import FromHead


class Norm(FromHead):
    """Train the head and all normalization layers. A backbone without any is rejected.

    J. Frankle, D. Schwab and A. Morcos, Training BatchNorm and Only BatchNorm: On the Expressive Power of Random
    Features in CNNs, ICLR 2021, section 3. They start from random features, tlbench from pretrained ones.
    """

    summary: ClassVar[str] = "the head, then scale and offset of normalisation layers with it"
    adam_rate: ClassVar[float] = 1e-3

    def boundary(self, layers: Sequence[LayerView]) -> int:
        """0: normalization layers are trained wherever they are."""
        del layers
        return 0

    def part(self, layers: Sequence[LayerView]) -> Part:
        """All normalization layers."""
        return Part(frozen=self.boundary(layers), only="norm")

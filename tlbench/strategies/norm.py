"""Only the scale and offset of normalisation layers are trained."""

from collections.abc import Sequence
from typing import ClassVar

from tlbench.strategies.base import LayerView, Part
from tlbench.strategies.finetuning import FromHead


class Norm(FromHead):
    """Normalisation layers alone, with the head; a backbone without any is refused.

    J. Frankle, D. Schwab and A. Morcos, Training BatchNorm and Only BatchNorm: On the Expressive Power of Random
    Features in CNNs, ICLR 2021, section 3, who do it on random features; here on pretrained ones.
    """

    summary: ClassVar[str] = "the head, then scale and offset of normalisation layers with it"
    adam_rate: ClassVar[float] = 1e-3

    def boundary(self, layers: Sequence[LayerView]) -> int:
        """None: the lowest normalisation layers are trained as well."""
        del layers
        return 0

    def part(self, layers: Sequence[LayerView]) -> Part:
        """Normalisation, in all layers."""
        return Part(frozen=self.boundary(layers), only="norm")

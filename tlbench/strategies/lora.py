"""Low-rank factors are added to kernels, and they alone are trained."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from tlbench.strategies.base import LayerView, Part
from tlbench.strategies.finetuning import FromHead


class Lora(FromHead):
    """LoRA: a product of two factors of rank `rank` is added to each kernel and trained with the head.

    E. Hu and others, LoRA: Low-Rank Adaptation of Large Language Models, ICLR 2022, section 4.1: the first factor is
    drawn, the second is 0 at the beginning, and their product is merged into the kernel at the end. As Keras has it
    (``enable_lora``): in Dense and plain convolutions; depthwise and separable ones stay fixed, and a backbone without
    any other is refused.
    """

    summary: ClassVar[str] = "the head, then low-rank factors added to the backbone's kernels with it"
    adapts: ClassVar[bool] = True
    adam_rate: ClassVar[float] = 1e-3

    rank: Annotated[int, Field(ge=1, strict=True, description="rank of the factors")] = 4

    def boundary(self, layers: Sequence[LayerView]) -> int:
        """None: the lowest kernels are adapted as well."""
        del layers
        return 0

    def part(self, layers: Sequence[LayerView]) -> Part:
        """Factors, in all layers that can take them."""
        return Part(frozen=self.boundary(layers), only="lora", rank=self.rank)

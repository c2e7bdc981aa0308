"""Train low-rank factors that are added to the frozen kernels (LoRA)."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from tlbench.strategies.base import LayerView, Part
from tlbench.strategies.finetuning import FromHead


class Lora(FromHead):
    """Train the head and, beside each kernel, the product of two factors of rank `rank`.

    E. Hu et al., LoRA: Low-Rank Adaptation of Large Language Models, ICLR 2022, section 4.1: the first factor is
    initialized at random, the second with 0, and their product is merged into the kernel at the end. It works on the
    layers for which Keras has ``enable_lora``: Dense and ordinary convolutions. Depthwise and separable convolutions
    stay frozen, and a backbone that has no others is rejected.
    """

    summary: ClassVar[str] = "the head, then low-rank factors added to the backbone's kernels with it"
    adapts: ClassVar[bool] = True
    adam_rate: ClassVar[float] = 1e-3

    rank: Annotated[int, Field(ge=1, strict=True, description="rank of the factors")] = 4

    @model_validator(mode="after")
    def _keeps_statistics(self) -> Self:
        # A layer of BatchNormalization none of whose weights is trained is in inference mode in Keras.
        if self.batch_norm != "inference":
            raise ValueError("lora freezes BatchNormalization, which keeps its statistics then; leave batch_norm out")
        return self

    def boundary(self, layers: Sequence[LayerView]) -> int:
        """0: kernels are adapted wherever they are."""
        del layers
        return 0

    def part(self, layers: Sequence[LayerView]) -> Part:
        """Low-rank factors in all layers that support them."""
        return Part(frozen=self.boundary(layers), only="lora", rank=self.rank)

"""Fine-tune the whole model with a smaller learning rate for lower layers."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from tlbench.core.cell import Head
from tlbench.core.training import Training
from tlbench.strategies.base import LayerView, Phase, block_starts, group_starts
from tlbench.strategies.finetuning import FromHead


class Layerwise(FromHead):
    """Layer-wise learning-rate decay: the head has the full learning rate, each block `decay` times that above it.

    K. Clark et al., ELECTRA, ICLR 2020, appendix A; H. Bao et al., BEiT, ICLR 2022, appendix; with 0.8 over 12 groups
    of blocks in Z. Liu et al., A ConvNet for the 2020s, CVPR 2022, appendix A.2. The discriminative rates of ULMFiT
    (J. Howard and S. Ruder, ACL 2018, section 3.1) are ``decay: 0.385`` (1 / 2.6).

    Attributes:
        decay: the learning rate of a block, as a multiple of that of the block above.
        groups: the number of groups of blocks that share a learning rate; None: each block has its own.
    """

    summary: ClassVar[str] = "the head, then the whole backbone with it, each block more slowly than the one above"
    adam_rate: ClassVar[float] = 1e-4

    decay: Annotated[float, Field(gt=0, lt=1, description="rate of a block, as a multiple of the one above it")] = 0.8
    groups: Annotated[int, Field(ge=1, strict=True)] | None = Field(
        None, description="groups of blocks that share a rate; default: each block has its own"
    )

    def boundary(self, layers: Sequence[LayerView]) -> int:
        """0: no layer is frozen."""
        self._starts(layers)  # raises ValueError where there are fewer blocks than groups
        return 0

    def phases(self, layers: Sequence[LayerView], train: Training, head: Head) -> tuple[Phase, ...]:
        """The head, then everything, with the learning rates of the blocks."""
        first, both = super().phases(layers, train, head)
        return first, both.model_copy(update={"multiples": self.multiples(layers)})

    def _starts(self, layers: Sequence[LayerView]) -> list[int]:
        return [0, *block_starts(layers)[1:]] if self.groups is None else group_starts(layers, self.groups)

    def multiples(self, layers: Sequence[LayerView]) -> tuple[float, ...]:
        """For each layer, the factor by which the learning rate is multiplied."""
        starts = self._starts(layers)
        blocks_above = [sum(start > index for start in starts) for index in range(len(layers))]
        return tuple(self.decay ** (1 + count) for count in blocks_above)

"""A strategy: so many of the last blocks are fine-tuned with the head."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from tlbench.strategies.base import LayerView, Strategy, block_starts


class LastBlocks(Strategy):
    """The solved head first, then the last blocks of the backbone with it. Its fields are its arguments."""

    summary: ClassVar[str] = "the head, then the last blocks of the backbone with it"
    adam_rate: ClassVar[float] = 1e-4  # that of `partial`, docs/strategies.md

    blocks: Annotated[int, Field(gt=0, strict=True)] = Field(1, description="how many blocks are trained")

    def boundary(self, layers: Sequence[LayerView]) -> int:
        """Where the first of them begins. Raises ValueError, which becomes the user's error, where there are fewer."""
        starts = block_starts(layers)
        if self.blocks > len(starts):
            raise ValueError(f"blocks: {self.blocks} is more than the {len(starts)} that the backbone has")
        return starts[-self.blocks]

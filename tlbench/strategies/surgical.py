"""Surgical fine-tuning: train one third of the backbone's blocks."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from tlbench.strategies.base import LayerView, Part, group_starts
from tlbench.strategies.finetuning import FromHead

THIRDS = ("first", "middle", "last")


class Surgical(FromHead):
    """Train the head and the first, middle or last third of the blocks.

    Y. Lee et al., Surgical Fine-Tuning Improves Adaptation to Distribution Shifts, ICLR 2023, section 2: which blocks
    are best depends on how the new images differ from those of pretraining (for corrupted inputs: the first).
    """

    summary: ClassVar[str] = "the head, then the first, middle or last third of the backbone's blocks with it"
    adam_rate: ClassVar[float] = 1e-4

    blocks: Annotated[Literal["first", "middle", "last"], Field(description="which third of the blocks is trained")]

    def boundary(self, layers: Sequence[LayerView]) -> int:
        """The start of the third."""
        return self.part(layers).frozen

    def part(self, layers: Sequence[LayerView]) -> Part:
        """The third."""
        starts = group_starts(layers, len(THIRDS))
        third = THIRDS.index(self.blocks)
        return Part(frozen=starts[third], until=[*starts[1:], None][third])

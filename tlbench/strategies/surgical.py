"""One third of the backbone's blocks is trained."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from tlbench.strategies.base import LayerView, Part, group_starts
from tlbench.strategies.finetuning import FromHead

THIRDS = ("first", "middle", "last")


class Surgical(FromHead):
    """Surgical fine-tuning: the first, the middle or the last third of the blocks with the head, and no others.

    Y. Lee and others, Surgical Fine-Tuning Improves Adaptation to Distribution Shifts, ICLR 2023, section 2: which
    blocks are best depends on how the images differ from those of before (the first ones for corrupted inputs).
    """

    summary: ClassVar[str] = "the head, then the first, middle or last third of the backbone's blocks with it"
    adam_rate: ClassVar[float] = 1e-4

    blocks: Annotated[Literal["first", "middle", "last"], Field(description="which third of the blocks is trained")]

    def boundary(self, layers: Sequence[LayerView]) -> int:
        """The start of that third."""
        return self.part(layers).frozen

    def part(self, layers: Sequence[LayerView]) -> Part:
        """That third."""
        starts = group_starts(layers, len(THIRDS))
        third = THIRDS.index(self.blocks)
        return Part(frozen=starts[third], until=[*starts[1:], None][third])

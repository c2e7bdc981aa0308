"""A strategy: so many of the last layers are trained."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from tlbench.strategies.base import LayerView, Strategy


class LastLayers(Strategy):
    """Train the last layers of the backbone and the head."""

    summary: ClassVar[str] = "fine-tune the last layers"
    adam_rate: ClassVar[float] = 1e-3

    layers: Annotated[int, Field(gt=0, strict=True)] = Field(1, description="how many layers are trained")

    def boundary(self, layers: Sequence[LayerView]) -> int:
        """All but the last ones."""
        return max(0, len(layers) - self.layers)

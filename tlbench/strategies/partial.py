"""Fine-tune the upper part of the backbone."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from tlbench.core.errors import nearest
from tlbench.strategies.base import LayerView, block_starts
from tlbench.strategies.finetuning import FineTuning


class Partial(FineTuning):
    """The lower part of the backbone stays frozen; the upper part is fine-tuned together with the head.

    Exactly one argument says where the boundary is. `trainable` moves it to the nearest start of a block; the others
    are taken literally and may split a block.

    Attributes:
        trainable: the fraction of the layers with weights that is trained, from the top. At least one block is
            trained, and at least one stays frozen.
        frozen_layers: how many of the first layers are frozen, counted as in Keras' ``model.layers``.
        from_layer: the name of the first layer that is trained.
        frozen_operations: how many of the first operations are frozen, counted as in Keras' ``model.operations``, which
            is how Keras 2 counted ``model.layers``.
    """

    summary: ClassVar[str] = "the head, then the upper part of the backbone with it"
    adam_rate: ClassVar[float] = 1e-4

    trainable: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        None, description="fraction of the layers with weights"
    )
    frozen_layers: Annotated[int, Field(ge=0, strict=True)] | None = Field(None, description="number of frozen layers")
    from_layer: str | None = Field(None, description="the first layer that is trained")
    frozen_operations: Annotated[int, Field(ge=0, strict=True)] | None = Field(
        None, description="number of frozen operations, those that are no layers included"
    )

    @model_validator(mode="after")
    def _one_boundary(self) -> Self:
        given = (self.trainable, self.frozen_layers, self.from_layer, self.frozen_operations)
        if sum(value is not None for value in given) != 1:
            raise ValueError("partial needs exactly one of trainable, frozen_layers, from_layer, frozen_operations")
        return self

    def boundary(self, layers: Sequence[LayerView]) -> int:
        """The number of layers below the boundary. Raises ValueError where the backbone has no such boundary."""
        if self.from_layer is not None:
            return self._index(self.from_layer, [layer.name for layer in layers])
        if self.frozen_layers is not None:
            if self.frozen_layers > len(layers):
                raise ValueError(
                    f"frozen_layers: {self.frozen_layers} is more than the backbone's {len(layers)} layers"
                )
            return self.frozen_layers
        if self.frozen_operations is not None:
            return self._layers_among(self.frozen_operations, layers)
        assert self.trainable is not None
        return self._whole_blocks(self.trainable, layers)

    @staticmethod
    def _whole_blocks(trainable: float, layers: Sequence[LayerView]) -> int:
        """The start of a block, with about this fraction of the layers with weights above it; of ties the lowest."""
        starts = block_starts(layers)[1:]
        if not starts:
            raise ValueError("trainable: the backbone is one block; say frozen_layers or from_layer instead")
        wanted = trainable * sum(layer.has_weights for layer in layers)
        return min(starts, key=lambda start: abs(sum(layer.has_weights for layer in layers[start:]) - wanted))

    @staticmethod
    def _layers_among(operations: int, layers: Sequence[LayerView]) -> int:
        """How many layers are among the first `operations` operations."""
        ends = list(accumulate(layer.operations for layer in layers))
        if operations > ends[-1]:
            raise ValueError(f"frozen_operations: {operations} is more than the backbone's {ends[-1]} operations")
        return bisect_right(ends, operations)

    @staticmethod
    def _index(name: str, names: list[str]) -> int:
        if name not in names:
            raise ValueError(f"from_layer: the backbone has no layer {name!r}; {nearest(name, names, 'layers')}")
        return names.index(name)

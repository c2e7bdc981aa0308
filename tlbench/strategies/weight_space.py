"""Base class of strategies that fine-tune as `full` does, and then combine or constrain weights."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from tlbench.core.cell import Head
from tlbench.core.training import Training
from tlbench.strategies.base import LayerView, Phase
from tlbench.strategies.finetuning import TwoRates
from tlbench.strategies.full import Full


class WeightSpace(TwoRates):
    """Fit the head, then train the whole backbone with it, with BatchNormalization in inference mode.

    The moving statistics stay the same during the training, so they also fit averages of its weights.
    """

    adam_rate: ClassVar[float] = Full.adam_rate

    def boundary(self, layers: Sequence[LayerView]) -> int:
        """0: no layer is frozen."""
        return 0

    def phases(self, layers: Sequence[LayerView], train: Training, head: Head) -> tuple[Phase, ...]:
        """The phases of `full`, the last of them with the fields of `differs`."""
        *before, last = super().phases(layers, train, head)
        return (*before, last.model_copy(update=self.differs()))

    @abstractmethod
    def differs(self) -> dict[str, Any]:
        """The fields of the last phase that differ from `full`, with their values."""

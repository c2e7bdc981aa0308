"""What strategies have in common that fine-tune as `full` does and differ in what they do with weights."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from tlbench.core.cell import Head, Training
from tlbench.strategies.base import LayerView, Phase
from tlbench.strategies.finetuning import TwoRates
from tlbench.strategies.full import Full


class WeightSpace(TwoRates):
    """The solved head, then the whole backbone with it, with BatchNormalization in inference mode.

    So the statistics of normalization stay, and any weights between two of a training go with them.
    """

    adam_rate: ClassVar[float] = Full.adam_rate

    def boundary(self, layers: Sequence[LayerView]) -> int:
        """None."""
        return 0

    def phases(self, layers: Sequence[LayerView], train: Training, head: Head) -> tuple[Phase, ...]:
        """Those of `full`, the last with `differs`."""
        *before, last = super().phases(layers, train, head)
        return (*before, last.model_copy(update=self.differs()))

    @abstractmethod
    def differs(self) -> dict[str, Any]:
        """Fields of the last phase."""

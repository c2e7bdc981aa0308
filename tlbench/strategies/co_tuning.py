"""Co-tuning: fine-tune with the new head and the original ImageNet classifier together.

K. You, Z. Kou, M. Long and J. Wang, "Co-Tuning for Transfer Learning" (NeurIPS 2020), section 3.
"""

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from tlbench.core.cell import Head
from tlbench.core.training import Training
from tlbench.strategies.base import LayerView, Phase
from tlbench.strategies.full import Full


class CoTuning(Full):
    """As `full`, with the cross-entropy of the original classifier added to the loss.

    The labels of that classifier are, for each class of the data set, probabilities of ImageNet's classes. It is
    trained along and removed from the model at the end.
    """

    summary: ClassVar[str] = "full, with ImageNet's classifier as a second head while it trains"
    keeps_classifier: ClassVar[bool] = True

    trade_off: Annotated[float, Field(gt=0, description="weight of the second head's loss")] = 2.3

    def phases(self, layers: Sequence[LayerView], train: Training, head: Head) -> tuple[Phase, ...]:
        """The phases of `full`, the last of them with the second head."""
        *before, last = super().phases(layers, train, head)
        return (*before, last.model_copy(update={"second_head": self.trade_off}))

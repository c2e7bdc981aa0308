"""Fine-tuning with two heads: the new one, and the original classifier, which is told the new classes as its own.

K. You, Z. Kou, M. Long and J. Wang, "Co-Tuning for Transfer Learning" (NeurIPS 2020), section 3.
"""

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from tlbench.core.cell import Head, Training
from tlbench.strategies.base import LayerView, Phase
from tlbench.strategies.full import Full


class CoTuning(Full):
    """As `full`; the loss has beside the new head's cross-entropy that of the original classifier.

    The classifier's labels are probabilities of ImageNet's classes, which follow from the image's class; it is trained
    along, and left out of the model in the end.
    """

    summary: ClassVar[str] = "full, with ImageNet's classifier as a second head while it trains"
    keeps_classifier: ClassVar[bool] = True

    trade_off: Annotated[float, Field(gt=0, description="weight of the second head's loss")] = 2.3

    def phases(self, layers: Sequence[LayerView], train: Training, head: Head) -> tuple[Phase, ...]:
        """Those of `full`, the last with two heads."""
        *before, last = super().phases(layers, train, head)
        return (*before, last.model_copy(update={"second_head": self.trade_off}))

"""WiSE-FT: interpolate between the weights before and after fine-tuning.

M. Wortsman et al., "Robust fine-tuning of zero-shot models" (CVPR 2022), section 3. They start from a zero-shot head,
or in section 5 from a linear probe as tlbench does.
"""

from typing import Annotated, Any, ClassVar

from pydantic import Field

from tlbench.core.cell import Head
from tlbench.core.training import Training
from tlbench.strategies.weight_space import WeightSpace

SHARES = tuple(tenths / 10 for tenths in range(11))


class WiseFT(WeightSpace):
    """As `full` to its last epoch; then the weights are ``(1 - alpha) * before + alpha * after``.

    Attributes:
        alpha: the share of the fine-tuned weights; None: the best of 0, 0.1, ... 1 on the validation split.
    """

    summary: ClassVar[str] = "full, then weights between those before and those after it"

    alpha: Annotated[float, Field(ge=0, le=1)] | None = Field(
        None, description="share of the fine-tuned weights; chosen on validation where it is not given"
    )

    def check(self, head: Head, train: Training | None) -> None:
        """Soft labels raise the validation loss of the fine-tuned weights, so alpha cannot be chosen by it."""
        if self.alpha is None and train is not None and train.soft_labels:
            raise ValueError(
                "label_smoothing, mixup and cutmix make the validation loss of fine-tuned weights larger, by which "
                "alpha is chosen; leave them out, or give alpha"
            )

    def differs(self) -> dict[str, Any]:
        """The values of alpha to choose from. They count from the last epoch's weights, so no earlier epoch is kept."""
        return {"shares": SHARES if self.alpha is None else (self.alpha,), "keep_best": False}

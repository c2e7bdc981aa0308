"""Between the model with the solved head and the fine-tuned one.

M. Wortsman and others, "Robust fine-tuning of zero-shot models" (CVPR 2022), section 3: WiSE-FT. Theirs begins with a
zero-shot head, or a linear probe as here (section 5).
"""

from typing import Annotated, Any, ClassVar

from pydantic import Field

from tlbench.core.cell import Head, Training
from tlbench.strategies.weight_space import WeightSpace

SHARES = tuple(tenths / 10 for tenths in range(11))


class WiseFT(WeightSpace):
    """As `full` to its last epoch; then all weights are ``(1 - alpha) before + alpha after``.

    alpha is chosen on validation from 0, 0.1, ... 1, or given.
    """

    summary: ClassVar[str] = "full, then weights between those before and those after it"

    alpha: Annotated[float, Field(ge=0, le=1)] | None = Field(
        None, description="share of the fine-tuned weights; chosen on validation where it is not given"
    )

    def check(self, head: Head, train: Training | None) -> None:
        """Labels in parts make the loss of what was trained on them larger, and the choice a foregone one."""
        if self.alpha is None and train is not None and train.soft_labels:
            raise ValueError(
                "label_smoothing, mixup and cutmix make the validation loss of fine-tuned weights larger, by which "
                "alpha is chosen; leave them out, or give alpha"
            )

    def differs(self) -> dict[str, Any]:
        """The points to choose from; where fine-tuning ends is one end of the line, so no epoch is kept before."""
        return {"shares": SHARES if self.alpha is None else (self.alpha,), "keep_best": False}

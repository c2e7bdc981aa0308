"""Fine-tuning with a penalty on the distance from the pretrained weights.

X. Li, Y. Grandvalet and F. Davoine, "Explicit Inductive Bias for Transfer Learning with Convolutional Networks" (ICML
2018), section 3, L2-SP.
"""

from typing import Annotated, Any, ClassVar

from pydantic import Field

from tlbench.strategies.weight_space import WeightSpace


class L2SP(WeightSpace):
    """As `full`, with alpha/2 ||w - w0||² added to the loss for the backbone, and beta/2 ||w||² for the head."""

    summary: ClassVar[str] = "full, with weights pulled toward those of ImageNet"

    alpha: Annotated[float, Field(ge=0, description="pull of the backbone toward its first weights")] = 0.1
    beta: Annotated[float, Field(ge=0, description="pull of the head's weights toward 0")] = 0.01

    def differs(self) -> dict[str, Any]:
        """The weights of the two penalties."""
        return {"pull": self.alpha, "shrink": self.beta}

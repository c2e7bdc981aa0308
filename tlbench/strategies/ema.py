"""Exponential moving average of the weights during fine-tuning.

B. T. Polyak and A. B. Juditsky, "Acceleration of stochastic approximation by averaging" (SIAM J. Control 30, 1992);
with exponential weights as in C. Szegedy et al. (CVPR 2016), section 8.
"""

from typing import Annotated, Any, ClassVar

from pydantic import Field

from tlbench.strategies.weight_space import WeightSpace


class Ema(WeightSpace):
    """As `full`, but an exponential moving average of the weights is what is validated and kept."""

    summary: ClassVar[str] = "full, with exponential averages of the weights over its steps"

    decay: Annotated[float, Field(gt=0, lt=1, description="weight of the average so far, at each step")] = 0.9

    def differs(self) -> dict[str, Any]:
        """The decay of the average."""
        return {"ema": self.decay}

"""Averages of the weights over the steps of fine-tuning.

B. T. Polyak and A. B. Juditsky, "Acceleration of stochastic approximation by averaging" (SIAM J. Control 30, 1992);
exponential weights as in C. Szegedy and others (CVPR 2016), section 8.
"""

from typing import Annotated, Any, ClassVar

from pydantic import Field

from tlbench.strategies.weight_space import WeightSpace


class Ema(WeightSpace):
    """As `full`; what validation looks at and the end keeps is a mean of the weights, later steps counting more."""

    summary: ClassVar[str] = "full, with exponential averages of the weights over its steps"

    decay: Annotated[float, Field(gt=0, lt=1, description="weight of the average so far, at each step")] = 0.9

    def differs(self) -> dict[str, Any]:
        """The decay."""
        return {"ema": self.decay}

"""The mean of the weights of several epochs.

M. Wortsman and others, "Model soups: averaging weights of multiple fine-tuned models improves accuracy without
increasing inference time" (ICML 2022), recipe 1, greedy soup; of the epochs of one training instead of many trainings.
"""

from typing import Annotated, Any, ClassVar

from pydantic import Field

from tlbench.strategies.weight_space import WeightSpace


class Soup(WeightSpace):
    """As `full`; then the best epochs join the mean one by one, from the best down, where validation is no worse."""

    summary: ClassVar[str] = "full, then the mean of its best epochs, as many as help"

    best: Annotated[int, Field(ge=1, le=100, strict=True, description="so many of the best epochs are tried")] = 5

    def differs(self) -> dict[str, Any]:
        """The number of epochs."""
        return {"soup": self.best}

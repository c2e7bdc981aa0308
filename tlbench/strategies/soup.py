"""Greedy soup: average the weights of several epochs.

M. Wortsman et al., "Model soups: averaging weights of multiple fine-tuned models improves accuracy without increasing
inference time" (ICML 2022), recipe 1; here over the epochs of one training instead of several trainings.
"""

from typing import Annotated, Any, ClassVar

from pydantic import Field

from tlbench.strategies.weight_space import WeightSpace


class Soup(WeightSpace):
    """As `full`, then average the best epochs: from the best down, each joins if validation does not get worse."""

    summary: ClassVar[str] = "full, then the mean of its best epochs, as many as help"

    best: Annotated[int, Field(ge=1, le=100, strict=True, description="so many of the best epochs are tried")] = 5

    def differs(self) -> dict[str, Any]:
        """The number of epochs to try."""
        return {"soup": self.best}

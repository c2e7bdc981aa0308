"""The learning rate of each step. Pure."""

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Schedule:
    """From 0 to `rate` over the first `warmup` (a share) of `steps`, then constant or down to 0 along half a cosine.

    The cosine is that of I. Loshchilov and F. Hutter, SGDR, ICLR 2017, equation 5, without restarts.
    """

    rate: float
    steps: int
    warmup: float
    shape: Literal["constant", "cosine"]

    def at(self, step: int) -> float:
        """The rate of a step, from 0. The first is above 0, the last too: every step does something."""
        rising = math.floor(self.warmup * self.steps)
        if step < rising:
            return self.rate * (step + 1) / (rising + 1)
        if self.shape == "constant":
            return self.rate
        done = (step - rising) / (self.steps - rising)
        return self.rate * 0.5 * (1 + math.cos(math.pi * done))

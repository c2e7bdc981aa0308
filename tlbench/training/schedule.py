"""The learning rate of each step. Pure."""

import math
from dataclasses import dataclass

from tlbench.core.cell import Shape


@dataclass(frozen=True)
class Schedule:
    """From 0 to `rate` over the first `warmup` (a share) of `steps`, then constant or down in a shape.

    cosine: to 0 along half a cosine (I. Loshchilov and F. Hutter, SGDR, ICLR 2017, equation 5, without restarts).
    linear: to 0 evenly. step: to a tenth after each third of what is left (K. He and others, CVPR 2016, whose 90 epochs
    have it after 30 and 60).
    """

    rate: float
    steps: int
    warmup: float
    shape: Shape

    def at(self, step: int) -> float:
        """The rate of a step, from 0. The first is above 0, the last too: every step does something."""
        rising = math.floor(self.warmup * self.steps)
        if step < rising:
            return self.rate * (step + 1) / (rising + 1)
        if self.shape == "constant":
            return self.rate
        done = (step - rising) / (self.steps - rising)
        if self.shape == "step":
            return self.rate * 0.1 ** math.floor(3 * done)
        return self.rate * (1 - done if self.shape == "linear" else 0.5 * (1 + math.cos(math.pi * done)))

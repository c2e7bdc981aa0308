"""The learning rate of each step. Pure."""

import math
from dataclasses import dataclass

from tlbench.core.training import Shape


@dataclass(frozen=True)
class Schedule:
    """A learning rate that rises linearly during warm-up, and then is constant or decays.

    Attributes:
        rate: the learning rate after warm-up.
        steps: the total number of steps.
        warmup: the fraction of the steps that warm up.
        shape: ``cosine`` decays to 0 along half a cosine (I. Loshchilov and F. Hutter, SGDR, ICLR 2017, equation 5,
            without restarts); ``linear`` decays to 0 linearly; ``step`` divides by 10 after each third of the remaining
            steps (K. He et al., CVPR 2016: after 30 and 60 of 90 epochs).
    """

    rate: float
    steps: int
    warmup: float
    shape: Shape

    def at(self, step: int) -> float:
        """The learning rate of a step, counted from 0. It is above 0 for every step."""
        rising = math.floor(self.warmup * self.steps)
        if step < rising:
            return self.rate * (step + 1) / (rising + 1)
        if self.shape == "constant":
            return self.rate
        done = (step - rising) / (self.steps - rising)
        if self.shape == "step":
            return self.rate * 0.1 ** math.floor(3 * done)
        return self.rate * (1 - done if self.shape == "linear" else 0.5 * (1 + math.cos(math.pi * done)))

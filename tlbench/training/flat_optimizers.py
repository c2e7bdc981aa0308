"""Keras' optimizers for a flat array of weights, in NumPy. Pure but for the arrays that they update.

The formulas and their constants are Keras' (``keras/src/optimizers/adam.py`` and its neighbours), in float32.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

BLOCK = 16_384
"""Number of elements that are updated at a time, so that the arrays of an update stay in the processor's cache."""


class FlatOptimizer(ABC):
    """Updates a flat array of weights in place.

    Args:
        config: the configuration of the Keras optimizer (`get_config`).
        size: the number of weights.
        decayed: the parts of the array to which weight decay applies.
    """

    def __init__(self, config: Mapping[str, Any], size: int, decayed: Sequence[slice]) -> None:
        self._decay, self._decayed = config["weight_decay"] or 0.0, decayed if config["weight_decay"] else ()
        self._blocks = [slice(first, first + BLOCK) for first in range(0, size, BLOCK)]
        self._spare = np.empty(min(size, BLOCK), np.float32)
        self._steps = 0

    def update(self, weights: Floats, gradient: Floats, rate: float) -> None:
        """Take one step with learning rate `rate`; both arrays are flat (size,)."""
        self._steps += 1
        for part in self._decayed:
            weights[part] *= np.float32(1 - self._decay * rate)
        scaled = np.float32(self._scaled(rate))
        for part in self._blocks:
            held = weights[part]
            held -= self._step(part, gradient[part], scaled, self._spare[: len(held)])

    def _scaled(self, rate: float) -> float:
        """The learning rate with the corrections of this step."""
        return rate

    @abstractmethod
    def _step(self, part: slice, gradient: Floats, rate: np.float32, spare: Floats) -> Floats:
        """What to subtract from the weights of `part`; `spare` may hold it."""


class SGD(FlatOptimizer):
    """Gradient descent without momentum."""

    def _step(self, part: slice, gradient: Floats, rate: np.float32, spare: Floats) -> Floats:
        return np.multiply(gradient, rate, out=spare)


class RMSprop(FlatOptimizer):
    """RMSprop, not centered and without momentum."""

    def __init__(self, config: Mapping[str, Any], size: int, decayed: Sequence[slice]) -> None:
        super().__init__(config, size, decayed)
        self._rho, self._epsilon = np.float32(config["rho"]), np.float32(config["epsilon"])
        self._velocity = np.zeros(size, np.float32)

    def _step(self, part: slice, gradient: Floats, rate: np.float32, spare: Floats) -> Floats:
        velocity = self._velocity[part]
        velocity *= self._rho
        velocity += np.multiply(np.square(gradient, out=spare), 1 - self._rho, out=spare)
        np.sqrt(np.add(velocity, self._epsilon, out=spare), out=spare)
        return np.multiply(np.divide(gradient, spare, out=spare), rate, out=spare)


class Adam(FlatOptimizer):
    """Adam (D. Kingma and J. Ba, ICLR 2015), with decoupled weight decay AdamW; not AMSGrad."""

    def __init__(self, config: Mapping[str, Any], size: int, decayed: Sequence[slice]) -> None:
        super().__init__(config, size, decayed)
        self._betas = config["beta_1"], config["beta_2"]
        self._rest = tuple(np.float32(1 - beta) for beta in self._betas)
        self._epsilon = np.float32(config["epsilon"])
        self._momentum, self._velocity = np.zeros(size, np.float32), np.zeros(size, np.float32)

    def _scaled(self, rate: float) -> float:
        first, second = (1 - beta**self._steps for beta in self._betas)
        return float(rate * second**0.5 / first)

    def _step(self, part: slice, gradient: Floats, rate: np.float32, spare: Floats) -> Floats:
        momentum, velocity = self._momentum[part], self._velocity[part]
        np.subtract(gradient, momentum, out=spare)
        momentum += np.multiply(spare, self._rest[0], out=spare)
        np.subtract(np.square(gradient, out=spare), velocity, out=spare)
        velocity += np.multiply(spare, self._rest[1], out=spare)
        np.add(np.sqrt(velocity, out=spare), self._epsilon, out=spare)
        np.divide(momentum, spare, out=spare)
        return np.multiply(spare, rate, out=spare)


OPTIMIZERS: Mapping[str, type[FlatOptimizer]] = {"SGD": SGD, "RMSprop": RMSprop, "Adam": Adam, "AdamW": Adam}
"""By the name of Keras' class."""
PLAIN: Mapping[str, Any] = {
    "momentum": 0.0, "nesterov": False, "centered": False, "amsgrad": False, "clipnorm": None, "clipvalue": None,
    "global_clipnorm": None, "use_ema": False, "loss_scale_factor": None, "gradient_accumulation_steps": None,
}  # fmt: skip
"""Settings that are only supported with these values."""


def supported(name: str, config: Mapping[str, Any]) -> bool:
    """Whether there is a flat optimizer for the Keras optimizer of this class and configuration."""
    return name in OPTIMIZERS and all(config.get(setting, value) == value for setting, value in PLAIN.items())

"""What a fine-tuning strategy is: which layers are frozen, from which weights, at which learning rate.

Pure: a strategy sees names of layers, never a model.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from tlbench.core.cell import Value, Weights


@dataclass(frozen=True)
class LayerView:
    """A layer of a backbone as a strategy sees it."""

    name: str
    has_weights: bool


class Strategy(Value, ABC):
    """A strategy; its fields are the arguments a suite may give it."""

    summary: ClassVar[str]
    weights: ClassVar[Weights] = "imagenet"
    trains: ClassVar[bool] = True
    adam_rate: ClassVar[float]
    """Learning rate for Adam at batch size 32; docs/methodology.md has the validation sweep it comes from."""

    @abstractmethod
    def boundary(self, layers: Sequence[LayerView]) -> int:
        """How many of the backbone's first layers are frozen.

        Raises ValueError, with one sentence for the user, where the arguments do not fit the backbone.
        """

    def learning_rate(self, optimizer: str) -> float:
        """The rate that `learning_rate: auto` stands for. Raises KeyError for an unknown optimizer."""
        return self.adam_rate * RELATIVE_TO_ADAM[optimizer]


RELATIVE_TO_ADAM = {"adam": 1.0, "adamw": 1.0, "nadam": 1.0, "rmsprop": 0.3, "sgd": 10.0}
"""Default rates of the optimizers a suite may name, as multiples of Adam's.

SGD's step is the gradient itself, Adam's is normalised by its size: SGD needs the larger number. RMSprop
normalises too but starts without Adam's bias correction, so its first steps are larger.
"""

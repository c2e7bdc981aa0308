"""What of a record says how training went: phases, epochs, settings that were tried."""

from typing import ClassVar, Literal

from tlbench.core.cell import Grown, Monitor, Value
from tlbench.results.measured import Usage


class Epoch(Value):
    """One epoch of training. `seconds` is wall time, validation included.

    phase: of the training; None in records of tlbench 0.1. Epoch 0 is a head that was solved: it has no learning rate.
    """

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float
    seconds: float
    phase: str | None = None


class TrainingPath(Value):
    """What was trained on. Step times are of the whole model in any case.

    whole: why the whole model was trained, on images; None where it was cut at the freeze boundary and the part above
    the cut trained on what the part below makes of each image. shapes: what is handed over for one image, in
    bytes_per_image bytes. computed: images that went through the part below for this cell; the others' features were
    kept from earlier. rebuilt: kept features that were damaged and made again. forward: mean seconds of one image in
    the part below; None where none went through it. step: median seconds of a training step of what was trained, the
    first epoch left out; None for a single epoch. step_usage: what such a step cost on average.
    """

    whole: str | None
    shapes: tuple[tuple[int, ...], ...] = ()
    bytes_per_image: int = 0
    computed: int = 0
    rebuilt: tuple[str, ...] = ()
    forward: float | None = None
    step: float | None = None
    step_usage: Usage | None = None


class Setting(Grown):
    """A setting that a solver tried, with mean cross-entropy and accuracy on both splits it saw.

    setting: an L2 penalty, a number of neighbours, or the factor of the scores of class means. converged: whether the
    solver came as near to the optimum as it promises.
    """

    LATER: ClassVar[tuple[str, ...]] = ("converged",)

    setting: float
    loss: float | None
    accuracy: float | None
    val_loss: float
    val_accuracy: float
    converged: bool = True


class TrainedPhase(Value):
    """One phase of a training.

    frozen: the backbone's first layers that were fixed. trained: what of the backbone was not, in words. trainable:
    parameters that were not. epochs, learning_rate (its highest), batch_norm: of a gradient phase. head_rate: the
    head's, where it was another. lowest_rate: of the lowest layers, where each had its own; rates: then those
    of all, each with the number of the first layer that has it. path: what was trained on.
    tried, chosen: settings of a solver, and the index of the one that validation chose; of sums of weights, the number
    of epochs in a soup, or the share of the fine-tuned ones. calibration: factor of the logits of a second head, by
    which its labels were learned. seconds: wall time, without the pass through the fixed part.
    """

    name: str
    solver: str
    frozen: int
    trained: str = ""
    trainable: int
    epochs: int
    learning_rate: float
    head_rate: float | None = None
    lowest_rate: float | None = None
    rates: tuple[tuple[int, float], ...] = ()
    batch_norm: str
    path: TrainingPath
    tried: tuple[Setting, ...] = ()
    chosen: int | None = None
    calibration: float | None = None
    seconds: float = 0.0


class Trial(Value):
    """A setting that was tried and what validation says of it: of the epoch whose weights it would keep.

    seconds: wall time of this trial alone; None where all were solved together.
    """

    setting: float
    val_loss: float
    val_accuracy: float
    seconds: float | None = None


class Search(Value):
    """How a cell's setting was found: every trial, and the index of the one that validation chose by `monitor`.

    The test set was looked at once, for the chosen one. varied: what differs between trials. seconds: wall time of all
    of them, with what they share (a head that is solved once).
    """

    varied: Literal["learning_rate", "l2"]
    trials: tuple[Trial, ...]
    chosen: int
    monitor: Monitor
    seconds: float

    @property
    def setting(self) -> float:
        """The chosen one."""
        return self.trials[self.chosen].setting

"""The parts of a record about training: phases, epochs, and settings that were tried."""

from typing import ClassVar, Literal

from tlbench.core.training import Monitor
from tlbench.core.value import Grown, Value
from tlbench.results.measured import Usage


class Epoch(Value):
    """An epoch of training. Epoch 0 stands for a solved head, which has no learning rate.

    Attributes:
        epoch: the number of the epoch within its phase, from 1.
        loss: the training loss.
        accuracy: the training accuracy.
        val_loss: the validation loss.
        val_accuracy: the validation accuracy.
        learning_rate: the highest learning rate in the epoch.
        seconds: the wall time, including validation.
        phase: the name of the phase; None in records of tlbench 0.1.
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
    """Whether a phase trained on images, or on cached features above a cut. Step times are always of the whole model.

    Attributes:
        whole: why the whole model was trained on images; None if it was cut and the upper part trained on features.
        shapes: the shapes of the features of an image.
        bytes_per_image: their size in bytes.
        computed: the number of images whose features were computed for this cell; the others were cached.
        rebuilt: cached features that were damaged and computed again.
        forward: the mean time per image in the lower part, in seconds; None if no image went through it.
        step: the median time of a training step in seconds, without the first epoch; None for a single epoch.
        step_usage: the mean resource usage of such a step.
        numpy: whether NumPy took the steps instead of Keras, as it does for heads of Dense layers on features.
    """

    whole: str | None
    shapes: tuple[tuple[int, ...], ...] = ()
    bytes_per_image: int = 0
    computed: int = 0
    rebuilt: tuple[str, ...] = ()
    forward: float | None = None
    step: float | None = None
    step_usage: Usage | None = None
    numpy: bool = False


class Setting(Grown):
    """A setting that a solver tried, with mean cross-entropy and accuracy on the training and validation splits.

    Attributes:
        setting: an L2 penalty, a number of neighbours, or the factor of the scores of class means.
        loss: the training loss, if known.
        accuracy: the training accuracy, if known.
        val_loss: the validation loss.
        val_accuracy: the validation accuracy.
        converged: whether the solver reached its tolerance.
    """

    LATER: ClassVar[tuple[str, ...]] = ("converged",)

    setting: float
    loss: float | None
    accuracy: float | None
    val_loss: float
    val_accuracy: float
    converged: bool = True


class TrainedPhase(Value):
    """A phase of a training.

    Attributes:
        name: its name.
        solver: how it was trained (see `Phase`).
        frozen: the number of the backbone's first layers that were frozen.
        trained: the part of the backbone that was trained, in words.
        trainable: the number of parameters that were trained.
        epochs: the number of epochs of a gradient phase.
        learning_rate: its highest learning rate.
        head_rate: the learning rate of the head, if it was another one.
        lowest_rate: the learning rate of the lowest layers, if layers had different ones.
        rates: in that case all rates, each with the index of the first layer that has it.
        batch_norm: the mode of BatchNormalization.
        path: what it was trained on.
        tried: the settings that a solver tried, or combinations of weights: the number of epochs in a soup, or the
            share of the fine-tuned weights.
        chosen: the index in `tried` of the one that was best on the validation split.
        calibration: the factor of the logits from which the labels of a second head were derived.
        seconds: the wall time, without computing features.
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
    """A trial of a grid search: a setting, and the validation metrics of the weights that it would keep.

    `seconds` is the wall time of this trial alone; None if all were solved together.
    """

    setting: float
    val_loss: float
    val_accuracy: float
    seconds: float | None = None


class Search(Value):
    """A grid search. Only the chosen trial was evaluated on the test split.

    Attributes:
        varied: the setting that differs between trials.
        trials: the trials.
        chosen: the index of the best trial on the validation split.
        monitor: the metric by which it was chosen.
        seconds: the wall time of all trials, including work that they share, such as a head that is solved once.
    """

    varied: Literal["learning_rate", "l2"]
    trials: tuple[Trial, ...]
    chosen: int
    monitor: Monitor
    seconds: float

    @property
    def setting(self) -> float:
        """The setting of the chosen trial."""
        return self.trials[self.chosen].setting

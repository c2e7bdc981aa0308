"""Settings of training in programs in plain Keras: labels, mixing, learning rates, callbacks. Pure."""

import math
from textwrap import indent

from tlbench.core.training import Augmentation, EarlyStopping, ReduceLROnPlateau, Shape, Training
from tlbench.reporting import keras_snippets as snippets
from tlbench.results.record import Record
from tlbench.strategies.base import WARMUP

TAB = "    "
WEIGHT_SPACE = frozenset({"ema", "soup", "wise_ft"})


def why_not(record: Record) -> str:
    """The reason why known settings are not supported; empty if they are."""
    train = record.cell.training
    if train.rand_augment:
        return (
            "rand_augment applies the paper's fourteen operations to each image separately; keras.layers.RandAugment "
            "is another method, which applies one sequence of operations to a whole batch"
        )
    if train.class_weight:
        return (
            "class_weight affects the solved head, the steps and the validation metrics, but the argument of Keras' "
            "fit only affects the steps"
        )
    if train.augmentation and train.augmentation.views:
        return "augmentation with views draws the images before training, for which plain Keras has no argument"
    if train.early_stopping and record.cell.strategy.name in WEIGHT_SPACE:
        return f"early_stopping with {record.cell.strategy.name} is not supported"
    if record.cell.strategy.name == "layerwise" and not any(phase.rates for phase in record.training):
        return "the record is from an older tlbench, which did not keep the learning rates of the layers"
    return ""


def augmentation_layers(asked: Augmentation) -> str:
    """The lines that apply the layers for augmentation, which Keras applies in training only."""
    layers = [
        *(['RandomFlip("horizontal")'] if asked.flip else []),
        *([f'RandomRotation({asked.rotation / 360!r}, fill_mode="nearest")'] if asked.rotation else []),
        *([f'RandomTranslation({asked.shift!r}, {asked.shift!r}, fill_mode="nearest")'] if asked.shift else []),
        *([f'RandomShear({math.tan(math.radians(asked.shear))!r}, fill_mode="nearest")'] if asked.shear else []),
        *([f'RandomZoom({(-asked.zoom, asked.zoom)!r}, fill_mode="nearest")'] if asked.zoom else []),
    ]
    return "".join(f"x = keras.layers.{layer}(x)\n" for layer in layers).rstrip("\n")


def takes_vectors(record: Record) -> bool:
    """Whether the loss takes labels as vectors (N, units) rather than as class indices (N,)."""
    return record.cell.training.soft_labels or record.cell.head.output == "sigmoid"


def labels(record: Record) -> list[str]:
    """The name of the loss without label smoothing, and the definitions for label vectors and for mixing."""
    train, sigmoid = record.cell.training, record.cell.head.output == "sigmoid"
    if not takes_vectors(record):
        return ['LOSS = "sparse_categorical_crossentropy"']
    return [
        f'LOSS = "{"binary" if sigmoid else "categorical"}_crossentropy"',
        snippets.PARTS.replace("PARTS", snippets.ONE_UNIT if sigmoid else snippets.ONE_HOT),
        snippets.CHECKED,
        *([snippets.MIXED.replace("MIX", _mix(train))] if train.mixes else []),
    ]


def _mix(train: Training) -> str:
    mixup = snippets.MIXUP.replace("ALPHA", repr(train.mixup)).strip("\n")
    cutmix = snippets.CUTMIX.replace("ALPHA", repr(train.cutmix)).strip("\n")
    if train.mixup and train.cutmix:
        return f"        if self.draw.random() < 0.5:\n{indent(cutmix, TAB)}\n        else:\n{indent(mixup, TAB)}"
    return mixup if train.mixup else cutmix


def loss_of(record: Record) -> str:
    """The loss for `compile`."""
    smoothing = record.cell.training.label_smoothing
    if not smoothing:
        return "LOSS"
    kind = "Binary" if record.cell.head.output == "sigmoid" else "Categorical"
    return f"keras.losses.{kind}Crossentropy(label_smoothing={smoothing!r})"


def images_of(record: Record) -> str:
    """The arguments of `fit` for training and validation data."""
    train = record.cell.training
    soft = takes_vectors(record)
    images = "train[0], parts(train[1]), batch_size=BATCH" if soft else "*train, batch_size=BATCH"
    if train.mixes:
        images = "Mixed()"
    return f"{images}, epochs=epochs, validation_data={'checked' if soft else 'validation'}"


def schedule(train: Training, *, tuned: bool) -> tuple[str, str]:
    """The learning-rate schedule.

    Args:
        train: the settings.
        tuned: whether the phase follows one that trained the head.

    Returns:
        A class for the program, and lines of `train_layers`. Both may be empty.
    """
    falls = tuned and not train.reduce_lr
    shape: Shape = train.schedule or ("cosine" if falls else "constant")
    warmup = train.warmup if train.warmup is not None else WARMUP * falls
    if (shape, warmup) == ("constant", 0.0):
        return "", ""
    made = snippets.SCHEDULE.replace("WARMUP", repr(warmup)).replace("FALL", snippets.FALLS[shape])
    return made, "    rate = Schedule(rate, epochs * -(-len(train[0]) // BATCH))"


def has_rates(record: Record) -> bool:
    """Whether some variables have their own learning rates."""
    return any(phase.head_rate is not None or phase.rates for phase in record.training)


def rates(record: Record) -> str:
    """The lines that set `multiples`: for each variable, its learning rate over `rate`."""
    layered = any(phase.rates for phase in record.training)
    head = "head_rate / rate" if any(phase.head_rate is not None for phase in record.training) else "1.0"
    if layered:
        own = (
            "    own = {}\n    for first, lower in rates:\n"
            "        own |= {id(one): lower / rate for layer in base.layers[first:] for one in layer.weights}"
        )
    else:
        own = "    own = {id(one): 1.0 for one in base.weights}"
    return f"{own}\n    multiples = [own.get(id(one), {head}) for one in model.trainable_variables]"


def arguments(train: Training) -> str:
    """Further arguments of the optimizer."""
    return "" if train.weight_decay is None else f", weight_decay={train.weight_decay!r}"


def callbacks(train: Training, best: bool) -> str:
    """The argument `callbacks` of `fit`, with a comma before it; empty without callbacks."""
    found = [
        *(["Best()"] if best else []),
        *([_stopping(train.early_stopping, best)] if train.early_stopping else []),
        *([_plateau(train.reduce_lr)] if train.reduce_lr else []),
    ]
    if not found:
        return ""
    if found == ["Best()"]:
        return ", callbacks=[Best()]"
    return ", callbacks=[\n" + "".join(f"        {one},\n" for one in found) + "    ]"


def _stopping(asked: EarlyStopping, best: bool) -> str:
    restores = asked.restore_best and not best
    return (
        f"keras.callbacks.EarlyStopping({_monitor(asked.monitor)}, patience={asked.patience}, "
        f"min_delta={asked.min_delta!r}, restore_best_weights={restores})"
    )


def _plateau(asked: ReduceLROnPlateau) -> str:
    return (
        f"keras.callbacks.ReduceLROnPlateau({_monitor(asked.monitor)}, factor={asked.factor!r}, "
        f"patience={asked.patience}, min_lr={asked.min_lr!r})"
    )


def _monitor(name: str) -> str:
    return '"val_accuracy", mode="max"' if name == "val_accuracy" else '"val_" + LOSS, mode="min"'


def keeps_best(train: Training) -> bool:
    """Whether fine-tuning restores the weights of its best epoch."""
    return train.early_stopping is None or train.early_stopping.restore_best


def by_validation(callback: str, record: Record) -> str:
    """Adapt a callback that keeps the best weights to the monitored metric and the form of the labels.

    With soft labels, the weights before the first phase with gradient steps are no candidates, as in training.
    """
    train = record.cell.training
    if train.soft_labels:
        several = sum(phase.solver == "gradient" for phase in record.training) > 1
        for text, other in snippets.AFTER_STEPS if several else snippets.WITHOUT_START:
            callback = callback.replace(text, other)
    if takes_vectors(record):
        callback = callback.replace("*validation", "*checked")
    if train.monitor == "val_accuracy":
        for text, other in snippets.BY_ACCURACY:
            callback = callback.replace(text, other)
    return callback

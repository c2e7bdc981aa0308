"""What the settings of a training add to its program in plain Keras: labels, mixed images, rates, callbacks. Pure."""

import math
from textwrap import indent

from tlbench.core.training import Augmentation, EarlyStopping, ReduceLROnPlateau, Shape, Training
from tlbench.reporting import keras_snippets as snippets
from tlbench.results.record import Record
from tlbench.strategies.base import WARMUP

TAB = "    "
WEIGHT_SPACE = frozenset({"ema", "soup", "wise_ft"})


def why_not(record: Record) -> str:
    """Why the settings are not written out; empty where they are, or where nothing is known of them here."""
    train = record.cell.training
    if train.rand_augment:
        return (
            "rand_augment is the paper's, fourteen operations on each image by itself; keras.layers.RandAugment is "
            "another method, one list of changes for a whole batch"
        )
    if train.class_weight:
        return (
            "class_weight counts in the solved head, the steps and what validation chooses by, and the argument of "
            "Keras' fit only in the steps"
        )
    if train.augmentation and train.augmentation.views:
        return "augmentation with views draws its pictures before training, for which plain Keras has no argument"
    if train.early_stopping and record.cell.strategy.name in WEIGHT_SPACE:
        return f"early_stopping of {record.cell.strategy.name} is not written out"
    if record.cell.strategy.name == "layerwise" and not any(phase.rates for phase in record.training):
        return "the record is of an older tlbench, which did not keep the rates of the layers"
    return ""


def changes(asked: Augmentation) -> str:
    """Layers that change images at random while the model is trained, and are nothing otherwise."""
    layers = [
        *(['RandomFlip("horizontal")'] if asked.flip else []),
        *([f'RandomRotation({asked.rotation / 360!r}, fill_mode="nearest")'] if asked.rotation else []),
        *([f'RandomTranslation({asked.shift!r}, {asked.shift!r}, fill_mode="nearest")'] if asked.shift else []),
        *([f'RandomShear({math.tan(math.radians(asked.shear))!r}, fill_mode="nearest")'] if asked.shear else []),
        *([f'RandomZoom({(-asked.zoom, asked.zoom)!r}, fill_mode="nearest")'] if asked.zoom else []),
    ]
    return "".join(f"x = keras.layers.{layer}(x)\n" for layer in layers).rstrip("\n")


def takes_parts(record: Record) -> bool:
    """Whether the loss takes labels as parts of classes (N, units) rather than as numbers (N,)."""
    return record.cell.training.soft_labels or record.cell.head.output == "sigmoid"


def labels(record: Record) -> list[str]:
    """The name of the loss on whole labels, and what makes labels in parts, or mixes images."""
    train, sigmoid = record.cell.training, record.cell.head.output == "sigmoid"
    if not takes_parts(record):
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
    """What `compile` takes as the loss."""
    smoothing = record.cell.training.label_smoothing
    if not smoothing:
        return "LOSS"
    kind = "Binary" if record.cell.head.output == "sigmoid" else "Categorical"
    return f"keras.losses.{kind}Crossentropy(label_smoothing={smoothing!r})"


def images_of(record: Record) -> str:
    """What `fit` trains on, and its validation data."""
    train = record.cell.training
    soft = takes_parts(record)
    images = "train[0], parts(train[1]), batch_size=BATCH" if soft else "*train, batch_size=BATCH"
    if train.mixes:
        images = "Mixed()"
    return f"{images}, epochs=epochs, validation_data={'checked' if soft else 'validation'}"


def schedule(train: Training, *, tuned: bool) -> tuple[str, str]:
    """A class that a program needs for its schedule, and what `train_layers` does with the rate; both may be empty.

    tuned: the phase follows a head that fits already.
    """
    falls = tuned and not train.reduce_lr
    shape: Shape = train.schedule or ("cosine" if falls else "constant")
    warmup = train.warmup if train.warmup is not None else WARMUP * falls
    if (shape, warmup) == ("constant", 0.0):
        return "", ""
    if (shape, warmup) == ("cosine", WARMUP):
        return "", snippets.RATE.strip("\n")
    made = snippets.SCHEDULE.replace("WARMUP", repr(warmup)).replace("FALL", snippets.FALLS[shape])
    return made, "    rate = Schedule(rate, epochs * -(-len(train[0]) // BATCH))"


def has_rates(record: Record) -> bool:
    """Whether variables are trained at rates of their own."""
    return any(phase.head_rate is not None or phase.rates for phase in record.training)


def rates(record: Record) -> str:
    """What finds the multiple of the rate of each variable."""
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
    """Of the optimizer, after the rate."""
    return "" if train.weight_decay is None else f", weight_decay={train.weight_decay!r}"


def callbacks(train: Training, best: bool) -> str:
    """The callbacks argument of `fit`, with the commas before and between; empty where there are none."""
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
    """Whether fine-tuning ends with the weights of its best epoch."""
    return train.early_stopping is None or train.early_stopping.restore_best


def by_validation(callback: str, record: Record) -> str:
    """A callback that keeps weights by what the training monitors.

    Of labels in parts it keeps none of those that the first phase of steps began with, as `as_asked` says.
    """
    train = record.cell.training
    if train.soft_labels:
        several = sum(phase.solver == "gradient" for phase in record.training) > 1
        for text, other in snippets.AFTER_STEPS if several else snippets.WITHOUT_START:
            callback = callback.replace(text, other)
    if takes_parts(record):
        callback = callback.replace("*validation", "*checked")
    if train.monitor == "val_accuracy":
        for text, other in snippets.BY_ACCURACY:
            callback = callback.replace(text, other)
    return callback

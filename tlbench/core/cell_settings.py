"""The settings of cells in words, and labels that distinguish cells by those in which they differ. Pure."""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence

from tlbench.core.cell import Cell
from tlbench.core.image_size import brief
from tlbench.core.text import DASH
from tlbench.core.training import Training
from tlbench.core.value import Value

Column = tuple[str, str]
"""A heading, and the key of a setting."""
NONE = ""
"""The value of a setting that a cell does not have, as a solved head has no epochs. It alone needs no column."""
SETTINGS: tuple[Column, ...] = (
    ("Head", "head"),
    ("Image size", "image_size"),
    ("Resized by", "resize"),
    ("Training images per class", "train_images"),
    ("Other images per class", "other_images"),
    ("Images", "images"),
    ("Weights", "weights"),
    ("File of weights", "weights_file"),
    ("Epochs", "epochs"),
    ("Batch size", "batch_size"),
    ("Optimizer", "optimizer"),
    ("Learning rate", "learning_rate"),
    ("Tried", "tune"),
    ("Augmentation", "augmentation"),
    ("Early stopping", "early_stopping"),
    ("Plateau", "reduce_lr"),
    ("Schedule", "schedule"),
    ("Warm-up", "warmup"),
    ("Label smoothing", "label_smoothing"),
    ("Weight decay", "weight_decay"),
    ("Mixup", "mixup"),
    ("CutMix", "cutmix"),
    ("RandAugment", "rand_augment"),
    ("Class weights", "class_weight"),
    ("Precision", "precision"),
    ("Backend", "backend"),
    ("XLA", "jit"),
    ("Timing", "timing"),
)
OF_STEPS = ("schedule", "warmup", "label_smoothing", "weight_decay")
TIMED_WITH = ("head", "image_size", "optimizer", "precision", "backend", "jit", "timing")


def labels(cells: Sequence[Cell]) -> list[str]:
    """The labels of cells; where several have the same one, with the settings that distinguish these."""
    plain, settings = [cell.label for cell in cells], [of_cell(cell) for cell in cells]
    told = {label: differing(group) for label, group in _alike(plain, settings).items()}
    named = [with_more(label, values, told[label], by=" · ") for label, values in zip(plain, settings, strict=True)]
    seen = Counter(named)
    return [name if seen[name] == 1 else f"{name} · {cell.id}" for name, cell in zip(named, cells, strict=True)]


def differing(settings: Sequence[Mapping[str, str]], among: Sequence[Column] = SETTINGS) -> list[Column]:
    """The columns of `among` that have several values in `settings`."""
    return [column for column in among if len({values.get(column[1], NONE) for values in settings} - {NONE}) > 1]


def apart(
    names: Sequence[Hashable], settings: Sequence[Mapping[str, str]], among: Sequence[Column] = SETTINGS
) -> list[Column]:
    """The columns of `among` that are needed to distinguish things with the same name."""
    found = {column for group in _alike(names, settings).values() for column in differing(group, among)}
    return [column for column in among if column in found]


def _alike(names: Sequence[Hashable], settings: Sequence[Mapping[str, str]]) -> dict[Hashable, list[Mapping[str, str]]]:
    """The settings of things by their name."""
    groups: dict[Hashable, list[Mapping[str, str]]] = {}
    for name, values in zip(names, settings, strict=True):
        groups.setdefault(name, []).append(values)
    return groups


def with_more(name: str, values: Mapping[str, str], told: Sequence[Column], by: str = ", ") -> str:
    """A name with the settings `told`: ``MobileNet, full, image size 96``."""
    return by.join([name, *(f"{heading.lower()} {said(values[key])}" for heading, key in told if values.get(key))])


def said(value: str) -> str:
    """The value of a setting as a column shows it: a learning rate without its strategy, a dash for none."""
    return value.rpartition(": ")[2] or DASH


def of_cell(cell: Cell) -> dict[str, str]:
    """The settings of a cell that a table can show, by the keys of `SETTINGS`."""
    train = cell.train
    return {
        "head": cell.head.label,
        "image_size": brief(cell.image_size),
        "resize": cell.resize,
        "train_images": str(cell.limit.train or "all"),
        "other_images": _options(cell.limit.model_copy(update={"train": None}), "all"),
        "weights": cell.given_weights,
        "epochs": (str(train.epochs) if train.epochs else NONE) if train else DASH,
        "batch_size": str(train.batch_size) if train else DASH,
        "optimizer": train.optimizer if train else DASH,
        "learning_rate": f"{cell.strategy.name}: {train.rate}" if train else DASH,
        "tune": (train.tune.label if train.tune else "nothing") if train else DASH,
        "augmentation": _options(train.augmentation, "on") if train else DASH,
        "early_stopping": _options(train.early_stopping, "on") if train else DASH,
        "reduce_lr": _options(train.reduce_lr, "on") if train else DASH,
        **{key: _of_steps(train, getattr(train, key)) if train else DASH for key in OF_STEPS},
        "mixup": f"{train.mixup:g}" if train and train.mixup else DASH,
        "cutmix": f"{train.cutmix:g}" if train and train.cutmix else DASH,
        "rand_augment": _options(train.rand_augment, "on") if train else DASH,
        "class_weight": (train.class_weight or DASH) if train else DASH,
        "precision": cell.precision,
        "backend": cell.backend,
        "jit": cell.jit,
        "timing": _options(cell.timing, "on"),
    }


def _of_steps(train: Training, value: object) -> str:
    """A setting of gradient steps: `NONE` for a solved head, a dash for the strategy's default."""
    if not train.epochs:
        return NONE
    return DASH if value is None else str(value)


def _options(value: Value | None, usual: str) -> str:
    """The fields that differ from their defaults: ``rotation 10.0, flip``; `usual` if none does, a dash for None."""
    if value is None:
        return DASH
    changed = value.model_dump(exclude_defaults=True)
    return ", ".join(name if of is True else f"{name} {of}" for name, of in changed.items()) or usual

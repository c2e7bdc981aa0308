"""Names that distinguish what is compared, by the settings in which it differs. Pure."""

import re
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence

from tlbench.core.cell import SCRATCH, Cell, StepName
from tlbench.core.image_size import brief
from tlbench.core.training import Training
from tlbench.core.value import Value
from tlbench.reporting.numbers import DASH
from tlbench.reporting.report import RunRecord
from tlbench.reporting.stand_ins import marked
from tlbench.results.record import Record

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
OF_A_STEP: tuple[Column, ...] = tuple(column for column in SETTINGS if column[1] in TIMED_WITH)
"""The settings, besides model and strategy, that the time of a step depends on (`Cell.timing_key`)."""
DEVICE, RUN = ("Device", "device"), ("Run", "run")
"""Where and when a step was timed."""
DIGITS = 8
"""The number of digits of a fingerprint that distinguish images or files of weights."""
MOST = 80
"""The most characters of a slug."""


def setting(record: Record) -> dict[str, str]:
    """The settings of a record that a table can show.

    With backbone, strategy and data set they are all of a cell except its seed, the images, and the file of weights. So
    no two rows of a table look the same but mean different things.
    """
    found = _of_cell(record.cell) | {"images": record.data.fingerprint[:DIGITS] if record.data else NONE}
    found["weights_file"] = " ".join(digest[:DIGITS] for digest in record.start if digest) or NONE
    return found | {"timing": NONE} if is_search(record) else found


def of_step(cell: Cell, step: StepName, run: str) -> dict[str, str]:
    """The values of `OF_A_STEP` and `RUN` for the measurement of a step."""
    found = {key: value for key, value in _of_cell(cell).items() if key in TIMED_WITH} | {"run": run}
    return found | {"optimizer": NONE} if step == "inference" else found


def differing(settings: Sequence[Mapping[str, str]], among: Sequence[Column] = SETTINGS) -> list[Column]:
    """The columns of `among` that have several values in `settings`."""
    return [column for column in among if len({values.get(column[1], NONE) for values in settings} - {NONE}) > 1]


def apart(
    names: Sequence[Hashable], settings: Sequence[Mapping[str, str]], among: Sequence[Column] = SETTINGS
) -> list[Column]:
    """The columns of `among` that are needed to distinguish things with the same name."""
    alike: dict[Hashable, list[Mapping[str, str]]] = {}
    for name, values in zip(names, settings, strict=True):
        alike.setdefault(name, []).append(values)
    found = {column for group in alike.values() for column in differing(group, among)}
    return [column for column in among if column in found]


def of_steps(names: Sequence[Hashable], settings: Sequence[Mapping[str, str]]) -> list[Column]:
    """The columns that distinguish measurements with the same name, and the run if there are several.

    The run is always needed, because only times of one run can be compared.
    """
    return [*apart(names, settings, OF_A_STEP), *differing(settings, (RUN,))]


def columns(records: Sequence[Record]) -> list[Column]:
    """The settings for which a table of `records` needs a column.

    A learning rate that follows from the strategy needs none, nor do images that follow from their number, or a file of
    weights that follows from the backbone.
    """
    found = differing([setting(record) for record in records])
    return [column for column in found if column[1] not in FOLLOWS or not _follows(records, *FOLLOWS[column[1]])]


def names_of(records: Sequence[Record], base: Callable[[Record], str] | None = None) -> list[str]:
    """Unique names of records: backbone and strategy, or `base`, with the settings that distinguish equal ones."""
    settings, plain = [setting(record) for record in records], [(base or recipe)(record) for record in records]
    named = plain
    for among in (columns(records), SETTINGS):
        told = apart(plain, settings, among)
        named = [with_more(name, values, told) for name, values in zip(plain, settings, strict=True)]
        if len(set(named)) == len(named):
            break
    seen = Counter(named)
    return [name if seen[name] == 1 else f"{name} ({records[at].cell_id})" for at, name in enumerate(named)]


def labels_of(rows: Sequence[RunRecord]) -> list[str]:
    """The labels of cells, with the settings, the device and the run that distinguish equal ones."""
    settings = [
        setting(row.record) | {"device": row.record.timings.device if row.record.timings else NONE, "run": row.run}
        for row in rows
    ]
    labels, records = [row.record.cell.label for row in rows], [row.record for row in rows]
    told = apart(labels, settings, [*columns(records), DEVICE, RUN])
    return [with_more(label, values, told, by=" · ") for label, values in zip(labels, settings, strict=True)]


def recipe(record: Record) -> str:
    """Backbone and strategy, and whether the suite asks for a backbone without ImageNet's weights."""
    of = record.cell.title
    return f"{of}, {without}" if (without := without_imagenet(record)) else of


def without_imagenet(record: Record) -> str:
    """``random weights`` if the suite asks for them; empty where the strategy's name says so, and of stand-ins, which
    are marked.
    """
    fallback = record.weights is not None and record.weights.fallback
    asked = record.cell.weights in ("random", "drawn") and record.cell.strategy.name != SCRATCH
    return f"{record.cell.weights} weights" if asked and not fallback else ""


def with_more(name: str, values: Mapping[str, str], told: Sequence[Column], by: str = ", ") -> str:
    """A name with the settings `told`: ``MobileNet, full, image size 96``."""
    return by.join([name, *(f"{heading.lower()} {said(values[key])}" for heading, key in told if values.get(key))])


def said(value: str) -> str:
    """The value of a setting as a column shows it: a learning rate without its strategy, a dash for none."""
    return value.rpartition(": ")[2] or DASH


def data_set(record: Record) -> str:
    """The label of the data set, with the stand-ins of the record: ``cats_dogs (synthetic data)``."""
    return marked(record.cell.dataset.label, record.fallbacks)


def is_search(record: Record) -> bool:
    """Whether the head searches the training images (k nearest neighbours), so that there is no model to time."""
    return bool(record.training) and record.training[-1].solver == "neighbours"


def slugs(texts: Sequence[str]) -> list[str]:
    """Unique parts of file names: lower-case letters and digits, joined by hyphens."""
    found: list[str] = []
    for text in texts:
        plain = re.sub("[^a-z0-9]+", "-", text.lower()).strip("-")[:MOST] or "x"
        name, number = plain, 1
        while name in found:
            number += 1
            name = f"{plain}-{number}"
        found.append(name)
    return found


def _of_cell(cell: Cell) -> dict[str, str]:
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


Told = Callable[[Record], Hashable]


def _follows(records: Sequence[Record], of: Told, what: Told) -> bool:
    """Whether records with the same `of` have the same `what`."""
    known = [(of(record), what(record)) for record in records if what(record) is not None]
    return len(set(known)) == len({key for key, _ in known})


def _optimized(record: Record) -> Hashable:
    return record.cell.strategy.label, record.cell.train and record.cell.train.optimizer


def _model(record: Record) -> Hashable:
    cell = record.cell
    return cell.kind, cell.backbone.label, cell.weights, cell.image_size, record.fallbacks, bool(record.start[1])


def _number_of_images(record: Record) -> Hashable:
    return data_set(record), record.cell.limit


FOLLOWS: Mapping[str, tuple[Told, Told]] = {
    "learning_rate": (_optimized, lambda record: record.cell.train and record.cell.train.learning_rate),
    "weights_file": (_model, lambda record: record.start if any(record.start) else None),
    "images": (_number_of_images, lambda record: record.data and record.data.fingerprint),
}

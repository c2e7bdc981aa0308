"""Which records share a table row, and what the row says. Pure."""

from collections.abc import Sequence
from statistics import mean, stdev

from tlbench.core.cell import Timing, Training, Value, Weights
from tlbench.core.image_size import brief
from tlbench.core.text import counted
from tlbench.regression.contrasts import Recipe
from tlbench.reporting import numbers
from tlbench.reporting.numbers import DASH
from tlbench.reporting.report import RunRecord
from tlbench.reporting.views import relative
from tlbench.reporting.views.relative import PLACES, Place, TimeColumns
from tlbench.results.measured import StepTiming, shown_statistic
from tlbench.results.record import Record
from tlbench.statistics.bootstrap import FEWEST
from tlbench.statistics.intervals import wilson

UNSTABLE = "~"


def by_row(records: Sequence[RunRecord]) -> list[list[RunRecord]]:
    """Those that share a row: all of the cell but its seed is equal, and so are the stand-ins it rests on."""
    rows: dict[str, list[RunRecord]] = {}
    for row in records:
        key = f"{row.record.cell.model_dump_json(exclude={'seed'})} {row.record.fallbacks}"
        rows.setdefault(key, []).append(row)
    return list(rows.values())


def varying(records: Sequence[Record]) -> list[tuple[str, str]]:
    """(heading, key) of the settings that differ within a table, so that they need a column."""
    settings = [setting(record) for record in records]
    return [key for key in SETTINGS if len({values[key[1]] for values in settings} - {NONE}) > 1]


def columns(records: Sequence[Record]) -> list[tuple[str, str]]:
    """Those of `varying` that a table needs: not the learning rate, where it follows from the strategy."""
    follows = _rate_follows_strategy(records)
    return [column for column in varying(records) if column[1] != "learning_rate" or not follows]


def _rate_follows_strategy(records: Sequence[Record]) -> bool:
    rates: dict[str, set[float]] = {}
    for record in records:
        cell = record.cell
        if cell.train:
            rates.setdefault(f"{cell.strategy.label} {cell.train.optimizer}", set()).add(cell.train.learning_rate)
    return all(len(different) == 1 for different in rates.values())


NONE = ""
"""Of a setting that a cell does not have, as a solved head has no epochs: that alone needs no column."""
SETTINGS = [
    ("Head", "head"),
    ("Image size", "image_size"),
    ("Resized by", "resize"),
    ("Training images per class", "train_images"),
    ("Other images per class", "other_images"),
    ("Weights", "weights"),
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
]


def setting(record: Record) -> dict[str, str]:
    """The settings of a record that a table may show. A learning rate counts where it is not its strategy's own.

    Together with backbone, strategy and data set they are the whole cell but its seed, so that no two rows of a
    table look the same and mean different things.
    """
    cell, train = record.cell, record.cell.train
    return {
        "head": cell.head.label,
        "image_size": brief(cell.image_size),
        "resize": cell.resize,
        "train_images": str(cell.limit.train or "all"),
        "other_images": options(cell.limit.model_copy(update={"train": None}), "all"),
        "weights": cell.weights if cell.strategy.name != "scratch" else cell.pretrained,
        "epochs": (str(train.epochs) if train.epochs else NONE) if train else DASH,
        "batch_size": str(train.batch_size) if train else DASH,
        "optimizer": train.optimizer if train else DASH,
        "learning_rate": f"{cell.strategy.name}: {train.rate}" if train else DASH,
        "tune": (train.tune.label if train.tune else "nothing") if train else DASH,
        "augmentation": options(train.augmentation, "on") if train else DASH,
        "early_stopping": options(train.early_stopping, "on") if train else DASH,
        "reduce_lr": options(train.reduce_lr, "on") if train else DASH,
        **{key: _of_steps(train, getattr(train, key)) if train else DASH for key in OF_STEPS},
        "mixup": f"{train.mixup:g}" if train and train.mixup else DASH,
        "cutmix": f"{train.cutmix:g}" if train and train.cutmix else DASH,
        "rand_augment": options(train.rand_augment, "on") if train else DASH,
        "class_weight": (train.class_weight or DASH) if train else DASH,
        "precision": cell.precision,
        "backend": cell.backend,
        "jit": cell.jit,
        "timing": NONE if is_search(record) else options(cell.timing, "on"),
    }


OF_STEPS = ("schedule", "warmup", "label_smoothing", "weight_decay")


def _of_steps(train: Training, value: object) -> str:
    """A setting of gradient steps; a solved head takes none, and a dash is what the strategy does by itself."""
    if not train.epochs:
        return NONE
    return DASH if value is None else str(value)


def tuning_cost(records: Sequence[Record]) -> str:
    """Seconds of a cell's search, mean over the seeds."""
    seconds = [record.search.seconds for record in records if record.search]
    return f"{mean(seconds):.1f}" if seconds else DASH


def data_set(record: Record) -> str:
    """Its name, with the stand-ins that the record rests on: ``cats_dogs (synthetic data)``."""
    fallbacks = f" ({', '.join(record.fallbacks)})" if record.fallbacks else ""
    return record.cell.dataset.label + fallbacks


WITHOUT_IMAGENET: dict[Weights, str] = {
    "random": "what is compared here is not transfer learning.",
    "drawn": "tlbench pretrained them on drawn pictures of other classes, and that is what transfers here.",
}
"""What a comparison is worth where other weights stand in, by their kind."""


def stand_in(record: Record) -> Weights | None:
    """The kind of weights that stand in for those that were asked for; None where none do."""
    return record.weights.source if record.weights and record.weights.fallback else None


def marked_backbone(record: Record) -> str:
    """Its name; with a dagger where other weights than those that were asked for stand in."""
    return record.cell.backbone.label + (" †" if stand_in(record) else "")


def is_search(record: Record) -> bool:
    """Whether its head searches among the training images, so that no model has it and no step of one can be timed."""
    return bool(record.training) and record.training[-1].solver == "neighbours"


def options(value: Value | None, usual: str) -> str:
    """What of `value` is not as usual: ``rotation 10.0, flip``; `usual` where all of it is, a dash where it is off."""
    if value is None:
        return DASH
    changed = value.model_dump(exclude_defaults=True)
    return ", ".join(name if of is True else f"{name} {of}" for name, of in changed.items()) or usual


def top1(records: Sequence[Record]) -> str:
    """Top-1 with its Wilson interval; over several seeds their mean with both what the choice of test images does to it
    (the Wilson interval of one training with that accuracy) and what the seed does (their standard deviation). A solved
    head has no seed: its spread is that over resamples of its training images.
    """
    seeds = [record.accuracy for record in records if record.accuracy]
    if not seeds:
        return DASH
    if len(seeds) == 1:
        only = numbers.interval(seeds[0].top1, seeds[0].low, seeds[0].high)
        resampled = seeds[0].resampled
        return f"{only} ± {stdev(resampled) * 100:.1f} ({len(resampled)} resamples)" if resampled else only
    share, images = Recipe(tuple(records)).top1, seeds[0].images
    low, high = wilson(round(share * images), images)
    spread = stdev(seed.top1 for seed in seeds) * 100
    return f"{numbers.interval(share, low, high)} ± {spread:.1f} ({len(seeds)} seeds)"


def balanced_accuracy(records: Sequence[Record]) -> str:
    """The mean over seeds of the mean recall of the classes."""
    seeds = [record.accuracy.balanced for record in records if record.accuracy]
    return f"{mean(seeds):.1%}" if seeds else DASH


def time_of(rows: Sequence[RunRecord], device: str, step: str, *, marks: bool = True, brief: bool = False) -> str:
    """Step time on one kind of device; where several runs measured it, each with its run's name.

    The cells of a row differ in their seed, and share one measurement. `marks`, `brief`: as `step_time`.
    """
    by_run: dict[str, str] = {}
    for row in rows:
        timings = row.record.timings
        timing = getattr(timings, step) if timings and timings.device == device else None
        if timing is not None:
            by_run.setdefault(row.run, step_time(timing, row.record.cell.timing, marks=marks, brief=brief))
    if not by_run:
        return DASH
    if len(by_run) == 1:
        return next(iter(by_run.values()))
    return ", ".join(f"{text} [{run}]" for run, text in by_run.items())


def shown(step: StepTiming, timing: Timing | None) -> float:
    """Seconds: the number of a step that its interval is of."""
    return step.mean if timing and shown_statistic(timing.protocol) == "mean" else step.median


def step_time(step: StepTiming, timing: Timing | None, *, marks: bool = True, brief: bool = False) -> str:
    """``25.9 (24.1–29.0)`` in milliseconds: median with its interval; ``~`` before an unstable one where it is marked.

    Protocol `keras` has the mean, as the table at keras.io. brief: ``26``, since a relative time with its interval
    stands beside it. From fewer than `FEWEST` steps there is no number.
    """
    if len(step.samples) < FEWEST:
        return f"{DASH} ({counted(len(step.samples), 'step')})"
    text = numbers.milliseconds(shown(step, timing) * 1000)
    if brief:
        text = numbers.two_digits(shown(step, timing) * 1000)
    elif step.low is not None and step.high is not None:
        text += f" ({numbers.milliseconds(step.low * 1000)}–{numbers.milliseconds(step.high * 1000)})"
    return text if step.stable or not marks else f"{UNSTABLE}{text}"


def cells(
    rows: Sequence[RunRecord],
    columns: Sequence[tuple[str, str]],
    how: TimeColumns,
    *,
    standing: str = "",
    tuned: bool = False,
    balanced: bool = False,
) -> list[str]:
    """One row of a table, in the order of `headings`. standing: whether it may be the best, in a word."""
    records = [row.record for row in rows]
    first, counts = records[0], next((record.counts for record in records if record.counts), None)
    return [
        marked_backbone(first),
        first.cell.strategy.label,
        *(setting(first)[key].rpartition(": ")[2] or DASH for _, key in columns),
        top1(_first_run(rows)),
        standing,
        *([balanced_accuracy(_first_run(rows))] if balanced else []),
        *([tuning_cost(_first_run(rows))] if tuned else []),
        numbers.size(counts.size_mb if counts else None),
        numbers.count(counts.params if counts else None),
        numbers.count(counts.trainable if counts else None),
        str(counts.depth) if counts else DASH,
        *(text for place in PLACES for text in times(rows, place, how)),
    ]


def times(rows: Sequence[RunRecord], place: Place, how: TimeColumns) -> list[str]:
    """The relative time where it has a column, and milliseconds."""
    if place not in how.anchors:
        return [time_of(rows, *place, marks=how.marks)]
    text = relative.text(rows, place)
    return [text, time_of(rows, *place, marks=how.marks, brief=text != DASH)]


def headings(
    columns: Sequence[tuple[str, str]], how: TimeColumns, *, tuned: bool = False, balanced: bool = False
) -> list[str]:
    """The columns of the Keras applications table, accuracy first, with the strategy, what trains, and relative times.

    tuned: with what tuning cost. balanced: with the balanced accuracy, for a data set whose classes are not.
    """
    return [
        "Model",
        "Strategy",
        *(heading for heading, _ in columns),
        "Top-1",
        "Best?",
        *(["Balanced accuracy"] if balanced else []),
        *(["Tuning (s)"] if tuned else []),
        "Size (MiB)",
        "Params",
        "Trainable",
        "Depth",
        *how.headings(),
    ]


def _first_run(rows: Sequence[RunRecord]) -> list[Record]:
    """Accuracy is shown of the first run given: a second run of the same cell is no second seed."""
    return [row.record for row in rows if row.run == rows[0].run]

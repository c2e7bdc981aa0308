"""From a suite to its cells: the matrix, what is included beside it, less what is excluded."""

import math
from collections.abc import Collection, Iterator, Sized
from dataclasses import dataclass
from itertools import product

from tlbench.backbones import registry as backbones
from tlbench.core.cell import RECIPE, Backend, Cell, Head, Limit, Named, Timing, Training, Tuning, Weights
from tlbench.core.errors import UserError
from tlbench.core.image_size import ImageSize, Resize, brief, height_width
from tlbench.datasets import registry as datasets
from tlbench.strategies import registry as strategies
from tlbench.suite.document import Loc
from tlbench.suite.load import Suite
from tlbench.suite.schema import MOST_CELLS, NO_TIMING, PROTOCOLS, PatchSection, TimingSection
from tlbench.suite.training import TrainSection

NO_STEPS = {
    "epochs": 0,
    "learning_rate": 0.0,
    "schedule": None,
    "warmup": None,
    "label_smoothing": 0.0,
    "weight_decay": None,
}
"""Settings of gradient steps where none is taken: they make no other cell of a solved head."""


@dataclass(frozen=True)
class _Point:
    """A point of the matrix, but for its seed. rate: None for the strategy's own."""

    backbone: Named
    weights: Weights
    dataset: Named
    limit: Limit
    strategy: Named
    head: Head
    size: ImageSize
    resize: Resize
    precision: str
    backend: Backend
    train: Training | None
    rate: float | None


def expand(suite: Suite) -> tuple[Cell, ...]:
    """All cells, each once, in the order data set, images, backbone, image size, strategy, head, settings, seed.

    Raises UserError, at its place in the file, for combinations that cannot work, for an exclusion that matches
    nothing, and where nothing is left.
    """
    if (number := _size(suite)) > MOST_CELLS:
        raise suite.complain(
            (), f"the suite spans {number} cells, at most {MOST_CELLS} can be; make several of it, or shorten its lists"
        )
    cells = {cell.id: cell for cell in _matrix(suite)}
    for index, patch in enumerate(suite.content.exclude):
        matched = [cell.id for cell in cells.values() if _matches(cell, patch)]
        if not matched:
            raise suite.complain(("exclude", index), "exclude: no cell of the matrix matches this")
        for cell_id in matched:
            del cells[cell_id]
    for index, patch in enumerate(suite.content.include):
        for cell in _included(suite, patch, ("include", index)):
            cells[cell.id] = cell
    if not cells:
        raise suite.complain((), "the suite has no cells left: everything is excluded")
    return tuple(cells.values())


def _size(suite: Suite) -> int:
    """Points of the matrix, counted before any is made."""
    content, train = suite.content, suite.content.train
    axes: list[Sized] = [content.datasets, content.limits(), content.image_size, content.strategies, content.heads]
    axes += [
        content.resize,
        content.precision,
        content.backend,
        content.seeds,
        [one for item in content.backbones for one in item.backbones],
    ]
    axes += [train.epochs, train.batch_size, train.optimizer, train.learning_rate] if train else []
    return math.prod(len(axis) for axis in axes)


def _matrix(suite: Suite) -> Iterator[Cell]:
    content = suite.content
    named = [
        (one, item.weights, ("backbones", index))
        for index, item in enumerate(content.backbones)
        for one in item.backbones
    ]
    heads = list(enumerate(content.heads))
    points = product(
        content.datasets,
        content.limits(),
        named,
        content.image_size,
        content.resize,
        content.strategies,
        heads,
        content.precision,
        content.backend,
        list(trainings(content.train)),
    )
    for dataset, limit, (backbone, weights, loc), asked, resize, strategy, (number, head), precision, backend, (
        train,
        rate,
    ) in points:
        _check_together(suite, dataset.dataset, strategy, head, ("heads", number))
        _check_strategy(suite, strategy, head, train, ("strategies", content.strategies.index(strategy)))
        size = _size_of(suite, backbone, asked, loc)
        _check_auxiliary(suite, backbone, strategy, size, loc)
        _check_original(suite, strategy, weights, size, resize, loc)
        point = _Point(
            backbone, weights, dataset.dataset, limit, strategy, head, size, resize, precision, backend, train, rate
        )
        for seed in content.seeds:
            yield _cell(suite, point, seed)


def _included(suite: Suite, patch: PatchSection, loc: Loc) -> Iterator[Cell]:
    content = suite.content
    item = patch.backbone or content.backbones[0]
    dataset = content.datasets[0].dataset
    if patch.dataset is not None:
        found = [one.dataset for one in content.datasets if one.dataset.name == patch.dataset]
        if not found:
            names = ", ".join(one.dataset.name for one in content.datasets)
            raise suite.complain(
                (*loc, "dataset"), f"include: {patch.dataset!r} is none of the suite's data sets: {names}"
            )
        dataset = found[0]
    strategy, head = patch.strategy or content.strategies[0], patch.head or content.heads[0]
    seed = content.seeds[0] if patch.seed is None else patch.seed
    train, rate = next(trainings(content.train))
    _check_together(suite, dataset, strategy, head, (*loc, "head"))
    _check_strategy(suite, strategy, head, train, (*loc, "strategy"))
    limit, precision, backend = content.limits()[0], content.precision[0], content.backend[0]
    for backbone in item.backbones:
        size, resize = _size_of(suite, backbone, patch.image_size or content.image_size[0], loc), content.resize[0]
        _check_auxiliary(suite, backbone, strategy, size, loc)
        _check_original(suite, strategy, item.weights, size, resize, loc)
        point = _Point(
            backbone, item.weights, dataset, limit, strategy, head, size, resize, precision, backend, train, rate
        )
        yield _cell(suite, point, seed)


def _cell(suite: Suite, point: _Point, seed: int) -> Cell:
    content, strategy, train = suite.content, point.strategy, point.train
    rule = strategies.make(strategy.name, strategy.args)
    if not rule.trains:
        train = None
    elif train is None:
        raise suite.complain((), "key 'train' is missing")
    else:
        rate = rule.learning_rate(train.optimizer) if point.rate is None else point.rate
        steps = NO_STEPS if rule.solved(point.head, train) else {"learning_rate": rate}
        tune = _tuning(suite, rule.tunable(point.head, train), strategy, train.tune)
        if tune and tune.learning_rate:
            steps = {"learning_rate": 0.0}
        train = train.model_copy(update={**steps, "tune": tune})
        if train.epochs == 0 and point.weights != "random":
            seed = content.seeds[0]
    return Cell(
        backbone=point.backbone,
        weights="random" if rule.weights == "random" else point.weights,
        dataset=point.dataset,
        limit=point.limit,
        strategy=strategy,
        head=point.head,
        image_size=point.size,
        resize=point.resize,
        train=train,
        seed=seed,
        precision=point.precision,
        backend=point.backend,
        jit=content.jit,
        timing=timing(content.timing) if rule.has_classifier else None,
        recipe=1 if train is None else RECIPE,
    )


def _tuning(suite: Suite, own: Collection[str], strategy: Named, asked: Tuning | None) -> Tuning | None:
    """What of the suite's grid a cell has; None where it has nothing that could be tuned. Each has as many trials."""
    if asked is None or not own:
        return None
    tune = Tuning(**{name: values for name, values in asked if name in own})
    key = "learning_rate" if "learning_rate" in own else "l2"
    other = "l2" if key == "learning_rate" else "learning_rate"
    values, others = getattr(asked, key), getattr(asked, other)
    if not values:
        raise suite.complain(
            ("train", "tune"),
            f"tune: what is tuned of {strategy.label} is its {key}; give {key} {len(others)} values as well, so that "
            "each cell has as many trials",
        )
    if others and len(values) != len(others):
        raise suite.complain(
            ("train", "tune"),
            f"tune: {key} has {len(values)} values and {other} {len(others)}; give both as many, so that each cell has "
            "as many trials",
        )
    return tune


def trainings(section: TrainSection | None) -> Iterator[tuple[Training | None, float | None]]:
    """Every combination of the training settings, with its learning rate (None: the strategy's default)."""
    if section is None:
        yield None, None
        return
    for epochs, batch, optimizer, rate in product(
        section.epochs, section.batch_size, section.optimizer, section.learning_rate
    ):
        training = Training(
            epochs=epochs,
            batch_size=batch,
            optimizer=optimizer,
            learning_rate=1.0,
            early_stopping=section.early_stopping.value() if section.early_stopping else None,
            reduce_lr=section.reduce_lr.value() if section.reduce_lr else None,
            augmentation=section.augmentation.value() if section.augmentation else None,
            schedule=section.schedule,
            warmup=section.warmup,
            label_smoothing=section.label_smoothing,
            weight_decay=section.weight_decay,
            mixup=section.mixup,
            cutmix=section.cutmix,
            rand_augment=section.rand_augment.value() if section.rand_augment else None,
            tune=section.tune.value() if section.tune else None,
            class_weight=section.class_weight,
        )
        yield training, None if rate == "auto" else float(rate)


def timing(section: TimingSection) -> Timing | None:
    """The protocol with what overrides it; None for protocol ``none``."""
    if section.protocol == NO_TIMING:
        return None
    warmup, iterations, seconds = PROTOCOLS.get(section.protocol, (0, 0, 0.0))
    first, *more = section.batch_size
    return Timing(
        protocol=section.protocol,
        batch_size=first,
        warmup=warmup if section.warmup is None else section.warmup,
        iterations=iterations if section.iterations is None else section.iterations,
        seconds=seconds if section.seconds is None else section.seconds,
        max_seconds=section.max_seconds,
        more_batch_sizes=tuple(more),
    )


def _size_of(suite: Suite, backbone: Named, asked: ImageSize | str, loc: Loc) -> ImageSize:
    try:
        info = backbones.of(backbone)
    except UserError as error:
        raise suite.complain(loc, str(error)) from None
    size = info.default_size if isinstance(asked, str) else asked
    if trouble := info.size_trouble(size, backbone.label):
        raise suite.complain(loc, f"image_size {brief(size)}{trouble}")
    return size


def _check_auxiliary(suite: Suite, backbone: Named, strategy: Named, size: ImageSize, loc: Loc) -> None:
    if not strategies.make(strategy.name, strategy.args).needs_auxiliary:
        return
    own = backbones.of(backbone).auxiliary
    if own is None:
        having = ", ".join(name for name in backbones.names() if backbones.get(name).auxiliary)
        raise suite.complain(
            loc,
            f"strategy {strategy.label}: {backbone.name} has no auxiliary classifiers, only {having} has; leave "
            "auxiliary out",
        )
    if min(height_width(size)) < own.min_size:
        raise suite.complain(
            loc,
            f"strategy {strategy.label}: image_size {brief(size)} is too small for the auxiliary classifiers of "
            f"{backbone.name}, which need at least {own.min_size} pixels",
        )


def _check_original(suite: Suite, strategy: Named, weights: Weights, size: ImageSize, resize: Resize, loc: Loc) -> None:
    """Original classifiers are shown what they were evaluated with."""
    if strategies.make(strategy.name, strategy.args).trains:
        return
    if weights == "drawn":
        raise suite.complain(loc, f"drawn weights are a backbone's alone, and {strategy.name} needs a classifier")
    if not isinstance(size, int):
        raise suite.complain(("image_size",), f"image_size {brief(size)}: original classifiers take squares")
    if resize != "stretch":
        raise suite.complain(
            ("resize",),
            "resize: original classifiers take the middle of each image, as they were evaluated; leave it out",
        )


def _check_together(suite: Suite, dataset: Named, strategy: Named, head: Head, loc: Loc) -> None:
    trains = strategies.make(strategy.name, strategy.args).trains
    original = {"strategy pretrained": not trains, "head imagenet": head.name == "imagenet"}
    original["data set imagenet"] = dataset.name == datasets.IMAGENET
    if any(original.values()) and not all(original.values()):
        there, missing = ([name for name, value in original.items() if value is of] for of in (True, False))
        raise suite.complain(
            loc,
            f"{' and '.join(there)} {'goes' if len(there) == 1 else 'go'} only with {' and '.join(missing)}; "
            "give original classifiers a suite of their own, as suites/keras_table.yaml",
        )
    like = dataset.args.get("like")
    classes = datasets.classes_of(dataset.name, None if like is None else str(like))
    if head.output == "sigmoid" and classes is not None and len(classes) != 2:
        raise suite.complain(
            loc, f"output sigmoid needs two classes, but {dataset.name} has {len(classes)}; use softmax"
        )


def _check_strategy(suite: Suite, strategy: Named, head: Head, train: Training | None, loc: Loc) -> None:
    try:
        strategies.make(strategy.name, strategy.args).check(head, train)
    except ValueError as error:
        raise suite.complain(loc, f"strategy {strategy.label}: {error}") from None


def _matches(cell: Cell, patch: PatchSection) -> bool:
    if patch.backbone is not None and not any(_same(cell.backbone, one) for one in patch.backbone.backbones):
        return False
    if patch.strategy is not None and not _same(cell.strategy, patch.strategy):
        return False
    if patch.head is not None and cell.head != patch.head:
        return False
    if patch.dataset is not None and cell.dataset.name != patch.dataset:
        return False
    if patch.image_size is not None and cell.image_size != patch.image_size:
        return False
    return patch.seed is None or cell.seed == patch.seed


def _same(cell: Named, asked: Named) -> bool:
    return cell.name == asked.name and asked.args.items() <= cell.args.items()

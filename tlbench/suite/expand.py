"""From a suite to its cells: the matrix, what is included beside it, less what is excluded."""

import math
from collections.abc import Collection, Iterator, Sized
from itertools import product

from tlbench.backbones import registry as backbones
from tlbench.core.cell import RECIPE, Cell, Named, Timing, Training, Tuning
from tlbench.strategies import registry as strategies
from tlbench.suite.document import Loc
from tlbench.suite.load import Suite
from tlbench.suite.point import Places, Point, check, size_of
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
    """The cells of all points but those that are excluded, of which nobody asks whether they could work."""
    content, excluded = suite.content, set[int]()
    for point, places in _points(suite):
        seeds = {index: patch.seed for index, patch in enumerate(content.exclude) if _matches(point, patch)}
        if None in seeds.values():
            excluded.update(index for index, seed in seeds.items() if seed is None or seed in content.seeds)
            continue
        check(suite, point, places)
        for seed in content.seeds:
            cell = _cell(suite, point, seed)
            out = [index for index, asked in seeds.items() if asked == cell.seed]
            excluded.update(out)
            if not out:
                yield cell
    for index in range(len(content.exclude)):
        if index not in excluded:
            raise suite.complain(("exclude", index), "exclude: no cell of the matrix matches this")


def _points(suite: Suite) -> Iterator[tuple[Point, Places]]:
    content = suite.content
    named = [
        (one, item.weights, ("backbones", index))
        for index, item in enumerate(content.backbones)
        for one in item.backbones
    ]
    axes = product(
        content.datasets,
        content.limits(),
        named,
        content.image_size,
        content.resize,
        enumerate(content.strategies),
        enumerate(content.heads),
        content.precision,
        content.backend,
        list(trainings(content.train)),
    )
    for item, limit, (backbone, weights, loc), asked, resize, (nth, strategy), (number, head), precision, backend, (
        train,
        rate,
    ) in axes:
        size = size_of(suite, backbone, asked, loc)
        point = Point(
            backbone, weights, item.dataset, limit, strategy, head, size, resize, precision, backend, train, rate
        )
        yield point, Places(loc, ("strategies", nth), ("heads", number))


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
    limit, resize, precision, backend = content.limits()[0], content.resize[0], content.precision[0], content.backend[0]
    for backbone in item.backbones:
        size = size_of(suite, backbone, patch.image_size or content.image_size[0], loc)
        point = Point(
            backbone, item.weights, dataset, limit, strategy, head, size, resize, precision, backend, train, rate
        )
        check(suite, point, Places(loc, (*loc, "strategy"), (*loc, "head")))
        yield _cell(suite, point, seed)


def _cell(suite: Suite, point: Point, seed: int) -> Cell:
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


def _matches(point: Point, patch: PatchSection) -> bool:
    """Whether a point of the matrix is meant, whatever its seed."""
    if patch.backbone is not None:
        if not any(_same(point.backbone, one) for one in patch.backbone.backbones):
            return False
        if patch.backbone.says_weights and point.weights != patch.backbone.weights:
            return False
    if patch.strategy is not None and not _same(point.strategy, patch.strategy):
        return False
    if patch.head is not None and point.head != patch.head:
        return False
    if patch.dataset is not None and point.dataset.name != patch.dataset:
        return False
    if patch.image_size == "native":
        return point.size == backbones.of(point.backbone).default_size
    return patch.image_size is None or point.size == patch.image_size


def _same(own: Named, asked: Named) -> bool:
    return own.name == asked.name and asked.args.items() <= own.args.items()

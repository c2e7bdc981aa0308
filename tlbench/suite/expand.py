"""Expand a suite into its cells: the matrix, minus exclusions, plus inclusions."""

import math
from collections.abc import Collection, Iterator, Sized
from itertools import product

from tlbench.backbones import registry as backbones
from tlbench.core.cell import RECIPE, Cell, Named, Timing
from tlbench.core.training import Training, Tuning
from tlbench.strategies import registry as strategies
from tlbench.strategies.base import Strategy
from tlbench.suite.document import Loc
from tlbench.suite.load import Suite
from tlbench.suite.point import Places, Point, check, size_of
from tlbench.suite.schema import MOST_CELLS, NO_TIMING, PROTOCOLS, PatchSection, TimingSection
from tlbench.suite.training import TrainSection

NO_STEPS: dict[str, float | None] = {
    "epochs": 0,
    "learning_rate": 0.0,
    "schedule": None,
    "warmup": None,
    "label_smoothing": 0.0,
    "weight_decay": None,
}
"""Settings of gradient steps for a solved head, which takes none: cells that differ only in them are the same."""
USUAL = Training(epochs=0, batch_size=32, optimizer="adam", learning_rate=0.0)
"""The settings of a suite without `train`, in which no cell takes gradient steps."""


def expand(suite: Suite) -> tuple[Cell, ...]:
    """All cells without duplicates, by data set, limit, backbone, image size, strategy, head, settings and seed.

    Raises:
        UserError: with the place in the file, for a combination that cannot work, an exclusion or a gate that matches
            nothing, a matrix with too many cells or none.
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
    for index, gate in enumerate(suite.gates.cells):
        if not any(gate.fits(cell) for cell in cells.values()):
            raise suite.complain(("gates", "cells", index), "gates: no cell of the suite matches this")
    return tuple(cells.values())


def _size(suite: Suite) -> int:
    """The number of cells in the matrix, computed without making any."""
    content, train = suite.content, suite.content.train
    axes: list[Sized] = [
        content.datasets,
        content.limits(),
        [backbone for item in content.backbones for backbone in item.backbones],
        content.image_size,
        content.resize,
        content.strategies,
        content.heads,
        content.precision,
        content.backend,
        content.seeds,
    ]
    axes += [train.epochs, train.batch_size, train.optimizer, train.learning_rate] if train else []
    return math.prod(len(axis) for axis in axes)


def _matrix(suite: Suite) -> Iterator[Cell]:
    """The cells of the matrix that are not excluded.

    A point that is excluded for all seeds is not checked: excluding it is how a suite avoids combinations that cannot
    work.
    """
    content, used = suite.content, set[int]()  # indices of the exclusions that remove something
    idle: dict[int, Cell] = {}
    for point, places in _points(suite):
        seeds = {index: patch.seed for index, patch in enumerate(content.exclude) if _matches(point, patch)}
        if None in seeds.values():
            used.update(index for index, seed in seeds.items() if seed is None or seed in content.seeds)
            continue
        check(suite, point, places)
        made = {seed: _cell(suite, point, seed) for seed in content.seeds}
        left = {cell.id: cell for seed, cell in made.items() if seed not in seeds.values()}
        for index, seed in seeds.items():
            if seed in made and made[seed].id in left:
                idle[index] = made[seed]
            elif seed in made:
                used.add(index)
        yield from left.values()
    for index in range(len(content.exclude)):
        if index not in used and index in idle:
            what = f"{idle[index].label} is one cell for all seeds, since its head is solved"
            raise suite.complain(("exclude", index), f"exclude: {what}; leave `seed` out, or exclude each of them")
        if index not in used:
            raise suite.complain(("exclude", index), "exclude: no cell of the matrix matches this")


def _points(suite: Suite) -> Iterator[tuple[Point, Places]]:
    content = suite.content
    backbone_axis = [
        (backbone, item.weights, ("backbones", index))
        for index, item in enumerate(content.backbones)
        for backbone in item.backbones
    ]
    axes = product(
        content.datasets,
        content.limits(),
        backbone_axis,
        enumerate(content.image_size),
        content.resize,
        enumerate(content.strategies),
        enumerate(content.heads),
        content.precision,
        content.backend,
        list(trainings(content.train)),
    )
    for data, limit, named, (size_index, asked), resize, (strategy_index, strategy), (
        head_index,
        head,
    ), precision, backend, (
        train,
        rate,
    ) in axes:
        backbone, weights, loc = named
        point = Point(
            backbone=backbone,
            weights=weights,
            dataset=data.dataset,
            limit=limit,
            strategy=strategy,
            head=head,
            image_size=size_of(suite, backbone, asked, loc),
            resize=resize,
            precision=precision,
            backend=backend,
            train=train,
            rate=rate,
        )
        size_place = ("image_size", size_index)
        yield point, Places(loc, size_place, ("strategies", strategy_index), ("heads", head_index))


def _included(suite: Suite, patch: PatchSection, loc: Loc) -> Iterator[Cell]:
    """The cells of an inclusion; what it does not name is the first of the suite's list."""
    content = suite.content
    item = patch.backbone or content.backbones[0]
    train, rate = next(trainings(content.train))
    for backbone in item.backbones:
        point = Point(
            backbone=backbone,
            weights=item.weights,
            dataset=_included_dataset(suite, patch, loc),
            limit=content.limits()[0],
            strategy=patch.strategy or content.strategies[0],
            head=patch.head or content.heads[0],
            image_size=size_of(suite, backbone, patch.image_size or content.image_size[0], loc),
            resize=content.resize[0],
            precision=content.precision[0],
            backend=content.backend[0],
            train=train,
            rate=rate,
        )
        check(suite, point, Places(loc, (*loc, "image_size"), (*loc, "strategy"), (*loc, "head")))
        yield _cell(suite, point, content.seeds[0] if patch.seed is None else patch.seed)


def _included_dataset(suite: Suite, patch: PatchSection, loc: Loc) -> Named:
    datasets = [item.dataset for item in suite.content.datasets]
    if patch.dataset is None:
        return datasets[0]
    for dataset in datasets:
        if dataset.name == patch.dataset:
            return dataset
    names = ", ".join(dataset.name for dataset in datasets)
    raise suite.complain((*loc, "dataset"), f"include: {patch.dataset!r} is none of the suite's data sets: {names}")


def _cell(suite: Suite, point: Point, seed: int) -> Cell:
    content = suite.content
    strategy = strategies.make(point.strategy.name, point.strategy.args)
    train = _training(suite, point, strategy)
    if train is not None and train.epochs == 0 and point.weights != "random":
        seed = min(content.seeds)  # a solved head on pretrained weights depends on no seed, nor on their order
    return Cell(
        backbone=point.backbone,
        weights="random" if strategy.weights == "random" else point.weights,
        dataset=point.dataset,
        limit=point.limit,
        strategy=point.strategy,
        head=point.head,
        image_size=point.image_size,
        resize=point.resize,
        train=train,
        seed=seed,
        precision=point.precision,
        backend=point.backend,
        jit=content.jit,
        timing=timing(content.timing) if strategy.has_classifier else None,
        recipe=1 if train is None else RECIPE,
    )


def _training(suite: Suite, point: Point, strategy: Strategy) -> Training | None:
    """The settings of training with everything that the strategy decides; None where nothing is trained."""
    if not strategy.trains:
        return None
    train = point.train or USUAL
    if point.train is None and not strategy.solved(point.head, train):
        raise suite.complain(
            (),
            f"key 'train' is missing: {point.strategy.label} with head {point.head.label} trains in steps; "
            "add `train: {epochs: 3}`",
        )
    tune = _tuning(suite, strategy.tunable(point.head, train), point.strategy, train.tune)
    steps: dict[str, float | None]
    if tune and tune.learning_rate:
        steps = {"learning_rate": 0.0}
    elif strategy.solved(point.head, train):
        steps = NO_STEPS
    else:
        rate = strategy.learning_rate(train.optimizer) if point.rate is None else point.rate
        steps = {"learning_rate": rate}
    return train.model_copy(update={**steps, "tune": tune})


def _tuning(suite: Suite, tunable: Collection[str], strategy: Named, grid: Tuning | None) -> Tuning | None:
    """The part of the suite's grid that applies to a cell; None where nothing of the cell can be tuned.

    Raises:
        UserError: cells would have different numbers of trials, which would favour those with more.
    """
    if grid is None or not tunable:
        return None
    tune = Tuning(**{name: values for name, values in grid if name in tunable})
    key = "learning_rate" if "learning_rate" in tunable else "l2"
    other = "l2" if key == "learning_rate" else "learning_rate"
    values, others = getattr(grid, key), getattr(grid, other)
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
    """Every combination of training settings, each with its learning rate.

    A rate of None stands for the strategy's default; `Training.learning_rate` is a placeholder until `_training` sets
    it. A suite without settings of training yields (None, None).
    """
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
    """The timing protocol with the suite's overrides; None for protocol ``none``."""
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
    """Whether an exclusion matches a point, leaving its seed aside."""
    if patch.backbone is not None:
        if not any(_same(point.backbone, backbone) for backbone in patch.backbone.backbones):
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
        return point.image_size == backbones.of(point.backbone).default_size
    return patch.image_size is None or point.image_size == patch.image_size


def _same(own: Named, asked: Named) -> bool:
    """Whether `own` has the name and at least the arguments of `asked`."""
    return own.name == asked.name and asked.args.items() <= own.args.items()

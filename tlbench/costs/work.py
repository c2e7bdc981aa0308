"""The work of a cell in layers, operations and bytes, independent of the machine. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from tlbench.core.cell import Cell, Head, Scalar
from tlbench.core.image_size import height_width
from tlbench.core.training import Training
from tlbench.costs.sizes import Size, size_of
from tlbench.strategies import registry as strategies
from tlbench.strategies.base import LayerView, Phase

BACKWARD = 2.0
"""Operations of the backward pass, relative to the forward pass: one product for the inputs, one for the weights."""


ANY_DEPTH = 100
"""The number of layers that a backbone of unknown size is taken to have where only the kind of its phases matters."""


@dataclass(frozen=True)
class Work:
    """The work to train and evaluate a cell.

    Attributes:
        built: number of layers that are built and traced for inference.
        traced: number of layers that are traced for training.
        forward: floating-point operations of images in inference.
        training: floating-point operations of training steps.
        step: floating-point operations of one step of the last phase.
        steps: number of steps of all gradient phases.
    """

    built: float
    traced: float
    forward: float
    training: float
    step: float
    steps: int


@dataclass(frozen=True)
class Room:
    """The memory and disk space of a cell in bytes.

    Attributes:
        state: weights, gradients and the optimizer's moments at their maximum.
        outputs: the outputs of all layers that are kept for the backward pass of a batch.
        images: decoded images on disk.
        features: cached features on disk; 0 if the cell uses none.
    """

    state: float
    outputs: float
    images: float
    features: float


def work_of(cell: Cell, images: Mapping[str, int], first: bool, computed: int) -> Work | None:
    """Estimate the work to train and evaluate a cell.

    Args:
        cell: the cell.
        images: the numbers of images by split.
        first: whether no earlier cell has built the same model.
        computed: the number of images that go through the whole backbone for this cell, because their features are not
            cached.

    Returns:
        None if the size of the backbone is unknown, or nothing is trained.
    """
    size = size_of(cell.backbone, cell.image_size)
    if size is None or cell.train is None:
        return None
    forward, training, step, steps, traced = computed * size.flops, 0.0, 0.0, 0, 0.0
    phases, trials = _phases(cell, size.depth), 1
    if cell.train.tune and cell.train.tune.learning_rate:
        trials = len(cell.train.tune.learning_rate)
    for phase in phases:
        if phase.solver != "gradient":
            continue
        freed = _freed(phase, size)
        runs_through = 1.0 if cell.train.changes_anew else freed
        one = size.flops * (runs_through + BACKWARD * freed)
        in_epoch = -(-images.get("train", 0) // cell.train.batch_size)
        training += trials * phase.epochs * images.get("train", 0) * one
        forward += trials * phase.epochs * images.get("validation", 0) * size.flops * freed
        step, steps = _batch(cell, images) * one, steps + trials * phase.epochs * in_epoch
        traced += size.depth * freed
    if phases:
        forward += images.get("test", 0) * size.flops * _freed(phases[-1], size)
    return Work(size.depth if first else 0, traced if first else traced * AGAIN, forward, training, step, steps)


AGAIN = 0.5
"""Fraction of the tracing that is repeated for a later seed of the same model."""


def room_of(cell: Cell, images: Mapping[str, int]) -> Room | None:
    """Estimate the memory and disk space of a cell; None if the size of the backbone is unknown."""
    size = size_of(cell.backbone, cell.image_size)
    if size is None:
        return None
    height, width = height_width(cell.image_size)
    total = sum(images.values())
    freed = [_freed(phase, size) for phase in _phases(cell, size.depth) if phase.solver == "gradient"]
    most = max(freed, default=0.0)
    batch = _batch(cell, images) if cell.train else cell.protocol.batch_size if cell.timing else 1
    return Room(
        state=4 * size.params * (1 + 3 * most),
        outputs=4 * size.outputs * most * batch,
        images=total * height * width * 3,
        features=4 * size.features * total if uses_features(cell) else 0,
    )


def uses_features(cell: Cell) -> bool:
    """Whether frozen layers are run over the cell's images once, and training uses their outputs.

    As `worker/stage.py` does it, if features are kept and fit: not for layers that an earlier phase has trained, and
    for gradient steps not if every epoch changes the images, or if a second head needs the backbone's output.
    """
    size = size_of(cell.backbone, cell.image_size)
    lowest = depth = size.depth if size else ANY_DEPTH
    for phase in _phases(cell, depth):
        assert cell.train is not None, "only training has phases"
        lowest = min(lowest, phase.frozen)
        if lowest and (phase.solver != "gradient" or not (cell.train.changes_anew or phase.second_head)):
            return True
    return False


def _phases(cell: Cell, depth: int) -> tuple[Phase, ...]:
    if cell.train is None:
        return ()
    return _phases_of(cell.strategy.name, tuple(cell.strategy.args.items()), cell.train, cell.head, depth)


@cache
def _phases_of(
    name: str, args: tuple[tuple[str, Scalar], ...], train: Training, head: Head, depth: int
) -> tuple[Phase, ...]:
    """The strategy's phases for a stand-in of the backbone, with one block per layer with weights.

    The stand-in has no layer names, so a boundary given by name is treated as lying at the bottom.
    """
    try:
        return strategies.make(name, dict(args)).phases(_stand_in(depth), train, head)
    except ValueError:
        return strategies.make("full", {}).phases(_stand_in(depth), train, head)


@cache
def _stand_in(depth: int) -> list[LayerView]:
    kinds = ("Conv2D", "BatchNormalization")
    return [LayerView(name=str(at), kind=kinds[at % 2], block=str(at), parameters=1) for at in range(depth)]


def _freed(phase: Phase, size: Size) -> float:
    """The fraction of the backbone's layers that the backward pass of a phase reaches."""
    return 1 - min(phase.frozen, size.depth) / size.depth


def _batch(cell: Cell, images: Mapping[str, int]) -> int:
    """The images in a training step: no more than there are."""
    return min(cell.training.batch_size, images.get("train") or cell.training.batch_size)

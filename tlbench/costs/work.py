"""What a cell has to do, in layers, operations and bytes: nothing here is of one machine. Pure."""

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


@dataclass(frozen=True)
class Work:
    """What training and evaluating one cell takes.

    built: layers that are built and traced for inference. traced: layers that are traced for training. forward:
    floating-point operations of the images that only pass through; training: of training steps. step: of one step of
    the last phase. steps: of all gradient phases.
    """

    built: float
    traced: float
    forward: float
    training: float
    step: float
    steps: int


@dataclass(frozen=True)
class Room:
    """Bytes that a cell takes. state: weights, gradients, the optimizer's moments, as most are held at once. outputs:
    of all layers whose outputs are kept for the backward pass, of a batch. images: decoded, on disk. features: on disk.
    """

    state: float
    outputs: float
    images: float
    features: float


def work_of(cell: Cell, images: Mapping[str, int], first: bool, computed: int) -> Work | None:
    """The work of a trained cell on so many `images` (by split); None where the backbone's size is not known.

    first: no cell before it has built its model. computed: images that go through the whole backbone for it, whose
    features nobody computed before.
    """
    size = size_of(cell.backbone, cell.image_size)
    if size is None or cell.train is None:
        return None
    forward, training, step, steps, traced = computed * size.flops, 0.0, 0.0, 0, 0.0
    phases, trials = _phases(cell, size), 1
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
        step, steps = cell.train.batch_size * one, steps + trials * phase.epochs * in_epoch
        traced += size.depth * freed
    if phases:
        forward += images.get("test", 0) * size.flops * _freed(phases[-1], size)
    return Work(size.depth if first else 0, traced if first else traced * AGAIN, forward, training, step, steps)


AGAIN = 0.5
"""Share of the tracing that a later seed of the same model still takes."""


def room_of(cell: Cell, images: Mapping[str, int]) -> Room | None:
    """The memory and disk of a cell; None where the backbone's size is not known."""
    size = size_of(cell.backbone, cell.image_size)
    if size is None:
        return None
    height, width = height_width(cell.image_size)
    total = sum(images.values())
    freed = [_freed(phase, size) for phase in _phases(cell, size) if phase.solver == "gradient"]
    most = max(freed, default=0.0)
    batch = cell.train.batch_size if cell.train else cell.protocol.batch_size if cell.timing else 1
    return Room(
        state=4 * size.params * (1 + 3 * most),
        outputs=4 * size.outputs * most * batch,
        images=total * height * width * 3,
        features=4 * size.features * total,
    )


def _phases(cell: Cell, size: Size) -> tuple[Phase, ...]:
    if cell.train is None:
        return ()
    return _phases_of(cell.strategy.name, tuple(cell.strategy.args.items()), cell.train, cell.head, size.depth)


@cache
def _phases_of(
    name: str, args: tuple[tuple[str, Scalar], ...], train: Training, head: Head, depth: int
) -> tuple[Phase, ...]:
    """The strategy's own phases for a stand-in of the backbone: as many layers with weights, each a block.

    A boundary that is said by a layer's name is taken to be at the bottom.
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
    """The share of the backbone's layers that a phase trains, or trains something below."""
    return 1 - min(phase.frozen, size.depth) / size.depth

"""Predict the cost of a cell on a machine, with its error. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tlbench.core.cell import Cell, StepName
from tlbench.costs.sizes import size_of
from tlbench.costs.speeds import Speeds, family_of, faster
from tlbench.costs.work import BACKWARD, room_of, work_of
from tlbench.statistics.bootstrap import FEWEST

Known = Literal["backbone", "machine", "reference"]
"""What was measured on this machine: this backbone, other backbones, or nothing."""

FACTORS: Mapping[Known, float] = {"backbone": 3.75, "machine": 6.25, "reference": 6.1}
"""In runs on one processor, quiet and busy, 90 % of cells took between prediction / factor and prediction * factor;
docs/performance.md has the runs.
"""

FRAMEWORK, ENGINE = 300e6, 140e6
"""The memory of a process that has imported TensorFlow, and what its first model adds, in bytes."""
OF_WEIGHTS = 2.4
"""The memory while a model is built, as a multiple of its weights."""
OF_OUTPUTS, OF_OUTPUTS_IN = 1.5, {"ConvNeXt": 3.7}
"""The memory of the backward pass, as a multiple of the outputs it needs; more with many small operations."""


@dataclass(frozen=True)
class Cost:
    """The predicted cost of a cell.

    Attributes:
        seconds: the time of training and evaluation.
        timing: the time of the timing phase, in seconds.
        memory: the peak memory of its process in bytes.
        images: the size of decoded images on disk in bytes, which cells share.
        features: the size of cached features on disk in bytes, which cells share.
        known: what the prediction is based on.
    """

    seconds: float
    timing: float
    memory: float
    images: float
    features: float
    known: Known

    @property
    def factor(self) -> float:
        """The factor by which 90 % of predicted times are off at most."""
        return FACTORS[self.known]


@dataclass(frozen=True)
class Part:
    """The part of the shared work that is charged to a cell: see `work_of`; `timed`: the steps to time."""

    first: bool
    computed: int
    timed: Sequence[tuple[StepName, int]]


def cost_of(cell: Cell, images: Mapping[str, int], part: Part, speeds: Speeds, reference: Speeds) -> Cost | None:
    """Predict the cost of a cell.

    Args:
        cell: the cell.
        images: the numbers of images by split; empty for an original classifier that is only timed.
        part: the part of the shared work that is charged to it.
        speeds: the speeds of this machine.
        reference: the speeds of the reference machine.

    Returns:
        The cost; None if the size of the backbone is unknown.
    """
    room, size = room_of(cell, images), size_of(cell.backbone, cell.image_size)
    if room is None or size is None:
        return None
    known: Known = "reference" if speeds is reference else "machine"
    if known == "machine" and cell.backbone.label in speeds.forward:
        known = "backbone"
    beside = None if speeds is reference else reference
    work = work_of(cell, images, part.first, part.computed)
    seconds = speeds.seconds(work, cell.backbone, beside) if work else speeds.build * size.depth
    operations = speeds.of(cell.backbone, beside) / faster(cell.backbone)  # steps are timed as Keras runs them
    timing = 0.0
    for name, batch in part.timed:
        training = name == "training"
        one = batch * size.flops * (1 + BACKWARD * training) / (operations * (speeds.training if training else 1.0))
        timing += (speeds.build + (speeds.trace if training else speeds.build)) * size.depth + _timed(cell, one)
    outputs = OF_OUTPUTS_IN.get(family_of(cell.backbone.name), OF_OUTPUTS) * room.outputs
    memory = FRAMEWORK + ENGINE + max(OF_WEIGHTS * 4 * size.params, room.state) + outputs
    return Cost(seconds, timing, memory, room.images, room.features, known)


def _timed(cell: Cell, step: float) -> float:
    """The time to measure a step that takes `step` seconds: within the protocol's bound, but at least six rounds."""
    timing = cell.protocol
    wanted, most = max(timing.seconds, timing.iterations * step), timing.max_seconds
    if most is None:
        return timing.warmup * step + wanted
    warm = min(timing.warmup * step, max(step, most / 4))
    return warm + min(wanted, max(most, FEWEST * step))

"""What a cell will cost on a machine, and how far off that may be. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tlbench.core.cell import Cell, StepName
from tlbench.costs.sizes import size_of
from tlbench.costs.speeds import Speeds, family_of, faster
from tlbench.costs.work import BACKWARD, room_of, work_of
from tlbench.statistics.bootstrap import FEWEST

Known = Literal["backbone", "machine", "reference"]
"""What was measured on this machine: this backbone, other backbones, nothing."""

FACTORS: Mapping[Known, float] = {"backbone": 3.75, "machine": 6.25, "reference": 6.1}
"""Nine of ten cells took between prediction / factor and prediction * factor, in runs of one machine, quiet and busy;
docs/performance.md says which.
"""

FRAMEWORK, ENGINE = 300e6, 140e6
"""Bytes of a process that has imported TensorFlow, and of what its first model adds."""
OF_WEIGHTS = 2.4
"""Memory as a multiple of a model's weights while it is built."""
OF_OUTPUTS, OF_OUTPUTS_IN = 1.5, {"ConvNeXt": 3.7}
"""And of the outputs that the backward pass needs; more where normalisation and activation are many operations."""


@dataclass(frozen=True)
class Cost:
    """seconds: training and evaluation. timing: seconds of its step times. memory: bytes at the peak of its process.
    images, features: bytes on disk, which cells share.
    """

    seconds: float
    timing: float
    memory: float
    images: float
    features: float
    known: Known

    @property
    def factor(self) -> float:
        """Seconds may be so many times more or fewer, in nine of ten cells."""
        return FACTORS[self.known]


@dataclass(frozen=True)
class Part:
    """What of the work that cells share falls to one of them: see `work_of`; timed: the steps that it is timed for."""

    first: bool
    computed: int
    timed: Sequence[tuple[StepName, int]]


def cost_of(cell: Cell, images: Mapping[str, int], part: Part, speeds: Speeds, reference: Speeds) -> Cost | None:
    """None for a backbone whose size is not known.

    images: numbers by split; empty for an original classifier that is only timed. speeds: of this machine.
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
    """Seconds of timing a step that takes `step` seconds: a bound ends it, but not before the rounds a number needs."""
    timing = cell.protocol
    wanted, most = max(timing.seconds, timing.iterations * step), timing.max_seconds
    if most is None:
        return timing.warmup * step + wanted
    warm = min(timing.warmup * step, max(step, most / 4))
    return warm + min(wanted, max(most, FEWEST * step))

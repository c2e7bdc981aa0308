"""Estimate the speed of a machine from its records. Pure."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from statistics import median

from tlbench.backbones import registry
from tlbench.core.cell import Named
from tlbench.costs.sizes import size_of
from tlbench.costs.work import Work, work_of
from tlbench.results.record import Record


@dataclass(frozen=True)
class Speeds:
    """The speed of a machine.

    Attributes:
        build: time to build a model and trace it for inference, in seconds per layer.
        trace: time to trace it for training, in seconds per layer.
        forward: floating-point operations per second in the forward pass as tlbench runs it, by the backbone's label.
        training: operations per second in training steps, as a fraction of `forward`.
    """

    build: float
    trace: float
    forward: Mapping[str, float]
    training: float

    def of(self, backbone: Named, beside: "Speeds | None" = None) -> float:
        """Operations per second in the forward pass of a backbone.

        If it was not measured, the median of its family is used, or else that of all backbones.

        Args:
            backbone: the backbone.
            beside: the speeds of another machine with more backbones, which are scaled by the median ratio of the two
                machines on the backbones measured here; of one that it lacks it takes the median of the family.
        """
        if backbone.label in self.forward:
            return self.forward[backbone.label]
        if beside is None:
            return _typical(backbone, self.forward)
        ratios = [speed / beside.of(_named(label)) for label, speed in self.forward.items()]
        return beside.of(backbone) * (median(ratios) if ratios else 1.0)

    def seconds(self, work: Work, backbone: Named, beside: "Speeds | None" = None) -> float:
        """The time for `work` in seconds; arguments as in `of`."""
        speed = self.of(backbone, beside)
        passes = work.forward / speed + work.training / (speed * self.training)
        return self.build * work.built + self.trace * work.traced + passes


def fitted(records: Iterable[Record], default: Speeds) -> Speeds:
    """The median speeds in records.

    Args:
        records: the records of one machine.
        default: used for what the records do not tell.
    """
    build, trace, training, forward = [], [], [], dict[str, list[float]]()
    known = [record for record in records if record.status == "ok" and record.phases]
    for record in known:
        forward.setdefault(record.cell.backbone.label, []).extend(_forward(record))
    speeds = {label: median(found) for label, found in forward.items() if found}
    for record in known:
        work = recorded_work(record)
        if work is None:
            continue
        if work.built:
            build.append(_build_seconds(record) / work.built)
        step = record.path.step if record.path else None
        if step and work.traced and work.step:
            trace.append(max(0.0, record.phases.get("train", 0.0) - work.steps * step) / work.traced)
            if speed := speeds.get(record.cell.backbone.label):
                training.append(work.step / step / speed)
    return Speeds(
        build=median(build) if build else default.build,
        trace=median(trace) if trace else default.trace,
        forward=speeds,
        training=median(training) if training else default.training,
    )


def recorded_work(record: Record) -> Work | None:
    """The work behind the times of a record; None if it is unknown."""
    if record.data is None or record.cell.train is None:
        return None
    images = {split: sum(of.values()) for split, of in record.data.counts.items()}
    computed = sum(phase.path.computed for phase in record.training)
    return work_of(record.cell, images, "features" in record.phases, computed)


@cache
def reference() -> Speeds:
    """The speeds of the machine that measured results/reference: two threads of an AMD EPYC."""
    text = resources.files("tlbench.costs").joinpath("reference.csv").read_text(encoding="utf-8")
    rows = {line["what"]: float(line["value"]) for line in csv.DictReader(text.splitlines())}
    build, trace, training = (rows.pop(name) for name in SCALARS)
    return Speeds(build, trace, rows, training)


SCALARS = ("build", "trace", "training")
"""The rows of reference.csv that are not the label of a backbone."""


def _forward(record: Record) -> list[float]:
    """Operations per second in the forward pass, from one record."""
    size = size_of(record.cell.backbone, record.cell.image_size)
    if size is None:
        return []
    found = [size.flops / phase.path.forward for phase in record.training[:1] if phase.path.forward]
    if not found and record.timings is not None:
        step = record.timings.inference
        found.append(faster(record.cell.backbone) * step.batch_size * size.flops / step.median)
    return found


def _build_seconds(record: Record) -> float:
    """The time for building the model and for the feature pass apart from the forward passes, in seconds."""
    phase = record.training[0].path if record.training else None
    passed = phase.computed * phase.forward if phase and phase.forward else 0.0
    return max(0.0, record.phases.get("build", 0.0) + record.phases.get("features", 0.0) - passed)


def _typical(backbone: Named, speeds: Mapping[str, float]) -> float:
    """The median speed of the backbones of the same family, or of all."""
    family = family_of(backbone.name)
    alike = [speed for label, speed in speeds.items() if family_of(_named(label).name) == family]
    return median(alike or speeds.values())


FASTER = {"ConvNeXt": 4.5}
"""By how much tlbench runs a family faster than Keras (`training.depthwise`), with TensorFlow on a CPU. Step times are
those of Keras.
"""


def faster(backbone: Named) -> float:
    """The entry of `FASTER` for a backbone; 1 for other families."""
    return FASTER.get(family_of(backbone.name), 1.0)


def family_of(name: str) -> str:
    """The family of a backbone; the name itself if it is unknown."""
    return registry.get(name).family if name in registry.names() else name


def _named(label: str) -> Named:
    """A backbone with this label. Only its label may be used, because all arguments are text."""
    name, _, arguments = label.partition(" (")
    pairs = (part.partition("=") for part in arguments.rstrip(")").split(", ") if part)
    return Named(name=name, args={key: value for key, _, value in pairs})

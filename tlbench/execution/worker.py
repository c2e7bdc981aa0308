"""What a child does with one cell: build, train, evaluate. The only file that sees all those rooms."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tlbench import __version__
from tlbench.datasets.imagenet import ImageNet
from tlbench.datasets.prepare import open_split
from tlbench.execution.clock import now
from tlbench.execution.job import Finished, Job, Progress
from tlbench.measurement import device, memory
from tlbench.measurement.environment import capture, git_commit
from tlbench.modeling.assemble import Assembled, build, without_top
from tlbench.modeling.counting import count, count_original
from tlbench.results.record import Accuracy, Epoch, Provenance, Record
from tlbench.training.evaluate import Predicted, accuracy, predict, predict_imagenet
from tlbench.training.fit import fit

Send = Callable[[Any], None]
ORIGINAL_CLASSES = 1000


@dataclass
class Phases:
    """Wall seconds of each phase, and word of it to the parent when one begins."""

    send: Send
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Time what happens inside, as phase `name`."""
        self.send(Progress(phase=name))
        begin = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - begin


@dataclass(frozen=True)
class Outcome:
    """What training and evaluation gave; nothing where neither happened."""

    history: tuple[Epoch, ...] = ()
    accuracy: Accuracy | None = None
    predicted: Predicted | None = None


def run_cell(job: Job, send: Send) -> Finished:
    """Train and evaluate one cell. Tells `send` of each phase and epoch. Step times are taken later, in turns.

    Raises UserError for input that cannot work (an image too small for the backbone, weights of another model).
    """
    cell, phases, started = job.cell, Phases(send), now()
    start = memory.resident()
    hardware = device.describe()
    with phases("build"):
        classes = len(job.data.classes) if job.data else ORIGINAL_CLASSES
        assembled = build(cell, classes, job.weights_path)
        if cell.train:
            counts = count(assembled)
        else:
            counts = count_original(assembled, without_top(cell.backbone, cell.strategy, cell.image_size))
    if isinstance(job.data, ImageNet):
        outcome = _evaluate(job.data, job, assembled, phases)
    else:
        outcome = _train(job, assembled, device.use_jit(cell, hardware["kind"]), phases, send)
    record = Record(
        cell_id=cell.id,
        cell=cell,
        status="ok",
        environment=capture(hardware),
        provenance=Provenance(tlbench=__version__, git_commit=git_commit(), started=started, finished=now()),
        data=job.data.provenance() if job.data else None,
        weights=job.weights,
        counts=counts,
        accuracy=outcome.accuracy,
        history=outcome.history,
        phases=phases.seconds,
        memory=memory.measure(assembled.model, start),
        nondeterministic=device.nondeterministic(hardware["kind"]),
    )
    return Finished(record, (outcome.predicted.probabilities, outcome.predicted.labels) if outcome.predicted else None)


def _train(job: Job, assembled: Assembled, jit: bool, phases: Phases, send: Send) -> Outcome:
    cell, model = job.cell, assembled.model
    if job.data is None:
        return Outcome()
    assert cell.train is not None
    assert not isinstance(job.data, ImageNet)

    def on_epoch(entry: Epoch) -> None:
        send(Progress(phase="train", epoch=entry.epoch, val_accuracy=entry.val_accuracy))

    with phases("train"):
        train, validation = open_split(job.data.splits["train"]), open_split(job.data.splits["validation"])
        fitted = fit(model, cell, train, validation, jit, on_epoch)
    with phases("evaluate"):
        images, labels = open_split(job.data.splits["test"])
        predicted = predict(model, images, labels, cell.train.batch_size)
        scores = accuracy(predicted, job.data.classes, fitted.history[fitted.kept])
    return Outcome(fitted.history, scores, predicted)


def _evaluate(data: ImageNet, job: Job, assembled: Assembled, phases: Phases) -> Outcome:
    with phases("evaluate"):
        predicted = predict_imagenet(assembled.model, data, job.cell)
        return Outcome((), accuracy(predicted, data.classes, None), predicted)

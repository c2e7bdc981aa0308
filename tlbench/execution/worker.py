"""What a child does with one cell: build, train, evaluate, measure. The only file that sees all those rooms."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras

from tlbench import __version__
from tlbench.datasets.prepare import open_split
from tlbench.execution.clock import now
from tlbench.execution.job import Finished, Job, Progress
from tlbench.measurement import device, steps
from tlbench.measurement.environment import capture, git_commit
from tlbench.modeling.assemble import build
from tlbench.modeling.counting import count
from tlbench.results.record import Epoch, Provenance, Record, Timings
from tlbench.suite.cell import Cell, Timing
from tlbench.training.evaluate import accuracy, predict
from tlbench.training.fit import fit

Send = Callable[[Any], None]


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
class FirstCalls:
    """Seconds of the first steps that have already happened; None where that step is still to come."""

    inference: float
    training: float | None


def run_cell(job: Job, send: Send) -> Finished:
    """Train, evaluate and measure one cell. Tells `send` of each phase and epoch.

    Raises UserError for input that cannot work (an image too small for the backbone, weights of another model).
    """
    cell, phases, started = job.cell, Phases(send), now()
    hardware = device.describe()
    jit = device.use_jit(cell, hardware["kind"])

    def on_epoch(entry: Epoch) -> None:
        send(Progress(phase="train", epoch=entry.epoch, val_accuracy=entry.val_accuracy))

    with phases("build"):
        assembled = build(cell, len(job.data.classes), job.weights_path)
        model = assembled.model
        counts = count(assembled)
    with phases("train"):
        train, validation = open_split(job.data.splits["train"]), open_split(job.data.splits["validation"])
        fitted = fit(model, cell, train, validation, jit, on_epoch)
    with phases("evaluate"):
        images, labels = open_split(job.data.splits["test"])
        predicted = predict(model, images, labels, cell.train.batch_size)
        scores = accuracy(predicted.probabilities, labels, job.data.classes, fitted.history[fitted.kept])
    timings = None
    if cell.timing:
        with phases("measure"):
            training = None if cell.train.augmentation else fitted.first_step
            firsts = FirstCalls(inference=predicted.first_step, training=training)
            timings = _measure(model, cell, cell.timing, hardware, jit, firsts)
    record = Record(
        cell_id=cell.id,
        cell=cell,
        status="ok",
        environment=capture(hardware),
        provenance=Provenance(tlbench=__version__, git_commit=git_commit(), started=started, finished=now()),
        data=job.data.provenance(),
        weights=job.weights,
        counts=counts,
        accuracy=scores,
        history=fitted.history,
        timings=timings,
        phases=phases.seconds,
        peak_memory_bytes=_peak_memory(),
    )
    return Finished(record, predicted.probabilities, labels)


def _measure(
    model: keras.Model, cell: Cell, timing: Timing, hardware: dict[str, str], jit: bool, firsts: FirstCalls
) -> Timings:
    images = device.random_batch(model, timing.batch_size, cell.seed)
    labels = device.random_labels(model, timing.batch_size, cell.seed)
    taken = steps.measure(
        {
            "inference": steps.Step(device.inference_step(model, images), firsts.inference),
            "training": steps.Step(device.training_step(model, images, labels), firsts.training),
        },
        timing,
    )
    return Timings(
        device="gpu" if hardware["kind"] == "gpu" else "cpu",
        device_name=hardware["name"],
        jit=jit,
        protocol=timing.protocol,
        inference=taken["inference"],
        training=taken["training"],
    )


def _peak_memory() -> int | None:
    """The kernel's high-water mark of this process in bytes; None where there is no /proc."""
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    for line in status.read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None

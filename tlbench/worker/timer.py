"""What a child does in the timing phase: build one model, then time its steps whenever it is its turn."""

from collections.abc import Callable
from typing import Any

import keras

from tlbench.core.cell import Cell, Named
from tlbench.execution.child import Channel
from tlbench.host import gpu
from tlbench.host.environment import capture
from tlbench.host.resources import usable_cores
from tlbench.measuring.hosts import WARM_UP, Pace, Participant, Ready, Turned
from tlbench.measuring.jobs import CpuReferenceJob, DeployedJob, ModelJob, ReferenceJob, StepJob, TimerJob
from tlbench.measuring.steps import StepTimer
from tlbench.modeling.assemble import build
from tlbench.training.compiling import compile_model
from tlbench.training.rates import multiples_of
from tlbench.worker import device, memory, peak, reference, settings
from tlbench.worker.deployment import DeployedTimer

DONE = None


class ModelTimer:
    """One model and its steps, in this process. Its weights are random: the time of a step does not depend on them."""

    def __init__(self, job: ModelJob) -> None:
        cell, start = job.cell, memory.anonymous()
        hardware = device.describe()
        self._on_gpu, self._card = hardware["kind"] == "gpu", hardware.get("card", "")
        jit = device.use_jit(cell, hardware["kind"])
        assembled = build(cell, job.classes, None)
        model, most = assembled.model, assembled.most
        compile_model(model, cell, jit, multiples_of(assembled, most, model) if most else ())
        # Low-rank factors are merged when training is over: a user predicts with the backbone as it was built.
        plain = model if assembled.part.rank is None else merged(cell, job.classes, jit)
        models = {"training": model, "inference": plain}
        self._timers = [StepTimer(make_call(models[step.step], step, cell.seed)) for step in job.steps]
        self._timing = job.timing
        warm_up = None if self._on_gpu else job.timing  # others are being built for the same GPU at this moment
        opened = tuple(memory.of_opening(timer, warm_up, start) for timer in self._timers)
        self.ready = Ready(
            device=hardware,
            environment=capture(hardware),
            jit=jit,
            threads=usable_cores(),
            calls=device.calls(),
            opened=opened,
            resident=memory.resident(),
            device_memory=memory.device_peak(),
            arithmetic=device.arithmetic() if self._on_gpu else {},
        )

    def turn(self, index: int, pace: Pace) -> Turned:
        """Seconds of the counted calls of step `index` of the job, or of its warm-up."""
        timer = self._timers[index]
        if pace == WARM_UP:
            return Turned(samples=timer.warm_up(self._timing))
        samples = timer.turn(pace)
        return Turned(samples=samples, gpu=gpu.state(self._card) if self._on_gpu else None)

    def close(self) -> None:
        """Nothing to do: the process ends, or lives on for a debugger."""


def merged(cell: Cell, classes: int, jit: bool) -> keras.Model:
    """The model of a cell without the low-rank factors of its training, to predict with."""
    model = build(cell.model_copy(update={"strategy": Named(name="frozen")}), classes, None).model
    model.compile(optimizer=None, jit_compile=jit)
    return model


class ReferenceTimer:
    """The reference workload, as one that takes turns."""

    def __init__(self) -> None:
        hardware = device.describe()
        self._run = reference.workload(hardware["kind"])
        self.ready = Ready(
            device=hardware,
            environment=capture(hardware),
            jit=False,
            threads=usable_cores(),
            resident=memory.resident(),
            workload=reference.VERSION,
            peak=peak.of_matrix_products() if hardware["kind"] == "gpu" else {},
        )

    def turn(self, index: int, pace: Pace) -> Turned:
        """Seconds of one reading."""
        del index, pace
        return Turned(samples=(self._run(),))

    def close(self) -> None:
        """Nothing to do."""


def open_timer(job: TimerJob) -> Participant:
    """Build what `job` names."""
    settings.set_all()
    if isinstance(job, CpuReferenceJob | DeployedJob):
        device.hide_gpus()
    if isinstance(job, ReferenceJob):
        return ReferenceTimer()
    return DeployedTimer(job) if isinstance(job, DeployedJob) else ModelTimer(job)


def serve(job: TimerJob, channel: Channel) -> None:
    """Say `Ready`, then answer each step (index, pace) with the samples of a turn, until `DONE` comes."""
    timer = open_timer(job)
    channel(timer.ready)
    while (asked := channel.receive()) is not DONE:
        channel(timer.turn(*asked))


def make_call(model: Any, step: StepJob, seed: int) -> Callable[[], object]:
    """The Keras call that is timed: one batch of random images on the device, its result awaited."""
    images = device.random_batch(model, step.batch_size, seed)
    if step.step == "inference":
        return device.inference_step(model, images)
    return device.training_step(model, images, device.random_labels(model, step.batch_size, seed))

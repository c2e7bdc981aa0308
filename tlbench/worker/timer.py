"""The child process of the timing phase: build a model, then time its steps whenever it is asked to."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import keras

from tlbench.core.cell import Cell, Named
from tlbench.core.plugin_code import Code
from tlbench.execution.conversation import Channel
from tlbench.execution.plugins import Plugins
from tlbench.host import gpu
from tlbench.host.environment import capture
from tlbench.host.resources import usable_cores
from tlbench.measuring.hosts import WARM_UP, Opened, Pace, Participant, Ready, Turned
from tlbench.measuring.jobs import CpuReferenceJob, DeployedJob, ModelJob, ReferenceJob, StepJob, TimerJob
from tlbench.measuring.steps import StepTimer
from tlbench.modeling.assemble import Assembled, build
from tlbench.modeling.initial_weights import any_initial_weights
from tlbench.strategies import registry as strategies
from tlbench.training.compiling import compile_model
from tlbench.training.rates import multiples_of
from tlbench.worker import device, memory, peak, reference, settings
from tlbench.worker.deployment import DeployedTimer

DONE = None


class ModelTimer:
    """Times the steps of a model in this process. Weights are random, because step times do not depend on them.

    Each step is opened before the model of the next one is made, inference first (see `measuring.jobs.steps_of`), so
    that the memory of inference is that of a process that only predicts.
    """

    def __init__(self, job: ModelJob) -> None:
        start, hardware, code = memory.anonymous(), device.describe(), Plugins().of(job.cell)
        self._on_gpu, self._card = hardware["kind"] == "gpu", hardware.get("card", "")
        models = _Models(job, device.use_jit(job.cell, hardware["kind"]))
        self._timers, self._timing, opened = list[StepTimer](), job.timing, list[Opened]()
        warm_up = None if self._on_gpu else job.timing  # later on a GPU, where other models are being built meanwhile
        for step in job.steps:
            model = models.inference if step.step == "inference" else models.training
            self._timers.append(StepTimer(make_call(model, step, job.cell.seed)))
            opened.append(memory.of_opening(self._timers[-1], warm_up, start))
        self.ready = Ready(
            device=hardware,
            environment=capture(hardware, code),
            jit=models.jit,
            threads=usable_cores(),
            calls=device.calls(),
            opened=tuple(opened),
            resident=memory.resident(),
            device_memory=memory.device_peak(),
            arithmetic=device.arithmetic() if self._on_gpu else {},
        )

    def turn(self, index: int, pace: Pace) -> Turned:
        """Take a turn of step `index`, or warm it up for the pace `WARM_UP`."""
        timer = self._timers[index]
        if pace == WARM_UP:
            return Turned(samples=timer.warm_up(self._timing))
        samples = timer.turn(pace)
        return Turned(samples=samples, gpu=gpu.state(self._card) if self._on_gpu else None)

    def close(self) -> None:
        """Do nothing: memory is freed when the process ends."""


class _Models:
    """The models for inference and training, which share their layers. Each is made when it is first used."""

    def __init__(self, job: ModelJob, jit: bool) -> None:
        self._cell, self._classes, self.jit = job.cell, job.classes, jit

    @cached_property
    def inference(self) -> keras.Model:
        """The model without optimizer, and without low-rank factors, which are merged at the end of training."""
        named = self._cell.strategy
        if strategies.make(named.name, named.args).adapts or self._assembled.part.rank is not None:
            whole = self._built(self._cell.model_copy(update={"strategy": Named(name="frozen")})).model
        else:
            whole = self._assembled.model
        model = keras.Model(whole.inputs[0], whole.outputs[0], name="inference")
        model.compile(optimizer=None, jit_compile=self.jit)
        return model

    @cached_property
    def training(self) -> keras.Model:
        """The model with optimizer and its state, and with the learning rates of the phase that trains most."""
        assembled, most = self._assembled, self._assembled.most
        multiples = multiples_of(assembled, most, assembled.model) if most else ()
        compile_model(assembled.model, self._cell, self.jit, multiples)
        return assembled.model

    @cached_property
    def _assembled(self) -> Assembled:
        return self._built(self._cell)

    def _built(self, cell: Cell) -> Assembled:
        with any_initial_weights():
            return build(cell, self._classes, None)


class ReferenceTimer:
    """The reference workload as a participant that takes turns."""

    def __init__(self) -> None:
        hardware = device.describe()
        self._run = reference.workload(hardware["kind"])
        self.ready = Ready(
            device=hardware,
            environment=capture(hardware, Code()),  # plugins have no part in it
            jit=False,
            threads=usable_cores(),
            resident=memory.resident(),
            workload=reference.VERSION,
            peak=peak.of_matrix_products() if hardware["kind"] == "gpu" else {},
        )

    def turn(self, index: int, pace: Pace) -> Turned:
        """Take a reading."""
        del index, pace
        return Turned(samples=(self._run(),))

    def close(self) -> None:
        """Do nothing."""


def open_timer(job: TimerJob) -> Participant:
    """Build the model, or the reference workload, of a job."""
    settings.set_all()
    if isinstance(job, CpuReferenceJob | DeployedJob):
        device.hide_gpus()
    if isinstance(job, ReferenceJob):
        return ReferenceTimer()
    return DeployedTimer(job) if isinstance(job, DeployedJob) else ModelTimer(job)


def serve(job: TimerJob, channel: Channel) -> None:
    """Build the model and send `Ready`, then answer each request (index, pace) with a `Turned`, until `DONE`."""
    timer = open_timer(job)
    channel(timer.ready)
    while (request := channel.receive()) is not DONE:
        channel(timer.turn(*request))


def make_call(model: Any, step: StepJob, seed: int) -> Callable[[], object]:
    """The call to time: a step on one batch of random images, which are on the device already."""
    images = device.random_batch(model, step.batch_size, seed)
    if step.step == "inference":
        return device.inference_step(model, images)
    return device.training_step(model, images, device.random_labels(model, step.batch_size, seed))

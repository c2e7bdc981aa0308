"""Export a trained model to a runtime, evaluate it on the test images, and time it."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tlbench.core.image_size import height_width
from tlbench.execution.runtimes import KERAS, RUNTIMES, Exported, ToExport
from tlbench.host.environment import capture
from tlbench.host.resources import usable_cores
from tlbench.measuring.hosts import Pace, Ready, Turned
from tlbench.measuring.jobs import DeployedJob
from tlbench.measuring.steps import StepTimer
from tlbench.training.batches import in_order
from tlbench.training.evaluate import of_each_class
from tlbench.worker import device, memory, settings
from tlbench.worker.engines import Engine, Run, engine_of
from tlbench.worker.kept_model import open_model

BATCH = 32


def export(request: ToExport, send: Any) -> Exported:
    """Export a saved model to a runtime, and predict the images with the result. For Keras nothing is exported.

    Raises:
        UserError: the saved model cannot be opened safely.
        Exception: whatever a converter or a runtime raises for a model that it does not support.
    """
    del send
    settings.set_all()
    device.hide_gpus()
    engine = engine_of(request.runtime, request.backbone)
    files: tuple[Path, ...] = (request.model,)
    if request.runtime != KERAS:
        files = tuple(Path(f"{request.into}{ending}") for ending in RUNTIMES[request.runtime].endings)
        engine.write(open_model(request.model, request.backbone), files[0])
    return Exported(files, probabilities(engine.open(files[0], BATCH, usable_cores()), request))


def probabilities(run: Run, request: ToExport) -> NDArray[np.float32]:
    """The class probabilities of all images (N, classes)."""
    images, _ = request.images.open(1.0)
    batches = in_order([images], BATCH)
    return of_each_class(np.concatenate([run(np.asarray(x, np.float32))[:count] for x, count in batches]))


class DeployedTimer:
    """Times a trained model in one runtime, in this process.

    A step takes images in memory, the same random ones for all runtimes, and ends when the outputs are available.
    """

    def __init__(self, job: DeployedJob) -> None:
        start, hardware = memory.anonymous(), device.describe()
        engine, threads = engine_of(job.runtime, job.cell.backbone.name), usable_cores()
        shape = (*height_width(job.cell.image_size), 3)
        self._timers = [_timer(engine, job, step.batch_size, shape, threads) for step in job.steps]
        environment = capture(hardware)
        self.ready = Ready(
            device=hardware,
            environment=environment.model_copy(update={"versions": environment.versions | engine.versions()}),
            jit=False,
            threads=threads,
            opened=tuple(memory.of_opening(timer, job.timing, start) for timer in self._timers),
            resident=memory.resident(),
        )

    def turn(self, index: int, pace: Pace) -> Turned:
        """As `Participant.turn`."""
        return Turned(samples=self._timers[index].turn(pace))

    def close(self) -> None:
        """Do nothing: memory is freed when the process ends."""


def _timer(engine: Engine, job: DeployedJob, batch_size: int, shape: tuple[int, int, int], threads: int) -> StepTimer:
    random = np.random.default_rng(job.cell.seed)
    images = random.integers(0, 256, (batch_size, *shape), dtype=np.uint8).astype(np.float32)
    run = engine.open(Path(job.file), batch_size, threads)
    return StepTimer(lambda: run(images))

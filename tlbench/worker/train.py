"""Run the cells of a group in a child process: build, train, evaluate, and make a record of each."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import keras

from tlbench.backbones import registry as backbones
from tlbench.core.cell import ORIGINAL_CLASSES
from tlbench.core.clock import now
from tlbench.core.version import __version__
from tlbench.execution.job import Finished, Group, Job, Progress
from tlbench.execution.plugins import Plugins
from tlbench.execution.resume import has_model
from tlbench.host.allocator import keep_memory, usage
from tlbench.host.environment import capture, git_commit, machine
from tlbench.modeling.assemble import build, without_top
from tlbench.modeling.counting import count, count_original, with_kept
from tlbench.results.measured import Usage
from tlbench.results.predictions import ARRAYS, Evaluated
from tlbench.results.record import Accuracy, Counts, Provenance, Record
from tlbench.results.trained import Epoch, Search, TrainedPhase
from tlbench.training.evaluate import Predicted, accuracy, predict
from tlbench.worker import device, memory, settings
from tlbench.worker.bench import Bench
from tlbench.worker.kept_model import keep_model

Send = Callable[[Any], None]
EVALUATION_BATCH = 32


@dataclass
class Phases:
    """Measures the wall time and resource usage of each phase of the work, and tells the parent when one begins."""

    send: Send
    seconds: dict[str, float] = field(default_factory=dict)
    usage: dict[str, Usage] = field(default_factory=dict)

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Measure the ``with`` block as phase `name`; several blocks of one phase are added up."""
        self.send(Progress(phase=name))
        begin, before = time.perf_counter(), usage()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begin
        cost = usage().since(before)
        self.usage[name] = self.usage[name] + cost if name in self.usage else cost


@dataclass(frozen=True)
class CellResult:
    """The result of one cell.

    Attributes:
        model: the model.
        counts: its parameters and the like.
        slots: the optimizer's variables.
        along: variables that were trained along and are not part of the model.
        training: the phases of training.
        history: the epochs.
        search: the grid search, if there was one.
        accuracy: the test accuracy; None where nothing was evaluated.
        predicted: the predictions by split.
    """

    model: keras.Model
    counts: Counts
    slots: Sequence[keras.Variable] = ()
    along: Sequence[keras.Variable] = ()
    training: tuple[TrainedPhase, ...] = ()
    history: tuple[Epoch, ...] = ()
    search: Search | None = None
    accuracy: Accuracy | None = None
    predicted: Mapping[Evaluated, Predicted] = field(default_factory=dict)


def run_group(group: Group, send: Send) -> None:
    """Train and evaluate the cells of a group one after the other. Step times are measured later.

    Args:
        group: the cells.
        send: receives `Progress` for each phase and epoch, and `Finished` for each cell.

    Raises:
        UserError: the input cannot work, e.g. an image is too small for the backbone or weights are another model's.
    """
    if group.share is not None:
        machine()  # cached: records describe the whole machine, not the share of it
        group.share.take()
    allocator = keep_memory() if group.keeps_memory else None
    settings.set_all()
    hardware = device.describe()
    plugins = Plugins()
    code = [plugins.of(job.cell) for job in group.jobs]  # before training, while files are those that were imported
    trained = _Trained(group, device.use_jit(group.jobs[0].cell, hardware["kind"]), send)
    for job, of in zip(group.jobs, code, strict=True):
        counter = memory.forget_peak()
        phases, started, start = Phases(send), now(), memory.resident()
        result = trained.run(job, phases, counter) if job.cell.kind == "trained" else _original(job, phases)
        peaks = counter.peaks().or_those(trained.set_up)
        used = memory.measure(result.model, result.slots, peaks, start, result.along, allocator, trained.passed)
        saved_model = None
        if group.models and has_model(job.cell):
            with phases("save"):
                saved_model = keep_model(result.model, group.models, job.of.id)
        record = Record(
            cell_id=job.cell.id,
            cell=job.cell,
            status="ok",
            environment=capture(hardware, of),
            provenance=Provenance(tlbench=__version__, git_commit=git_commit(), started=started, finished=now()),
            data=job.data.provenance() if job.data else None,
            weights=job.weights,
            counts=result.counts,
            accuracy=result.accuracy,
            history=result.history,
            phases=phases.seconds,
            usage=phases.usage,
            memory=used,
            path=result.training[-1].path if result.training else None,
            training=result.training,
            search=result.search,
            saved_model=saved_model,
            nondeterministic=device.nondeterministic(hardware["kind"]),
        )
        predictions = {
            split: (predicted.probabilities, predicted.labels) for split, predicted in result.predicted.items()
        }
        send(Finished(record, predictions))


class _Trained:
    """Trains the cells of a group with one model, which the first cell builds.

    `set_up` has the peaks until model and features were there. They count for all cells, which need them as the first
    one does: otherwise the memory of a cell would depend on which of them came first. `passed` says whether features
    were computed; None if none are used.
    """

    def __init__(self, group: Group, jit: bool, send: Send) -> None:
        self._group, self._jit, self._send = group, jit, send
        self._bench: Bench | None = None
        self._counts: Counts | None = None
        self.set_up = memory.Peaks()
        self.passed: bool | None = None

    def run(self, job: Job, phases: Phases, counter: memory.PeakCounter) -> CellResult:
        """Train one cell and evaluate it; `counter` counts since the cell began."""
        cell = job.cell
        bench, counts = self._set_up(job, phases, counter)
        with phases("train"):
            trained = bench.train(job, self._on_epoch)
        if bench.searched:
            counts = with_kept(counts, *bench.searched)
        with phases("evaluate"):
            predicted = {split: bench.predict(split, cell.training.batch_size) for split in ARRAYS}
            scores = accuracy(predicted["test"], job.images.classes, trained.validation)
            scores = scores.model_copy(update={"resampled": bench.resampled(job, trained)})
        return CellResult(
            bench.assembled.model,
            counts,
            bench.slots,
            bench.along,
            trained.phases,
            trained.history,
            trained.search,
            scores,
            predicted,
        )

    def _set_up(self, job: Job, phases: Phases, counter: memory.PeakCounter) -> tuple[Bench, Counts]:
        if self._bench is None or self._counts is None:
            with phases("build"):
                assembled = build(job.cell, len(job.images.classes), job.weights_path)
                self._counts = count(assembled)  # before the model is cut, which calls its layers again
            with phases("features"):
                self._bench = Bench(assembled, self._group, self._jit)
            self.set_up, self.passed = counter.peaks(), self._bench.passed
        else:
            with phases("build"):
                self._bench.renew(job)
        return self._bench, self._counts

    def _on_epoch(self, entry: Epoch) -> None:
        self._send(Progress(phase="train", epoch=entry.epoch, val_accuracy=entry.val_accuracy))


def _original(job: Job, phases: Phases) -> CellResult:
    """Count an original classifier, and evaluate it if there are images."""
    cell = job.cell
    with phases("build"):
        assembled = build(cell, ORIGINAL_CLASSES, job.weights_path)
        counts = count_original(assembled, without_top(cell.backbone, cell.strategy, cell.image_size))
    if job.data is None:
        return CellResult(assembled.model, counts)
    with phases("evaluate"):
        images, labels = job.data.splits["test"].open(backbones.get(cell.backbone.name).crop)
        predicted = predict(assembled.model, [images], labels, EVALUATION_BATCH)
        scores = accuracy(predicted, job.data.classes, None)
    return CellResult(assembled.model, counts, accuracy=scores, predicted={"test": predicted})

"""One model through the cells of a group: built and traced once, cut where that helps, trained anew for each cell."""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np

from tlbench.execution.job import Group, Job, Keep
from tlbench.modeling.assemble import Assembled, FirstWeights, head_of
from tlbench.modeling.counting import count_part
from tlbench.modeling.freezing import phases_of
from tlbench.results.record import Epoch, TrainedPhase, TrainingPath
from tlbench.results.store import Evaluated
from tlbench.strategies.base import Phase
from tlbench.training.batches import Arrays
from tlbench.training.evaluate import Predicted, predict
from tlbench.training.fused_norm import fuse_normalization
from tlbench.training.head import accuracies_of_resamples, solve_head
from tlbench.training.solvers.base import Head
from tlbench.training.solvers.registry import SOLVERS
from tlbench.training.trainer import OnEpoch
from tlbench.worker.stage import Stage, stages

SPLITS = ("train", "validation", "test")
WHOLE = 1.0


@dataclass(frozen=True)
class Trained:
    """What training gave. kept: the index in `history` of the epoch whose weights the model has now."""

    history: tuple[Epoch, ...]
    kept: int
    phases: tuple[TrainedPhase, ...]


class Bench:
    """The stages of the phases of one model, which the cells of a group go through one after the other."""

    def __init__(self, assembled: Assembled, group: Group, jit: bool) -> None:
        """Cut the model where that helps, with the features of all splits read or computed; else take it whole."""
        if not jit:
            fuse_normalization(assembled.model)
        self.assembled = assembled
        # As large as the model, so kept only where another cell follows.
        self._first = FirstWeights(assembled) if len(group.jobs) > 1 else None
        images: dict[str, Arrays] = {}
        for name in SPLITS:
            pictures, labels = group.jobs[0].images.splits[name].open(WHOLE)
            images[name] = ([np.asarray(pictures)], labels)
        self._aside = tempfile.TemporaryDirectory(prefix="tlbench-features-")
        aside = Keep(Path(self._aside.name), 2**63)
        self._stages: Sequence[Stage] = stages(assembled, group, jit, images, aside)
        self._search: Head | None = None

    def predict(self, name: Evaluated, batch_size: int) -> Predicted:
        """What was trained last predicts a split."""
        last = self._stages[-1]
        inputs, labels = last.splits[name]
        if self._search is not None:
            return Predicted(self._search.probabilities(np.asarray(inputs[0], np.float32)), labels)
        return predict(last.model, inputs, labels, batch_size)

    @property
    def slots(self) -> list[keras.Variable]:
        """The optimizer's own variables in the last phase; none where the head was solved."""
        trainer = self._stages[-1].trainer
        return trainer.slots if trainer else []

    def renew(self, job: Job) -> None:
        """Make the model as it would be if it were built for the next cell; its features are there already.

        Raises ValueError for a group that was to have one cell.
        """
        if self._first is None:
            raise ValueError("the first weights were not kept: no other cell was to follow")
        self._first.restore(job.cell.head, len(job.images.classes), job.cell.seed)
        kept = {"computed": 0, "rebuilt": (), "forward": None}
        self._stages = [replace(stage, path=stage.path.model_copy(update=kept)) for stage in self._stages]

    def train(self, job: Job, on_epoch: OnEpoch) -> Trained:
        """Go through all phases."""
        history: list[Epoch] = []
        phases: list[TrainedPhase] = []
        kept = -1
        cell = job.cell
        phases_of_cell = phases_of(self.assembled.backbone, cell.strategy, cell.training, cell.head)
        for stage, phase in zip(self._stages, phases_of_cell, strict=True):
            self.assembled.freezing.freeze(phase.frozen)
            begin = time.perf_counter()
            if stage.trainer is None:
                epoch, told = self._solve(stage, phase, job)
                history, kept = [*history, epoch], len(history)
            else:
                start = history[kept] if history else None
                fitted = stage.trainer.fit(cell, phase, stage.train, stage.splits["validation"], on_epoch, start)
                kept = len(history) + fitted.kept if fitted.kept >= 0 else kept
                history += fitted.history
                told = self._told(phase, stage.path.model_copy(update={"step": fitted.step}))
            phases.append(told.model_copy(update={"seconds": time.perf_counter() - begin}))
        return Trained(tuple(history), kept, tuple(phases))

    def resampled(self, job: Job, trained: Trained) -> tuple[float, ...]:
        """Test accuracies on resamples of the training images; none where anything but a solved head was trained."""
        phase = trained.phases[-1]
        if phase.chosen is None:
            return ()
        train, validation, test = (self._stages[-1].splits[name] for name in SPLITS)
        classes, setting = len(job.images.classes), phase.tried[phase.chosen].setting
        return accuracies_of_resamples(SOLVERS[phase.solver](), train, validation, test, classes, setting)

    def _solve(self, stage: Stage, phase: Phase, job: Job) -> tuple[Epoch, TrainedPhase]:
        begin, data = time.perf_counter(), job.images
        last, solver = head_of(self.assembled)[-1], SOLVERS[phase.solver]()
        train, validation = stage.splits["train"], stage.splits["validation"]
        solved = solve_head(solver, last, train, validation, len(data.classes), job.cell.head.output)
        self._search = solved.search
        told = self._told(phase, stage.path).model_copy(update={"tried": solved.tried, "chosen": solved.chosen})
        return solved.epoch(time.perf_counter() - begin), told

    def _told(self, phase: Phase, path: TrainingPath) -> TrainedPhase:
        return TrainedPhase(
            name=phase.name,
            solver=phase.solver,
            frozen=phase.frozen,
            trainable=count_part([self.assembled.model]).trainable,
            epochs=phase.epochs,
            learning_rate=phase.learning_rate,
            batch_norm=phase.batch_norm,
            path=path,
        )

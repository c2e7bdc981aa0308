"""Train one model for all cells of a group: built and traced once, and reset and trained for each cell."""

import math
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path

import keras
import numpy as np

from tlbench.core.training import Training
from tlbench.datasets.names import SPLITS
from tlbench.execution.job import Group, Job, Keep
from tlbench.modeling.adapters import merge
from tlbench.modeling.assemble import Assembled, FirstWeights, head_of
from tlbench.modeling.counting import count_part
from tlbench.modeling.freezing import phases_of
from tlbench.modeling.wording import trained_part
from tlbench.results.predictions import Evaluated
from tlbench.results.trained import Epoch, Search, Setting, TrainedPhase, TrainingPath, Trial
from tlbench.strategies.base import Phase
from tlbench.training.batches import Arrays
from tlbench.training.best import score_of
from tlbench.training.callbacks import OnEpoch
from tlbench.training.depthwise import use_depthwise
from tlbench.training.evaluate import DivergedError, Predicted, balanced_weights, predict
from tlbench.training.fused_norm import fuse_normalization
from tlbench.training.head import SolvedHead, accuracies_of_resamples, solve_head
from tlbench.training.solvers.base import Head, HeadSolver
from tlbench.training.solvers.linear import Linear
from tlbench.training.solvers.neighbours import VotingHead
from tlbench.training.solvers.registry import solver_of
from tlbench.training.trainer import Fitted
from tlbench.worker.stage import Stage, stages

WHOLE = 1.0


@dataclass(frozen=True)
class Trained:
    """The result of a training so far.

    Attributes:
        history: the epochs.
        kept: the index in `history` of the epoch whose weights the model has now. If weights were combined, they belong
            to no epoch, and the last phase has their validation metrics.
        phases: the phases that are done.
        search: the grid search, if there was one.
    """

    history: tuple[Epoch, ...] = ()
    kept: int = -1
    phases: tuple[TrainedPhase, ...] = ()
    search: Search | None = None

    @property
    def validation(self) -> Epoch | Setting:
        """The validation metrics of the weights that the model has now."""
        last = self.phases[-1]
        return self.history[self.kept] if last.chosen is None else last.tried[last.chosen]


class Bench:
    """A model with its stages, which trains the cells of a group one after the other.

    Making it cuts the model where that helps, and reads or computes the features of all splits.

    Args:
        assembled: the model.
        group: the cells.
        jit: whether to compile with XLA or the like.
    """

    def __init__(self, assembled: Assembled, group: Group, jit: bool) -> None:
        if not jit:
            fuse_normalization(assembled.model)
            use_depthwise(assembled.model)
        self.assembled = assembled
        # As large as the model, so kept only if another cell follows.
        self._first = FirstWeights(assembled) if len(group.jobs) > 1 else None
        images: dict[str, Arrays] = {}
        for name in SPLITS:
            pictures, labels = group.jobs[0].images.splits[name].open(WHOLE)
            images[name] = ([np.asarray(pictures)], labels)
        self._aside = tempfile.TemporaryDirectory(prefix="tlbench-features-")
        aside = Keep(Path(self._aside.name), 2**63)
        self._stages: Sequence[Stage] = stages(assembled, group, jit, images, aside)
        self._search: Head | None = None
        self._solved: dict[tuple[int, HeadSolver, str], SolvedHead] = {}

    def predict(self, name: Evaluated, batch_size: int) -> Predicted:
        """Predict a split with the model, or the search, that was trained last."""
        last = self._stages[-1]
        inputs, labels = last.splits[name]
        if self._search is not None:
            return Predicted(self._search.probabilities(np.asarray(inputs[0], np.float32)), labels)
        return predict(last.model, inputs, labels, batch_size)

    @property
    def passed(self) -> bool | None:
        """Whether images have gone through frozen layers since the last `renew`; None if no features are used."""
        paths = [stage.path for stage in self._stages if not stage.path.whole]
        return any(path.computed for path in paths) if paths else None

    @property
    def searched(self) -> tuple[int, int] | None:
        """The shape (images, features) of the array that the head searches; None if the head is a layer."""
        return self._search.directions.shape if isinstance(self._search, VotingHead) else None

    @property
    def slots(self) -> list[keras.Variable]:
        """The optimizer's own variables in the phase where they are largest; none if the head was solved."""
        return max((stage.trainer.slots for stage in self._stages if stage.trainer), key=_elements, default=[])

    @property
    def along(self) -> list[keras.Variable]:
        """The variables of heads that the last phase trains along with the model."""
        trainer = self._stages[-1].trainer
        return list(trainer.along.head.trainable_variables) if trainer and trainer.along else []

    def renew(self, job: Job) -> None:
        """Reset the model to the weights with which it would be built for the next cell.

        Raises:
            ValueError: the group has only one cell.
        """
        if self._first is None:
            raise ValueError("the initial weights were not kept, because the group has only one cell")
        self._first.restore(job.cell.head, len(job.images.classes), job.cell.seed)
        nothing_computed = {"computed": 0, "rebuilt": (), "forward": None}
        self._stages = [replace(stage, path=stage.path.model_copy(update=nothing_computed)) for stage in self._stages]

    def train(self, job: Job, on_epoch: OnEpoch) -> Trained:
        """Train all phases; with a grid search, once per trial, and keep the best one on the validation split.

        At the end low-rank factors are merged, and the model is frozen as in the phase that trains most.

        Args:
            job: the cell.
            on_epoch: called after each epoch.

        Raises:
            DivergedError: the loss is not finite (in all trials of a grid search).
        """
        trained = self._train(job, on_epoch)
        merge(self.assembled.backbone)
        self.assembled.freezing.freeze(self.assembled.part)
        return trained

    def _train(self, job: Job, on_epoch: OnEpoch) -> Trained:
        tune = job.cell.training.tune
        if tune is not None and tune.varies == "learning_rate":
            return self._try_rates(job, tune.trials, on_epoch)
        trained = self._through(job, self._phases(job.cell.training, job), Trained(), on_epoch)
        if tune is None:
            return trained
        solved = trained.phases[-1]
        assert solved.chosen is not None, "a penalty is tuned only where the head is solved last"
        metrics = {"setting", "val_loss", "val_accuracy"}
        trials = tuple(Trial(**setting.model_dump(include=metrics)) for setting in solved.tried)
        search = Search(varied="l2", trials=trials, chosen=solved.chosen, monitor="val_loss", seconds=solved.seconds)
        return replace(trained, search=search)

    def _try_rates(self, job: Job, rates: Sequence[float], on_epoch: OnEpoch) -> Trained:
        """Try each learning rate from the same weights and with the same seed, and keep the best.

        Phases before the first one that depends on the rate are trained once for all trials. Trials that diverge are
        not chosen.
        """
        begin, training = time.perf_counter(), job.cell.training
        phases_by_rate = [self._phases(training.model_copy(update={"learning_rate": rate}), job) for rate in rates]
        shared = sum(1 for _ in takewhile(lambda same: len(set(same)) == 1, zip(*phases_by_rate, strict=True)))
        start = self._through(job, phases_by_rate[0][:shared], Trained(), on_epoch)
        model, trials = self.assembled.model, list[Trial]()
        initial, best, diverged = model.get_weights(), None, None
        for rate, phases in zip(rates, phases_by_rate, strict=True):
            began = time.perf_counter()
            model.set_weights(initial)
            val_loss = val_accuracy = math.nan
            try:
                trained = self._through(job, phases[shared:], start, on_epoch)
            except DivergedError as error:
                diverged = error
            else:
                val_loss, val_accuracy = trained.validation.val_loss, trained.validation.val_accuracy
                score = score_of(training.monitor, val_loss, val_accuracy)
                if best is None or score < best[0]:
                    best = score, len(trials), trained, model.get_weights()
            seconds = time.perf_counter() - began
            trials.append(Trial(setting=rate, val_loss=val_loss, val_accuracy=val_accuracy, seconds=seconds))
        if best is None:
            assert diverged is not None
            raise diverged
        _, chosen, trained, weights = best
        model.set_weights(weights)
        search = Search(
            varied="learning_rate",
            trials=tuple(trials),
            chosen=chosen,
            monitor=training.monitor,
            seconds=time.perf_counter() - begin,
        )
        return replace(trained, search=search)

    def _phases(self, training: Training, job: Job) -> tuple[Phase, ...]:
        return phases_of(self.assembled.backbone, job.cell.strategy, training, job.cell.head)

    def _through(self, job: Job, phases: Sequence[Phase], start: Trained, on_epoch: OnEpoch) -> Trained:
        """Train `phases`, which follow those of `start`."""
        history, finished, kept = list(start.history), list(start.phases), start.kept
        for stage, phase in zip(self._stages[len(finished) :], phases, strict=False):
            self.assembled.freezing.freeze(phase)
            begin = time.perf_counter()
            if stage.trainer is None:
                epoch, entry = self._solve(stage, phase, job)
                history, kept = [*history, epoch], len(history)
            else:
                before = history[kept] if history else None
                done = sum(epoch.epoch > 0 for epoch in history)  # epoch 0 is a solved head
                validation = stage.splits["validation"]
                fitted = stage.trainer.fit(job.cell, phase, stage.train, validation, on_epoch, before, done)
                kept = len(history) + fitted.kept if fitted.kept >= 0 else kept
                history += fitted.history
                entry = self._entry_of(stage, phase, fitted)
            finished.append(entry.model_copy(update={"seconds": time.perf_counter() - begin}))
        return Trained(tuple(history), kept, tuple(finished))

    def _entry_of(self, stage: Stage, phase: Phase, fitted: Fitted) -> TrainedPhase:
        """The record's entry for a phase of gradient steps."""
        steps = {"step": fitted.step, "step_usage": fitted.usage, "numpy": fitted.numpy}
        path = stage.path.model_copy(update=steps)
        entry = self._entry(phase, path).model_copy(update={"tried": fitted.tried, "chosen": fitted.chosen})
        if stage.trainer and (along := stage.trainer.along):
            trainable = entry.trainable + count_part([along.head]).trainable
            entry = entry.model_copy(update={"trainable": trainable, "calibration": along.calibration})
        return entry

    def resampled(self, job: Job, trained: Trained) -> tuple[float, ...]:
        """Test accuracies on bootstrap resamples of the training images; none unless only a head was solved."""
        phase = trained.phases[-1]
        if phase.solver == "gradient" or phase.chosen is None:
            return ()
        train, validation, test = (self._stages[-1].splits[name] for name in SPLITS)
        classes, setting = len(job.images.classes), phase.tried[phase.chosen].setting
        return accuracies_of_resamples(self._solver(job, phase.solver), train, validation, test, classes, setting)

    def _solve(self, stage: Stage, phase: Phase, job: Job) -> tuple[Epoch, TrainedPhase]:
        begin, data, tune = time.perf_counter(), job.images, job.cell.training.tune
        solver, output = self._solver(job, phase.solver, tune.l2 if tune else ()), job.cell.head.output
        key = id(stage.splits), solver, output  # a solved head depends on nothing else
        if key not in self._solved:
            train, validation = stage.splits["train"], stage.splits["validation"]
            self._solved[key] = solve_head(solver, train, validation, len(data.classes), output)
        solved = self._solved[key]
        solved.give(head_of(self.assembled)[-1])
        self._search = solved.search
        entry = self._entry(phase, stage.path).model_copy(update={"tried": solved.tried, "chosen": solved.chosen})
        return solved.epoch(time.perf_counter() - begin), entry

    def _solver(self, job: Job, name: str, penalties: Sequence[float] = ()) -> HeadSolver:
        solver = solver_of(name, penalties)
        if job.cell.training.class_weight is None or not isinstance(solver, Linear):
            return solver
        labels, classes = self._stages[0].splits["train"][1], len(job.images.classes)
        return replace(solver, class_weights=tuple(balanced_weights(labels, classes).tolist()))

    def _entry(self, phase: Phase, path: TrainingPath) -> TrainedPhase:
        """The record's entry for a phase, without its results."""
        return TrainedPhase(
            name=phase.name,
            solver=phase.solver,
            frozen=phase.frozen,
            trainable=count_part([self.assembled.model]).trainable,
            epochs=phase.epochs,
            learning_rate=phase.learning_rate,
            head_rate=phase.head_rate,
            lowest_rate=min(phase.multiples) * phase.learning_rate if phase.multiples else None,
            rates=_rates(phase),
            trained=trained_part(self.assembled.backbone, phase),
            batch_norm=phase.batch_norm,
            path=path,
        )


def _rates(phase: Phase) -> tuple[tuple[int, float], ...]:
    """The first layer and the learning rate of each run of layers with the same rate; none if all have the same."""
    each = phase.multiples
    firsts = [number for number, multiple in enumerate(each) if number == 0 or multiple != each[number - 1]]
    return tuple((number, each[number] * phase.learning_rate) for number in firsts)


def _elements(variables: Sequence[keras.Variable]) -> int:
    return sum(math.prod(one.shape) for one in variables)

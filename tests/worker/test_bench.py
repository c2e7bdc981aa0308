"""A training goes through its phases; each knows how many epochs of steps lie behind it."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("keras")

import keras

from tests import builders
from tlbench.execution.job import Job
from tlbench.results.trained import Epoch, TrainedPhase, TrainingPath
from tlbench.strategies.base import Phase
from tlbench.training.evaluate import balanced_weights
from tlbench.training.solvers.base import Examples, Solved
from tlbench.training.solvers.linear import Linear
from tlbench.training.trainer import Fitted
from tlbench.worker.bench import Bench, Trained
from tlbench.worker.stage import Stage

PATH = TrainingPath(whole="of a test")


def epoch(number: int) -> Epoch:
    return Epoch(epoch=number, loss=1, accuracy=0, val_loss=1, val_accuracy=0, learning_rate=0, seconds=0)


def told(phase: Phase, path: TrainingPath = PATH) -> TrainedPhase:
    return TrainedPhase(
        name=phase.name, solver=phase.solver, frozen=0, trainable=1, epochs=phase.epochs, learning_rate=0,
        batch_norm="inference", path=path,
    )  # fmt: skip


class Early:
    """A trainer that stops an epoch before the last."""

    along = None

    def __init__(self) -> None:
        self.done = list[int]()

    def fit(self, cell: Any, phase: Phase, *given: Any) -> Fitted:
        self.done.append(given[-1])
        history = tuple(epoch(number + 1) for number in range(max(1, phase.epochs - 1)))
        return Fitted(history, kept=0, step=None)


def test_each_phase_goes_on_after_the_epochs_of_steps_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer: Any = Early()
    bench: Any = Bench.__new__(Bench)
    bench.assembled = SimpleNamespace(freezing=SimpleNamespace(freeze=lambda phase: None))
    nothing: Any = None
    splits = {"validation": nothing}
    bench._stages = [Stage(nothing, splits, nothing, PATH, one) for one in (None, trainer, trainer, trainer)]
    monkeypatch.setattr(bench, "_entry", told)
    monkeypatch.setattr(bench, "_solve", lambda stage, phase, job: (epoch(0), told(phase)))
    solved = Phase(name="head", solver="linear", frozen=9)
    steps = [Phase(name=f"steps {epochs}", solver="gradient", frozen=0, epochs=epochs) for epochs in (1, 3, 2)]
    job = Job(builders.cell(), None, builders.weights(), None)
    trained = bench._through(job, [solved, *steps], Trained(), lambda one: None)
    assert trainer.done == [0, 1, 3], "the head that was solved took none, and the second phase stopped early"
    assert [one.epoch for one in trained.history] == [0, 1, 1, 2, 1]


def test_a_head_that_seeds_share_is_solved_once_and_given_to_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every cell gets the weights that solving anew gives, whatever the one before it left in the layer."""
    draw, layer, solves = np.random.default_rng(0), keras.layers.Dense(2, activation="softmax"), list[Linear]()
    layer.build((None, 5))
    labels = np.minimum(np.arange(40, dtype=np.int32) % 3, 1)
    examples = [Examples((draw.normal(size=(40, 5)) + labels[:, None]).astype(np.float32), labels) for _ in range(2)]
    splits = {name: ([one.features], labels) for name, one in zip(("train", "validation"), examples, strict=True)}
    solve = Linear.solve

    def noted(self: Linear, train: Examples, validation: Examples, classes: int) -> Solved:
        solves.append(self)
        return solve(self, train, validation, classes)

    bench: Any = Bench.__new__(Bench)
    nothing: Any = None
    stage = Stage(nothing, splits, nothing, PATH, None)
    bench._solved, bench._stages, bench.assembled = {}, [stage], None
    monkeypatch.setattr(Linear, "solve", noted)
    monkeypatch.setattr("tlbench.worker.bench.head_of", lambda assembled: [layer])
    monkeypatch.setattr(bench, "_entry", told)
    plain = builders.cell().training
    balanced = plain.model_copy(update={"class_weight": "balanced"})
    uneven = Linear(class_weights=tuple(balanced_weights(labels, 2).tolist()))
    for seed, (training, solver) in enumerate([(plain, Linear()), (plain, Linear()), (balanced, uneven)]):
        job = SimpleNamespace(cell=builders.cell(seed=seed, train=training), images=builders.data())
        layer.set_weights([np.full((5, 2), seed), np.full(2, seed)])
        bench._solve(stage, Phase(name="head", solver="linear", frozen=9), job)
        anew: Any = solve(solver, examples[0], examples[1], 2).head
        for found, expected in zip(layer.get_weights(), [anew.kernel, anew.bias], strict=True):
            np.testing.assert_array_equal(found, expected)
    assert solves == [Linear(), uneven]

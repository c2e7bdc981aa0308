"""Settings of training in the programs that pages offer: each is executed, on a small model of its own."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.reporting.test_keras_code import recorded
from tlbench.core.cell import Head, Named
from tlbench.core.training import Augmentation, EarlyStopping, RandAugment, ReduceLROnPlateau, Shape, Training, Tuning
from tlbench.datasets import synthetic
from tlbench.reporting.keras_code import program, why_not
from tlbench.reporting.keras_settings import arguments
from tlbench.results.record import Record
from tlbench.results.trained import Search, Trial
from tlbench.strategies.base import WARMUP
from tlbench.training.schedule import Schedule

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation", "ignore:Even though the")
"""Of Keras itself, where it reads a rate, and of TensorFlow about `run_functions_eagerly`."""


def asking(strategy: str = "full", output: str = "softmax", **settings: Any) -> Record:
    """The record of MobileNet on cats_dogs, as if it had been trained with `settings`; one epoch, batches of 4."""
    record = recorded("full")
    training = Training(**{**record.cell.training.model_dump(), "epochs": 1, "batch_size": 4, **settings})
    cell = record.cell.model_copy(
        update={"train": training, "strategy": Named(name=strategy), "head": Head(output=output), "image_size": 32}
    )
    *solved, last = record.training
    return record.model_copy(update={"cell": cell, "training": (*solved, last.model_copy(update={"epochs": 1}))})


def with_rates(record: Record, **rates: Any) -> Record:
    *solved, last = record.training
    return record.model_copy(update={"training": (*solved, last.model_copy(update=rates))})


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for split in ("train", "validation", "test"):
        synthetic.write_tree(folder / split, ("cats", "dogs"), {"": 5}, (32, 32))
    return folder


@pytest.fixture
def small_models(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """MobileNet with two convolutions."""

    def small(include_top: bool, weights: object, input_shape: tuple[int, ...], alpha: float) -> Any:
        inputs = keras.Input(input_shape)
        x = keras.layers.Conv2D(4, 3, strides=4, name="low")(inputs)
        x = keras.layers.BatchNormalization(name="norm")(x)
        return keras.Model(inputs, keras.layers.Conv2D(6, 3, strides=2, activation="relu", name="high")(x))

    import tensorflow as tf

    monkeypatch.setattr(keras.applications, "MobileNet", small)
    tf.config.run_functions_eagerly(True)  # tracing would take longer than the few steps
    yield
    tf.config.run_functions_eagerly(False)
    keras.utils.clear_session()


def executed(record: Record, pictures: Path, **changed: str) -> dict[str, Any]:
    """What the program has defined when it is through."""
    assert why_not(record) == ""
    code = program(record)
    assert max(map(len, code.splitlines())) <= 130
    code = code.replace("Path('cats_dogs')", f"Path({str(pictures)!r})")
    names: dict[str, Any] = {"__name__": "program"}
    exec(compile(code, "program", "exec"), names)
    return names


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"output": "sigmoid", "weight_decay": 0.05, "optimizer": "adamw", "schedule": "linear"},
            ('LOSS = "binary_crossentropy"', "AdamW(rate, weight_decay=0.05)", "1 - done"),
        ),
        (
            {"output": "sigmoid", "label_smoothing": 0.1, "cutmix": 1.0},
            ("keras.losses.BinaryCrossentropy(label_smoothing=0.1)", "validation_data=checked"),
        ),
        (
            {"mixup": 0.2, "cutmix": 1.0, "label_smoothing": 0.1, "strategy": "soup"},
            ("model.fit(Mixed(), epochs=epochs", "self.epochs = []"),
        ),
        (
            {
                "augmentation": Augmentation(flip=True, rotation=10, shift=0.1, shear=5, zoom=0.2),
                "label_smoothing": 0.2,
            },
            ("RandomShear(0.087488", "keras.losses.CategoricalCrossentropy(label_smoothing=0.2)"),
        ),
        (
            {"early_stopping": EarlyStopping(monitor="val_accuracy"), "reduce_lr": ReduceLROnPlateau()},
            ('EarlyStopping("val_accuracy", mode="max", patience=3', "ReduceLROnPlateau("),
        ),
        (
            {"early_stopping": EarlyStopping(restore_best=False), "strategy": "l2_sp"},
            ("restore_best_weights=False",),
        ),
    ],
)
@pytest.mark.usefixtures("small_models")
def test_settings_are_in_the_program_and_the_program_runs(
    settings: dict[str, Any], words: tuple[str, ...], pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = asking(**settings)
    assert [word for word in words if word not in program(record)] == []
    executed(record, pictures)
    assert re.search(r"test accuracy: \d+\.\d%\n$", capsys.readouterr().out)


@pytest.mark.usefixtures("small_models")
def test_mixed_batches_have_the_share_of_each_class_in_their_labels(pictures: Path) -> None:
    names = executed(asking(cutmix=1.0), pictures)
    names["train"][0][:5], names["train"][0][5:] = 0, 1  # cats are black, dogs white
    mixed = names["Mixed"]()
    mixed.draw = np.random.default_rng(3)
    whole = 0
    for _ in range(20):
        images, labels = mixed[0]
        assert labels.sum(axis=1) == pytest.approx(1)
        # The share of dogs in a picture is how much of it is white.
        assert images.mean(axis=(1, 2, 3)) == pytest.approx(labels[:, 1], abs=1e-6)
        whole += int((labels.max(axis=1) == 1).sum())
    assert whole < 80


@pytest.mark.usefixtures("small_models")
@pytest.mark.parametrize("shape", ["constant", "cosine", "linear", "step"])
def test_the_rate_of_each_step_is_that_of_tlbench(shape: Shape) -> None:
    code = program(asking(schedule=shape, warmup=0.3))
    names: dict[str, Any] = {"keras": keras, "np": np}
    exec(code[code.index("class Schedule") : code.index("def look")], names)
    ours, theirs = Schedule(0.01, 20, 0.3, shape), names["Schedule"](0.01, 20)
    assert [float(theirs(step)) for step in range(20)] == pytest.approx([ours.at(step) for step in range(20)])


@pytest.mark.parametrize("steps", [7, 19])
def test_the_rate_of_each_step_without_a_schedule_of_the_suite_is_that_of_tlbench(steps: int) -> None:
    code = program(asking())
    names: dict[str, Any] = {"keras": keras, "np": np}
    exec(code[code.index("class Schedule") : code.index("def look")], names)
    ours, theirs = Schedule(0.01, steps, WARMUP, "cosine"), names["Schedule"](0.01, steps)
    rates = [float(theirs(step)) for step in range(steps)]
    assert rates == pytest.approx([ours.at(step) for step in range(steps)], rel=1e-5)


@pytest.mark.usefixtures("small_models")
def test_layers_and_head_are_trained_at_their_rates(pictures: Path) -> None:
    record = with_rates(
        asking("layerwise", optimizer="sgd", schedule="constant", warmup=0.0),
        rates=((0, 0.0), (3, 0.001)), lowest_rate=0.0, head_rate=0.1, learning_rate=0.01,
    )  # fmt: skip
    assert "rates=[\n    (0, 0.0),\n    (3, 0.001),\n]" in program(record)
    names = executed(record, pictures)
    names["BATCH"], names["Best"] = 10, keras.callbacks.Callback  # one step, and what it comes to
    model, start = names["model"], names["model"].get_weights()

    def step(head: float, *rates: tuple[int, float]) -> dict[str, Any]:
        model.set_weights(start)
        names["train_layers"](0, 1, 0.01, head, rates)
        moved = [after - before for after, before in zip(model.get_weights(), start, strict=True)]
        return dict(zip([one.path for one in model.weights], moved, strict=True))

    once, other = step(0.01, (0, 0.01)), step(0.1, (0, 0.0), (3, 0.001))
    (head,) = (path for path in once if path.startswith("dense") and path.endswith("kernel"))
    assert np.abs(once["low/kernel"]).max() > 0
    assert np.abs(other["low/kernel"]).max() == 0
    assert other["high/kernel"] == pytest.approx(0.1 * once["high/kernel"], abs=1e-6)
    assert other[head] == pytest.approx(10 * once[head], abs=1e-6)


def test_with_labels_in_parts_the_solved_head_is_no_candidate_and_the_epochs_of_each_phase_are() -> None:
    """The callback alone, with validation losses that are given, on a model whose weights are the epoch's number."""
    record = asking("gradual", label_smoothing=0.1)
    head, tuning = record.training
    phases = [tuning.model_copy(update={"name": f"fine-tuning {number}"}) for number in (1, 2)]
    code = program(record.model_copy(update={"training": (head, *phases)}))
    assert code.count("train_layers(frozen") == 3  # its definition, too
    seen = [0.4]
    names: dict[str, Any] = {"keras": keras, "np": np, "look": lambda: seen[-1], "LOSS": "loss"}
    exec(code[code.index("class Best") : code.index("def train_layers")], names)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    for losses in ([0.9, 0.6], [0.7, 0.8]):
        best = names["Best"]()
        best.set_model(model)
        best.on_train_begin()
        for loss in losses:
            model.set_weights([np.array([[loss]])])
            best.on_epoch_end(0, {"val_loss": loss})
        best.on_train_end()
        seen.append(float(model.get_weights()[0].item()))
    assert seen == pytest.approx([0.4, 0.6, 0.6])


def test_a_weight_decay_of_0_is_one_that_every_optimizer_takes() -> None:
    given = arguments(asking(weight_decay=0.0, optimizer="adamw").cell.training)
    assert eval(f"keras.optimizers.AdamW(0.1{given})", {"keras": keras}).weight_decay == 0


def test_a_tuned_rate_is_the_chosen_one_and_says_of_how_many() -> None:
    trials = tuple(Trial(setting=rate, val_loss=1.0, val_accuracy=0.5, seconds=1.0) for rate in (1e-3, 1e-4))
    search = Search(varied="learning_rate", trials=trials, chosen=1, monitor="val_loss", seconds=2.0)
    record = asking(tune=Tuning(learning_rate=(1e-3, 1e-4)), learning_rate=0.0).model_copy(update={"search": search})
    assert "rate=0.0001)  # of 2 rates, the best on validation" in program(record)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"rand_augment": RandAugment()}, "keras.layers.RandAugment is another method"),
        ({"class_weight": "balanced"}, "class_weight affects the solved head"),
        ({"augmentation": Augmentation(flip=True, views=2)}, "draws the images before training"),
        ({"early_stopping": EarlyStopping(), "strategy": "ema"}, "early_stopping with ema is not supported"),
        ({"strategy": "layerwise"}, "an older tlbench, which did not keep the learning rates"),
    ],
)  # fmt: skip
def test_what_has_no_program_says_why(settings: dict[str, Any], words: str) -> None:
    assert words in why_not(asking(**settings))

"""What a process holds when a step is opened: of inference neither an optimizer's state nor factors that training adds."""

from types import SimpleNamespace
from typing import Any

import pytest

keras = pytest.importorskip("keras")

from tests import builders  # noqa: E402
from tlbench.core.cell import Cell, Named  # noqa: E402
from tlbench.measuring.hosts import Opened, Pace  # noqa: E402
from tlbench.measuring.jobs import ModelJob, StepJob, steps_of  # noqa: E402
from tlbench.strategies.base import Part  # noqa: E402
from tlbench.training import compiling  # noqa: E402
from tlbench.worker import memory  # noqa: E402
from tlbench.worker import timer as module  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # TensorFlow's own
TRAINING = StepJob(step="training", batch_size=4)


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What happens in turn, with a model of one layer."""
    keras.config.set_dtype_policy("float32")
    seen, compiled = list[str](), compiling.compile_model

    def build(cell: Cell, classes: int, weights: None) -> Any:
        seen.append(f"built for {cell.strategy.name}")
        pooled = [keras.Input((8, 8, 3)), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(classes, "softmax")]
        rank = 4 if cell.strategy.name == "lora" else None
        return SimpleNamespace(model=keras.Sequential(pooled), most=None, part=Part(frozen=0, rank=rank))

    def compile_model(*given: Any) -> None:
        seen.append("optimizer made")
        compiled(*given)

    def of_opening(timer: Any, timing: Any, start: Any) -> Opened:
        timer.once()
        seen.append("opened")
        return Opened(first_call=1.0, warmup=())

    monkeypatch.setattr(module, "build", build)
    monkeypatch.setattr(module, "compile_model", compile_model)
    monkeypatch.setattr(memory, "of_opening", of_opening)
    return seen


def open_timer(strategy: str, *steps: StepJob) -> module.ModelTimer:
    cell = builders.cell(strategy=Named(name=strategy))
    return module.ModelTimer(ModelJob(cell=cell, classes=2, steps=steps or tuple(steps_of(cell))))


def test_inference_is_opened_before_there_is_an_optimizer(events: list[str]) -> None:
    opened = open_timer("full")
    assert events == ["built for full", "opened", "optimizer made", "opened"]
    assert len(opened.ready.opened) == 2
    for index in range(2):
        assert len(opened.turn(index, Pace(uncounted=0, counted=1)).samples) == 1


def test_of_lora_the_merged_model_is_opened_before_the_one_with_factors_is_built(events: list[str]) -> None:
    open_timer("lora")
    assert events == ["built for frozen", "opened", "built for lora", "optimizer made", "opened"]


@pytest.mark.parametrize("strategy", ["full", "lora"])
def test_where_training_alone_is_timed_one_model_is_built(events: list[str], strategy: str) -> None:
    open_timer(strategy, TRAINING)
    assert events == [f"built for {strategy}", "optimizer made", "opened"]

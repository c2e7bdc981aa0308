"""tlbench's step times beside those of a bare loop, in one process, in turn.

`python -m benchmarks.gpu_step --backend jax` times ResNet50 at 32 images, inference and full training, in two ways: as
tlbench does (one awaited call after the other, through its own timer), and as a plain Keras loop does
(`predict_on_batch` or `train_on_batch`, the clock read before and after all of them). `--kept-busy --calls 20` adds a
third one for inference, without waiting between calls (the backend's own forward pass, awaited once at the end): what
the device needs when the host keeps it busy. Runs without TensorFlow; on a GPU where the backend finds one.
"""

import argparse
import json
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tlbench.core.cell import Cell, Head, Limit, Named, Timing
from tlbench.core.training import Training
from tlbench.measuring.hosts import Pace
from tlbench.statistics.bootstrap import ratio

WARMUP = 20


def main() -> None:
    """Measure, print a line for each comparison, and write the samples."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", choices=["tensorflow", "jax", "torch"], default="tensorflow")
    parser.add_argument("--backbone", default="ResNet50")
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--pairs", type=int, default=60)
    parser.add_argument("--calls", type=int, default=5, help="in each block; short blocks outrun the host's drift")
    parser.add_argument("--kept-busy", action="store_true", help="also without waiting between the calls of a block")
    parser.add_argument("--out", type=Path, help="file for the samples, in seconds a call")
    asked = parser.parse_args()
    os.environ["KERAS_BACKEND"] = asked.backend
    samples = measure(asked)
    for step, ways in samples.items():
        for way in ways:
            print(line(step, way, ways), flush=True)
    if asked.out:
        asked.out.write_text(json.dumps({"asked": vars(asked) | {"out": None}, "samples": samples}))


def measure(asked: argparse.Namespace) -> dict[str, dict[str, list[float]]]:
    """Seconds a call of each way, by step: one block of calls of each way a pair, in an order drawn anew."""
    from tlbench.measuring.steps import StepTimer
    from tlbench.worker import settings
    from tlbench.worker.timer import make_call

    settings.set_all()
    taken: dict[str, dict[str, list[float]]] = {}
    for step in ("inference", "training"):
        model, images, labels, call = built(asked, step, make_call)
        timer = StepTimer(call)
        ways: dict[str, Callable[[], float]] = {
            "tlbench": lambda timer=timer: sum(timer.turn(Pace(uncounted=0, counted=asked.calls))) / asked.calls,
            "plain loop": plain_loop(model, step, images, labels, asked.calls),
        }
        if step == "inference" and asked.kept_busy:
            ways["not awaited"] = not_awaited(model, images, asked.calls)
        for way in ways.values():
            way()
        times: dict[str, list[float]] = {name: [] for name in ways}
        order = random.Random(0)
        for _ in range(asked.pairs):
            for name in order.sample(sorted(ways), len(ways)):
                times[name].append(ways[name]())
        taken[step] = times
    return taken


def built(asked: argparse.Namespace, step: str, make_call: Any) -> tuple[Any, Any, Any, Callable[[], object]]:
    """A compiled model, a batch on its device, and tlbench's call of the step, called often enough to be warm."""
    from tlbench.measuring.jobs import StepJob
    from tlbench.modeling.assemble import build
    from tlbench.training.compiling import compile_model
    from tlbench.worker import device

    cell = Cell(
        backbone=Named(name=asked.backbone),
        weights="random",
        dataset=Named(name="intel"),
        limit=Limit(),
        strategy=Named(name="full"),
        head=Head(),
        image_size=asked.image_size,
        train=Training(epochs=1, batch_size=asked.batch_size, optimizer="adam", learning_rate=1e-4),
        seed=0,
        precision="float32",
        backend=asked.backend,
        jit="auto",
        timing=Timing(protocol="quick", batch_size=asked.batch_size, warmup=1, iterations=1, seconds=0),
        recipe=3,
    )
    model = build(cell, 6, None).model
    compile_model(model, cell, device.use_jit(cell, device.describe()["kind"]), ())
    call = make_call(model, StepJob(step=step, batch_size=asked.batch_size), cell.seed)
    for _ in range(WARMUP):
        call()
    images = device.random_batch(model, asked.batch_size, 0)
    return model, images, device.random_labels(model, asked.batch_size, 0), call


def plain_loop(model: Any, step: str, images: Any, labels: Any, calls: int) -> Callable[[], float]:
    """What a Keras user writes around a step to time it."""

    def loop() -> float:
        begin = time.perf_counter()
        for _ in range(calls):
            if step == "inference":
                model.predict_on_batch(images)
            else:
                model.train_on_batch(images, labels)
        return (time.perf_counter() - begin) / calls

    return loop


def not_awaited(model: Any, images: Any, calls: int) -> Callable[[], float]:
    """The forward pass alone, as the backend's users write it; the device is awaited once, after all calls."""
    from tlbench.worker import device

    forward = forward_of(model)
    device.wait_for(forward(images))

    def loop() -> float:
        begin, last = time.perf_counter(), None
        for _ in range(calls):
            last = forward(images)
        device.wait_for(last)
        return (time.perf_counter() - begin) / calls

    return loop


def forward_of(model: Any) -> Callable[[Any], Any]:
    """The model's forward pass as one function: compiled where the backend has a compiler of its own for it."""
    import keras

    if keras.backend.backend() == "jax":
        import jax

        # Copies: Keras gives its arrays to the compiled step, which takes their memory.
        trained = [jax.numpy.copy(variable.value) for variable in model.trainable_variables]
        fixed = [jax.numpy.copy(variable.value) for variable in model.non_trainable_variables]
        compiled = jax.jit(lambda some, rest, images: model.stateless_call(some, rest, images, training=False)[0])
        return lambda images: compiled(trained, fixed, images)
    if keras.backend.backend() == "torch":
        import torch

        def forward(images: Any) -> Any:
            with torch.no_grad():
                return model(images, training=False)

        return forward
    import tensorflow

    return tensorflow.function(lambda images: model(images, training=False))


def line(step: str, way: str, ways: dict[str, list[float]]) -> str:
    """``inference, plain loop: 4.31 ms; tlbench takes 1.003 (0.998 to 1.009) of that``."""
    times = ways[way]
    milliseconds = sorted(times)[len(times) // 2] * 1000
    text = f"{step}, {way}: {milliseconds:.3f} ms"
    if way == "tlbench":
        return text
    found = ratio([(one,) for one in times], [(one,) for one in ways["tlbench"]])
    if found is None:
        return text
    return f"{text}; tlbench takes {found.estimate:.3f} ({found.low:.3f} to {found.high:.3f}) of that"


if __name__ == "__main__":
    main()

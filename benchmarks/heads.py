"""A training step of a head on features, by Keras and in NumPy, in turn on one core.

    KERAS_BACKEND=tensorflow python -m benchmarks.heads [--rounds 5]

Prints a line of Markdown for each head: the median over rounds of the median step, in milliseconds, and their ratio
with its 95 % interval. docs/performance.md has the results.
"""

import argparse
import os
import statistics

import keras
import numpy as np

from benchmarks.against_a_loop import ratio
from tests import builders
from tlbench.strategies.base import Phase
from tlbench.training import dense_head
from tlbench.training.trainer import Trainer

HEADS = ((1280, 64), (1280, 128), (2048, 256))
"""Numbers of features and of hidden units."""
IMAGES, BATCH = 640, 32
PHASE = Phase(name="head", solver="gradient", frozen=0, epochs=3, learning_rate=1e-3)


def trainer(features: int, hidden: int, largest: int) -> Trainer:
    """Of a head with dropout, which NumPy trains if it has no more than `largest` parameters."""
    dense_head.LARGEST = largest
    layers = [keras.layers.Dense(hidden, "relu"), keras.layers.Dropout(0.2), keras.layers.Dense(2, "softmax")]
    return Trainer(keras.Sequential([keras.Input((features,)), *layers]), builders.cell(), jit=False)


def step(of: Trainer, features: int) -> float:
    """Seconds of a step: the median over all epochs but the first."""
    draw = np.random.default_rng(0)
    images = [draw.normal(size=(IMAGES, features)).astype(np.float32)], draw.integers(0, 2, IMAGES).astype(np.int32)
    few = [images[0][0][:BATCH]], images[1][:BATCH]
    found = of.fit(builders.cell(), PHASE, images, few, lambda epoch: None).step
    assert found is not None
    return found


def main() -> None:
    """Take the rounds of each head."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    for features, hidden in HEADS:
        sides = [trainer(features, hidden, largest) for largest in (-1, 10**9)]
        for side in sides:
            step(side, features)
        taken = [[step(side, features) for side in sides] for _ in range(rounds)]
        theirs, ours = zip(*taken, strict=True)
        name = f"{keras.backend.backend()} | {features} features, {hidden} hidden units"
        times = " | ".join(f"{statistics.median(side) * 1e3:.2f}" for side in (theirs, ours))
        print(f"| {name} | {times} | {ratio(theirs, ours)} |", flush=True)


if __name__ == "__main__":
    main()

"""What trained models are after export: size, answers and times in each runtime, beside Keras' own."""

from typing import Self

import numpy as np
from numpy.typing import NDArray

from tlbench.core.value import Value
from tlbench.results.measured import Environment, StepTiming
from tlbench.results.record import Failure

CLOSE = 1e-4
"""Probabilities that differ by no more are equal: rounding of float32, added in another order, over a whole model."""


class Deployed(Value):
    """A model in one runtime.

    title: of the runtime. exact: its weights are Keras' own, float32. bytes: of the file, or files. correct: test
    images whose likeliest class is the true one. changed: those whose likeliest class is another one than Keras'. gap:
    the largest difference of a probability from Keras'. steps: inference at each batch size, relative to Keras' in the
    same rounds; empty where it was lost. failure: why there is nothing, or no times.
    """

    runtime: str
    title: str
    exact: bool
    bytes: int | None = None
    correct: int | None = None
    changed: int | None = None
    gap: float | None = None
    steps: tuple[StepTiming, ...] = ()
    failure: Failure | None = None

    def answering(
        self, probabilities: NDArray[np.float32], keras: NDArray[np.float32], labels: NDArray[np.int32]
    ) -> Self:
        """With what its probabilities (N, classes) say of test images, beside Keras' own of the same images."""
        answers = probabilities.argmax(axis=1)
        return self.model_copy(
            update={
                "correct": int((answers == labels).sum()),
                "changed": int((answers != keras.argmax(axis=1)).sum()),
                "gap": float(np.abs(probabilities.astype(np.float64) - keras).max()),
            }
        )

    def step(self, batch_size: int) -> StepTiming | None:
        """The times of so many images; None where there are none."""
        return next((step for step in self.steps if step.batch_size == batch_size), None)

    @property
    def differs(self) -> bool:
        """Whether its probabilities are not Keras', though they should be."""
        return self.exact and self.gap is not None and not self.gap <= CLOSE


class DeployedModel(Value):
    """A cell's model in all runtimes, Keras first. images: of its test set. recorded: how many its record has right.

    precision: what it computes in. fallbacks: what stood in for something else when it was trained.
    """

    cell_id: str
    label: str
    images: int
    recorded: int | None
    precision: str = "float32"
    fallbacks: tuple[str, ...] = ()
    runtimes: tuple[Deployed, ...]


class Deployment(Value):
    """The models of a run. environment: where times were taken, with the versions of all runtimes; None without any.

    batch_sizes: of the steps. absent: sentences on runtimes that are not installed, and were not asked for.
    """

    run: str
    models: tuple[DeployedModel, ...]
    batch_sizes: tuple[int, ...]
    environment: Environment | None = None
    threads: int | None = None
    absent: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether anything is missing: a model in a runtime, or its times."""
        return any(one.failure for model in self.models for one in model.runtimes)

    @property
    def exported(self) -> bool:
        """Whether any model is there in any runtime but Keras."""
        return any(one.correct is not None for model in self.models for one in model.runtimes[1:])

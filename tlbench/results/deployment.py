"""Trained models after export: size, predictions and times in each runtime, compared with Keras."""

from typing import Self

import numpy as np
from numpy.typing import NDArray

from tlbench.core.value import Value
from tlbench.results.measured import Environment, StepTiming
from tlbench.results.record import Failure

CLOSE = 1e-4
"""Largest difference of probabilities that counts as equal: float32 rounding in another order of additions over a
model.
"""


class Deployed(Value):
    """A model in one runtime.

    Attributes:
        runtime: the key of the runtime.
        title: its name in reports.
        exact: whether its weights are those of Keras, in float32.
        bytes: the size of its files.
        correct: number of test images whose most probable class is correct.
        changed: number of test images whose most probable class differs from that of Keras.
        gap: largest absolute difference of a probability from that of Keras.
        steps: inference at each batch size, relative to Keras in the same rounds; empty if the timing failed.
        failure: why there are no predictions or no times.
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
        """A copy with the comparison of its predictions with those of Keras.

        Args:
            probabilities: its probabilities (N, classes) for the test images.
            keras: those of Keras for the same images.
            labels: the true classes (N,).
        """
        answers = probabilities.argmax(axis=1)
        return self.model_copy(
            update={
                "correct": int((answers == labels).sum()),
                "changed": int((answers != keras.argmax(axis=1)).sum()),
                "gap": float(np.abs(probabilities.astype(np.float64) - keras).max()),
            }
        )

    def step(self, batch_size: int) -> StepTiming | None:
        """The times at a batch size; None if there are none."""
        return next((step for step in self.steps if step.batch_size == batch_size), None)

    @property
    def differs(self) -> bool:
        """Whether its probabilities differ from those of Keras although they should be equal."""
        return self.exact and self.gap is not None and not self.gap <= CLOSE


class DeployedModel(Value):
    """The model of a cell in all runtimes.

    Attributes:
        cell_id: the cell.
        label: its label.
        images: number of test images.
        recorded: number of test images that its record has as correct.
        precision: the precision of its computations.
        fallbacks: the stand-ins in its training.
        runtimes: its results by runtime, Keras first.
    """

    cell_id: str
    label: str
    images: int
    recorded: int | None
    precision: str = "float32"
    fallbacks: tuple[str, ...] = ()
    runtimes: tuple[Deployed, ...]


class Deployment(Value):
    """The deployed models of a run.

    Attributes:
        run: the run.
        models: its models.
        batch_sizes: the batch sizes of the times.
        environment: where times were taken, with the versions of all runtimes; None if there are none.
        threads: number of CPU threads.
        absent: sentences about runtimes that are not installed and were not asked for.
    """

    run: str
    models: tuple[DeployedModel, ...]
    batch_sizes: tuple[int, ...]
    environment: Environment | None = None
    threads: int | None = None
    absent: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether a model or its times are missing in any runtime."""
        return any(deployed.failure for model in self.models for deployed in model.runtimes)

    @property
    def exported(self) -> bool:
        """Whether any model has predictions in a runtime other than Keras."""
        return any(deployed.correct is not None for model in self.models for deployed in model.runtimes[1:])

"""Fit only the head, on a frozen backbone (linear probing, feature extraction)."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from tlbench.core.cell import Head
from tlbench.core.training import Training
from tlbench.strategies.base import HEAD_RATE, LayerView, Phase, Solver, Strategy, Tunable, head_phase, is_linear


class Frozen(Strategy):
    """The backbone is a fixed feature extractor; only the head is fitted.

    A linear head on fixed features is a convex problem, so it is solved. It is trained by gradient steps instead with
    ``solver: gradient``, with hidden layers or dropout, and where training images are augmented. The other solvers
    (`training/solvers`) fit other classifiers on the same features; ``neighbours`` is a search for the nearest training
    images, not a layer.
    """

    summary: ClassVar[str] = "the head alone, on a frozen backbone"
    adam_rate: ClassVar[float] = HEAD_RATE

    solver: Annotated[
        Solver,
        Field(description="linear, ridge, nearest_mean, cosine, neighbours solve the head, gradient trains it"),
    ] = "linear"

    def check(self, head: Head, train: Training | None) -> None:
        """Reject settings with which a solver that the suite names could not be used."""
        if self.solver in ("linear", "gradient"):
            return
        if not is_linear(head):
            raise ValueError(
                f"solver {self.solver} finds a head without hidden layers and dropout, not {head.label}; take another "
                "head, or solver gradient"
            )
        if train is not None and train.class_weight is not None:
            raise ValueError(
                f"solver {self.solver} knows no class_weight; leave it out, or take solver linear or gradient"
            )
        if train is not None and train.changes_images:
            raise ValueError(
                f"solver {self.solver} looks at each training image once, as it is; leave augmentation, mixup, cutmix "
                "and rand_augment out, or take solver gradient"
            )

    @property
    def has_classifier(self) -> bool:
        """True, except for the nearest-neighbour search."""
        return self.solver != "neighbours"

    def boundary(self, layers: Sequence[LayerView]) -> int:
        """All layers are frozen."""
        return len(layers)

    def phases(self, layers: Sequence[LayerView], train: Training, head: Head) -> tuple[Phase, ...]:
        """One phase, for the head."""
        if self.solved(head, train):
            return (head_phase(len(layers), train, head).model_copy(update={"solver": self.solver}),)
        return (
            Phase(
                name="head",
                frozen=len(layers),
                solver="gradient",
                epochs=train.epochs,
                learning_rate=train.learning_rate,
            ),
        )

    def tunable(self, head: Head, train: Training) -> frozenset[Tunable]:
        """The learning rate of gradient steps, or the L2 penalty of solvers that have one."""
        if not self.solved(head, train):
            return frozenset({"learning_rate"})
        return frozenset({"l2"} if self.solver in ("linear", "ridge") else ())

    def solved(self, head: Head, train: Training) -> bool:
        """Whether the head is linear and its features are fixed, so that it is solved."""
        return self.solver != "gradient" and is_linear(head) and not train.changes_images

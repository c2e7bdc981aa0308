"""Head only, on a frozen backbone."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from tlbench.core.cell import Head, Training
from tlbench.strategies.base import HEAD_RATE, LayerView, Phase, Solver, Strategy, Tunable, head_phase, is_linear


class Frozen(Strategy):
    """The backbone is a fixed feature extractor; only the head is found.

    A linear head on fixed features is a convex problem, so it is solved. With `solver: gradient`, with hidden layers or
    dropout, and where training images are changed at random, it is trained by gradient steps. The other solvers
    (`training/solvers`) find other heads on the same features; `neighbours` is a search among them and no layer.
    """

    summary: ClassVar[str] = "the head alone, on a frozen backbone"
    adam_rate: ClassVar[float] = HEAD_RATE

    solver: Annotated[
        Solver,
        Field(description="linear, ridge, nearest_mean, cosine, neighbours solve the head, gradient trains it"),
    ] = "linear"

    def check(self, head: Head, train: Training | None) -> None:
        """A solver that was asked for is not given up for another."""
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
        """All but a search among the training images do."""
        return self.solver != "neighbours"

    def boundary(self, layers: Sequence[LayerView]) -> int:
        """All of them."""
        return len(layers)

    def phases(self, layers: Sequence[LayerView], train: Training, head: Head) -> tuple[Phase, ...]:
        """The head."""
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
        """The penalty of a head that has one, or the rate; class means and neighbours have neither."""
        if not self.solved(head, train):
            return frozenset({"learning_rate"})
        return frozenset({"l2"} if self.solver in ("linear", "ridge") else ())

    def solved(self, head: Head, train: Training) -> bool:
        """Whether the head is linear, on features that are fixed."""
        return self.solver != "gradient" and is_linear(head) and not train.changes_images

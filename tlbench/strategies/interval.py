"""The backbone is trained in some of the epochs only."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from tlbench.core.cell import Head, Training
from tlbench.strategies.base import LayerView, Part, Phase, fine_tuning, head_phase
from tlbench.strategies.finetuning import FromHead


class Interval(FromHead):
    """The whole backbone is updated from one epoch on, or up to one; before and after, the head alone is.

    from_epoch: the first epoch, from 1, in which the backbone is trained; as keras.io's guide to transfer learning and
    A. Kumar and others (ICLR 2022, LP-FT) have it. until_epoch: the last one; layers that are fixed again late cost
    little accuracy (A. Brock and others, FreezeOut, 2017, section 2).
    """

    summary: ClassVar[str] = "the head, then the backbone with it from an epoch on, or up to one"
    adam_rate: ClassVar[float] = 1e-4

    from_epoch: Annotated[int, Field(ge=1, strict=True)] | None = Field(
        None, description="first epoch in which the backbone is trained, from 1"
    )
    until_epoch: Annotated[int, Field(ge=1, strict=True)] | None = Field(
        None, description="last epoch in which the backbone is trained"
    )

    @model_validator(mode="after")
    def _an_interval(self) -> Self:
        if self.from_epoch is None and self.until_epoch is None:
            raise ValueError("interval needs from_epoch, until_epoch or both")
        if (self.from_epoch or 1) > (self.until_epoch or self.from_epoch or 1):
            raise ValueError(f"from_epoch {self.from_epoch} is after until_epoch {self.until_epoch}")
        return self

    def boundary(self, layers: Sequence[LayerView]) -> int:
        """None, while it is trained."""
        del layers
        return 0

    def check(self, head: Head, train: Training | None) -> None:
        """The interval must lie within the epochs."""
        del head
        last = max(self.from_epoch or 1, self.until_epoch or 1)
        if train is not None and train.epochs < last:
            raise ValueError(f"interval names epoch {last}, but there are {train.epochs} epochs")

    def structure(self, train: Training) -> tuple[float, ...]:
        """Whether there is a phase after the interval depends on the epochs."""
        return (*super().structure(train), train.epochs)

    def phases(self, layers: Sequence[LayerView], train: Training, head: Head) -> tuple[Phase, ...]:
        """The head solved, then the epochs before, within and after the interval, where there are any."""
        self.check(head, train)
        first, last = self.from_epoch or 1, self.until_epoch or train.epochs
        alone = fine_tuning(Part(frozen=len(layers)), train)
        if self.head_rate is not None:
            alone = alone.model_copy(update={"learning_rate": self.head_rate})
        both = self.tuning(self.part(layers), train)
        parts = [("head before", alone, first - 1), ("fine-tuning", both, last - first + 1)]
        parts.append(("head after", alone, train.epochs - last))
        return (
            head_phase(len(layers), train, head),
            *(one.model_copy(update={"name": name, "epochs": epochs}) for name, one, epochs in parts if epochs),
        )

"""Train the backbone in some of the epochs only."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from tlbench.core.cell import Head
from tlbench.core.training import Training
from tlbench.strategies.base import LayerView, Part, Phase, fine_tuning, head_phase
from tlbench.strategies.finetuning import FromHead


class Interval(FromHead):
    """Train the whole backbone from one epoch to another, and only the head before and after.

    Attributes:
        from_epoch: the first epoch, counted from 1, in which the backbone is trained. Starting late is the recipe of
            keras.io's guide to transfer learning and of LP-FT (A. Kumar et al., ICLR 2022).
        until_epoch: the last such epoch. Freezing layers again late costs little accuracy (A. Brock et al., FreezeOut,
            2017, section 2).
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
    def _check_interval(self) -> Self:
        if self.from_epoch is None and self.until_epoch is None:
            raise ValueError("interval needs from_epoch, until_epoch or both")
        if (self.from_epoch or 1) > (self.until_epoch or self.from_epoch or 1):
            raise ValueError(f"from_epoch {self.from_epoch} is after until_epoch {self.until_epoch}")
        return self

    def boundary(self, layers: Sequence[LayerView]) -> int:
        """0: no layer is frozen while the backbone is trained."""
        del layers
        return 0

    def check(self, head: Head, train: Training | None) -> None:
        """The interval must lie within the epochs of the training."""
        del head
        last = max(self.from_epoch or 1, self.until_epoch or 1)
        if train is not None and train.epochs < last:
            raise ValueError(f"interval names epoch {last}, but there are {train.epochs} epochs")

    def structure(self, train: Training) -> tuple[float, ...]:
        """The epochs: they decide whether there is a phase after the interval."""
        return (*super().structure(train), train.epochs)

    def phases(self, layers: Sequence[LayerView], train: Training, head: Head) -> tuple[Phase, ...]:
        """The phase of the head, then the epochs before, within and after the interval, where there are any."""
        self.check(head, train)
        first, last = self.from_epoch or 1, self.until_epoch or train.epochs
        head_only = fine_tuning(Part(frozen=len(layers)), train)
        if self.head_rate is not None:
            head_only = head_only.model_copy(update={"learning_rate": self.head_rate})
        with_backbone = self.tuning(self.part(layers), train)
        spans = (
            ("head before", head_only, first - 1),
            ("fine-tuning", with_backbone, last - first + 1),
            ("head after", head_only, train.epochs - last),
        )
        return (
            head_phase(len(layers), train, head),
            *(phase.model_copy(update={"name": name, "epochs": epochs}) for name, phase, epochs in spans if epochs),
        )

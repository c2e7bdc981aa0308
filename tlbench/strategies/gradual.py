"""Gradual unfreezing: train the backbone from the top down, group by group."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from tlbench.core.cell import Head
from tlbench.core.training import Training
from tlbench.strategies.base import LayerView, Phase, group_starts, head_phase
from tlbench.strategies.finetuning import FromHead


class Gradual(FromHead):
    """Unfreeze groups of blocks one after the other, in a phase each, and train them with everything above.

    J. Howard and S. Ruder, Universal Language Model Fine-tuning for Text Classification (ULMFiT), ACL 2018, section
    3.3: one epoch per group from the top, then "until convergence at the last". Here each group but the last has one
    epoch, and the last has the remaining ones. Each phase has its own warm-up and decay of the learning rate, as in
    fastai's fit.
    """

    summary: ClassVar[str] = "the head, then the backbone's blocks with it, freed from the top group by group"
    adam_rate: ClassVar[float] = 1e-4

    groups: Annotated[int, Field(ge=2, strict=True, description="how many groups of blocks are freed in turn")] = 3

    def boundary(self, layers: Sequence[LayerView]) -> int:
        """0: no layer is frozen in the last phase."""
        return group_starts(layers, self.groups)[0]

    def check(self, head: Head, train: Training | None) -> None:
        """Each group needs at least one epoch."""
        del head
        if train is not None and train.epochs < self.groups:
            raise ValueError(
                f"gradual frees {self.groups} groups of blocks, each in an epoch of its own, so {train.epochs} epochs "
                "are too few; ask for more epochs or fewer groups"
            )

    def phases(self, layers: Sequence[LayerView], train: Training, head: Head) -> tuple[Phase, ...]:
        """The head, then a phase for each group."""
        self.check(head, train)
        phases = [head_phase(len(layers), train, head)]
        for number, start in enumerate(reversed(group_starts(layers, self.groups)), start=1):
            epochs = 1 if number < self.groups else train.epochs - self.groups + 1
            phase = self.tuning(self.part(layers).model_copy(update={"frozen": start}), train)
            phases.append(phase.model_copy(update={"name": f"fine-tuning {number}", "epochs": epochs}))
        return tuple(phases)

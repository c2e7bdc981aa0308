"""Models on a GPU are built at once, and warm up one after the other, while nothing else is computed there."""

from collections.abc import Mapping

from tlbench.core.cell import Timing
from tlbench.measuring.hosts import WARM_UP, LostError, Participant


def warm_up(models: Mapping[str, Participant], timing: Timing) -> list[tuple[str, LostError]]:
    """Have those steps of `models`, by side, warm up that have not yet.

    Returns the side that lost its model meanwhile, and how; empty where none did. What others compiled at the same time
    would have slowed the steps, and the pace of all their turns goes by their warm-up.
    """
    for side, model in models.items():
        opened = list(model.ready.opened) if timing.warmup else []
        for index, step in enumerate(opened):
            if step.warmup:
                continue
            try:
                opened[index] = step.model_copy(update={"warmup": model.turn(index, WARM_UP).samples})
            except LostError as error:
                return [(side, error)]
        model.ready = model.ready.model_copy(update={"opened": tuple(opened)}) if opened else model.ready
    return []

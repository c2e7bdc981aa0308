"""Warm up models on a GPU one after the other. They are built in parallel, which would disturb the warm-up."""

from collections.abc import Mapping

from tlbench.core.cell import Timing
from tlbench.measuring.hosts import WARM_UP, LostError, Participant


def warm_up(models: Mapping[str, Participant], timing: Timing) -> list[tuple[str, LostError]]:
    """Warm up the steps that have not been warmed up when their model was built.

    This happens while nothing else compiles, because the pace of all later turns is derived from the warm-up.

    Args:
        models: the model of each side.
        timing: the protocol.

    Returns:
        The side that lost its model meanwhile, with the error; empty if none did.
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

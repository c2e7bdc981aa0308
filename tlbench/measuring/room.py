"""Whether there is room for another model in the memory of the machine and of its GPU."""

from tlbench.host import gpu
from tlbench.host.resources import available_memory, memory_limit

KEPT_FREE = 0.25
"""The share of the memory that must stay free."""


def there_is_room(available: int, limit: int, largest: int) -> bool:
    """Whether another model, up to 30 % larger than the `largest` so far, leaves enough memory free. In bytes."""
    return available - 1.3 * largest > KEPT_FREE * limit


def room_now(largest: int) -> bool:
    """Whether there is room for another model in this machine's memory now."""
    return there_is_room(available_memory(), memory_limit(), largest)


def gpu_room_now(count: int, largest: int, card: str) -> bool:
    """Whether there is room for `count` more models in a GPU's memory now; if that is unknown, only for one.

    Args:
        count: the number of models to open in parallel.
        largest: the GPU memory that each of them may take, in bytes.
        card: the GPU, as in `host.gpu`.
    """
    memory = gpu.free_memory(card)
    return count == 1 if memory is None else there_is_room(*memory, count * largest)

"""Whether one more model may be opened beside those that take turns: memory of the machine, and of its GPU."""

from tlbench.host import gpu
from tlbench.host.resources import available_memory, memory_limit

KEPT_FREE = 0.25
"""Share of the memory that stays free when another model joins."""


def there_is_room(available: int, limit: int, largest: int) -> bool:
    """Whether one more model, perhaps a third larger than the `largest` so far, leaves enough memory free (bytes)."""
    return available - 1.3 * largest > KEPT_FREE * limit


def room_now(largest: int) -> bool:
    """Whether there is room for one more model on this machine, at this moment."""
    return there_is_room(available_memory(), memory_limit(), largest)


def gpu_room_now(count: int, largest: int, card: str) -> bool:
    """Whether a GPU has room for `count` more models, opened at once; for one at a time where nobody says.

    largest: bytes of the card's memory that each may take. card: as in `host.gpu`.
    """
    memory = gpu.free_memory(card)
    return count == 1 if memory is None else there_is_room(*memory, count * largest)

"""Low-rank adapters for the kernels of a backbone (LoRA), by means of Keras."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np

from tlbench.modeling.keras_private import sublayers
from tlbench.modeling.layers import leaves

ADAPTERS = ("lora_kernel_a", "lora_kernel_b")


def adapt(backbone: keras.Model, rank: int) -> int:
    """Add factors of rank `rank` to every kernel that Keras can adapt, and return their number.

    Until they are trained, the backbone computes the same, because the second factor is 0.
    """
    adapting = [leaf for leaf in leaves(backbone) if _adapts(leaf)]
    for leaf in adapting:
        leaf.enable_lora(rank)
    return len(adapting)


def draw_adapters(backbone: keras.Model, seed: int) -> None:
    """Initialize the factors: the first at random (He uniform, as in Keras), the second with 0.

    The values depend only on `seed`, not on random numbers drawn before.
    """
    for number, leaf in enumerate(adapted(backbone)):
        own = int(np.random.SeedSequence((seed, number)).generate_state(1)[0] >> 1)
        first = leaf.lora_kernel_a
        first.assign(keras.initializers.HeUniform(seed=own)(first.shape, dtype=first.dtype))
        leaf.lora_kernel_b.assign(keras.ops.zeros_like(leaf.lora_kernel_b))


def merge(backbone: keras.Model) -> None:
    """Add the product of the factors to each kernel and set the second one to 0, which keeps the function the same."""
    for leaf in adapted(backbone):
        merged = keras.ops.convert_to_numpy(leaf.kernel)
        leaf.lora_enabled = False  # so that `kernel` is the variable and not the sum
        leaf.kernel.assign(merged)
        leaf.lora_enabled = True
        leaf.lora_kernel_b.assign(keras.ops.zeros_like(leaf.lora_kernel_b))


@contextmanager
def without_adapters(model: keras.Model) -> Iterator[None]:
    """Save `model` within the ``with`` block as if it had never had factors; `merge` must have been called before.

    Keras would write them into the file with a product of 0, and make them again for everyone who opens it: more
    weights, frozen kernels, and a matrix product for each kernel in each call.
    """
    adapting = [(leaf, leaf.lora_rank) for leaf in adapted(model)]
    for leaf, _ in adapting:
        leaf.lora_enabled, leaf.lora_rank = False, None
    try:
        yield
    finally:
        for leaf, rank in adapting:
            leaf.lora_enabled, leaf.lora_rank = True, rank


def adapted(backbone: keras.Model) -> list[keras.Layer]:
    """The layers with factors."""
    return [leaf for leaf in leaves(backbone) if getattr(leaf, "lora_enabled", False)]


def not_adapted(backbone: keras.Model) -> dict[str, int]:
    """The number of convolutions and dense layers without factors, by class."""
    found: dict[str, int] = {}
    for leaf in leaves(backbone):
        own = [] if sublayers(leaf) else leaf.weights
        if not getattr(leaf, "lora_enabled", False) and any(one.name.endswith("kernel") for one in own):
            found[type(leaf).__name__] = found.get(type(leaf).__name__, 0) + 1
    return found


def _adapts(leaf: keras.Layer) -> bool:
    return hasattr(leaf, "enable_lora") and hasattr(leaf, "kernel") and not getattr(leaf, "lora_enabled", False)

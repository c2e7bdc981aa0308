"""Initial weights that are replaced by others, or whose values do not matter."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np


@contextmanager
def any_initial_weights() -> Iterator[None]:
    """Let JAX draw the initial weights of layers that are made meanwhile with NumPy.

    JAX compiles its generators anew for every shape of weights: 14 of the 16 s in which MobileNetV3Small was built on
    two cores. This is for weights that a file replaces, and for models that are only counted or timed. The weights are
    distributed as Keras asks. Nothing changes on other backends.
    """
    if keras.backend.backend() != "jax":
        yield
        return
    import jax

    generator, replaced = np.random.default_rng(0), {name: getattr(jax.random, name) for name in DRAWN}

    def normal(key: object, shape: Sequence[int] = (), dtype: Any = float, **_: object) -> np.ndarray:
        del key
        return generator.standard_normal(shape, np.float32).astype(dtype)

    def truncated_normal(
        key: object, lower: float, upper: float, shape: Sequence[int] = (), dtype: Any = float, **_: object
    ) -> np.ndarray:
        del key
        drawn = generator.standard_normal(shape, np.float32)
        while (outside := np.flatnonzero((drawn < lower) | (drawn > upper))).size:
            drawn.flat[outside] = generator.standard_normal(outside.size, np.float32)
        return drawn.astype(dtype)

    def uniform(
        key: object,
        shape: Sequence[int] = (),
        dtype: Any = float,
        minval: float = 0.0,
        maxval: float = 1.0,
        **_: object,
    ) -> np.ndarray:
        del key
        return (minval + (maxval - minval) * generator.random(shape, np.float32)).astype(dtype)

    for draw in (normal, truncated_normal, uniform):
        setattr(jax.random, draw.__name__, draw)
    try:
        yield
    finally:
        for name, draw in replaced.items():
            setattr(jax.random, name, draw)


DRAWN = ("normal", "truncated_normal", "uniform")

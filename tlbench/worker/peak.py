"""Measure how fast the device multiplies large matrices, to compare the FLOP/s of models with."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from tlbench.worker import card, device

SIDE = 8192
"""The size of the square matrices. A product has 1.1 TFLOP, which keeps any GPU of today busy for a millisecond."""
PRODUCTS, BEST_OF = 10, 3
KINDS = ("float32", "TF32", "float16", "bfloat16")


def of_matrix_products(side: int = SIDE) -> dict[str, float]:
    """FLOP/s of products of random matrices, for each number format that the GPU supports; see `best`."""
    found = card.find()
    tf32 = found is not None and found.has_tf32
    return {kind: _rate(kind, side) for kind in KINDS if kind != "TF32" or tf32}


def best(run: Callable[[], Any], flop: float, clock: Callable[[], float] = time.perf_counter) -> float:
    """FLOP/s in the fastest of `BEST_OF` series of `PRODUCTS` runs of `flop` operations each, after a warm-up run."""
    device.wait_for(run())
    fastest = float("inf")
    for _ in range(BEST_OF):
        begin, last = clock(), None
        for _ in range(PRODUCTS):
            last = run()
        device.wait_for(last)
        fastest = min(fastest, clock() - begin)
    return PRODUCTS * flop / fastest


def _rate(kind: str, side: int) -> float:
    dtype = "float32" if kind == "TF32" else kind
    random = np.random.default_rng(0)
    first, second = (
        keras.ops.cast(keras.ops.convert_to_tensor(random.standard_normal((side, side), np.float32)), dtype)
        for _ in range(2)
    )
    with _tf32(kind == "TF32"):
        return best(lambda: keras.ops.matmul(first, second), 2.0 * side**3)


@contextmanager
def _tf32(allowed: bool) -> Iterator[None]:
    """Allow or forbid TF32 for products of float32 matrices within the ``with`` block."""
    match keras.backend.backend():
        case "tensorflow":
            import tensorflow

            setting = tensorflow.config.experimental
            before = setting.tensor_float_32_execution_enabled()
            setting.enable_tensor_float_32_execution(allowed)
            try:
                yield
            finally:
                setting.enable_tensor_float_32_execution(before)
        case "jax":
            import jax

            with jax.default_matmul_precision("tensorfloat32" if allowed else "float32"):
                yield
        case _:
            import torch

            before = torch.backends.cuda.matmul.allow_tf32
            torch.backends.cuda.matmul.allow_tf32 = allowed
            try:
                yield
            finally:
                torch.backends.cuda.matmul.allow_tf32 = before

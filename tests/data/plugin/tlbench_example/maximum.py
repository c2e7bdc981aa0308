"""A head: the largest value of each channel."""

from typing import Any

from tlbench.heads.base import HeadInfo

MAXIMUM = HeadInfo(
    summary="global maximum pooling, hidden layers, dropout, Dense", pooling="tlbench_example.maximum:pool"
)


def pool() -> Any:
    """Runs in a worker, which has Keras."""
    import keras

    return keras.layers.GlobalMaxPooling2D(name="pooling")

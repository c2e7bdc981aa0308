"""The time of the first step: trace, compilation and choice of kernels are in it."""

import time
from typing import Any

import keras


class FirstStep(keras.callbacks.Callback):  # type: ignore[misc]
    """Wall seconds of the first training or prediction step it sees."""

    def __init__(self) -> None:
        super().__init__()
        self._begin = 0.0
        self._seconds: float | None = None

    @property
    def seconds(self) -> float:
        """Seconds of the first step; there is one after `fit` or `predict` on any data."""
        assert self._seconds is not None
        return self._seconds

    def _start(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._begin = time.perf_counter()

    def _stop(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self._seconds is None:
            self._seconds = time.perf_counter() - self._begin

    on_train_batch_begin = on_predict_batch_begin = _start
    on_train_batch_end = on_predict_batch_end = _stop

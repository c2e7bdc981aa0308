"""The reference workload: a fixed matrix product and a fixed convolution, the main operations of models.

Its time shows how fast the machine is at the moment. Times are compared across runs, so every change here needs a new
`VERSION`.
"""

import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from tlbench.core.plugin_code import Code
from tlbench.host.environment import capture
from tlbench.worker import device, settings

VERSION = 1
"""The version of the workload. Readings of different versions are not compared."""
REPEATS = {"cpu": 1, "gpu": 50}
BEST_OF = 3


def workload(kind: str) -> Callable[[], float]:
    """A function that runs the workload on a device of this `kind` (``cpu`` or ``gpu``) and returns its seconds.

    A reading is the median of three runs. A run multiplies two matrices of 1024 x 1024 and convolves 8 images of 56 x
    56 x 64 with 64 kernels of 3 x 3, in float32, together 4.0 GFLOP; on a GPU 50 times.
    """
    random = np.random.default_rng(0)
    square = keras.ops.convert_to_tensor(random.standard_normal((1024, 1024), dtype=np.float32) / 32)
    images = keras.ops.convert_to_tensor(random.standard_normal((8, 56, 56, 64), dtype=np.float32))
    kernels = keras.ops.convert_to_tensor(random.standard_normal((3, 3, 64, 64), dtype=np.float32) / 24)
    repeats = REPEATS[kind]

    def once() -> float:
        begin = time.perf_counter()
        for _ in range(repeats):
            product = keras.ops.matmul(square, square)
            features = keras.ops.conv(images, kernels, padding="same", data_format="channels_last")
        device.wait_for((product, features))
        return time.perf_counter() - begin

    for _ in range(3):
        once()
    return lambda: sorted(once() for _ in range(BEST_OF))[BEST_OF // 2]


def readings(request: dict[str, Any]) -> dict[str, Any]:
    """Run the workload repeatedly for ``request["seconds"]``.

    Returns:
        The ``readings`` in seconds, Keras' ``backend``, the ``device`` and the ``environment``, and the version as
        ``workload``.
    """
    settings.set_all()
    hardware = device.describe()
    run, taken = workload(hardware["kind"]), []
    end = time.monotonic() + request["seconds"]
    while time.monotonic() < end:
        taken.append(run())
    environment = capture(hardware, Code()).model_dump(mode="json")
    found = {"backend": keras.config.backend(), "device": hardware, "environment": environment}
    return {"readings": taken, **found, "workload": VERSION}

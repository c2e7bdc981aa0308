"""The GPU that the backend runs on: its name, its capabilities, and its PCI bus id."""

import ctypes
import os
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

import keras

TF32_SINCE = (8, 0)
"""The first compute capability with TF32 (Ampere)."""
NO_TF32 = ("NVIDIA_TF32_OVERRIDE", "0")
"""The environment variable that turns TF32 off in all of NVIDIA's libraries, whatever a backend asks for."""


@dataclass(frozen=True)
class Card:
    """A GPU.

    Attributes:
        name: the name of the model.
        bus: the PCI bus id; empty if unknown.
        capability: NVIDIA's compute capability, e.g. (8, 0); None for other vendors.
    """

    name: str
    bus: str = ""
    capability: tuple[int, ...] | None = None

    @property
    def has_tf32(self) -> bool:
        """Whether float32 numbers may be multiplied in TF32."""
        able = self.capability is not None and self.capability >= TF32_SINCE
        return able and os.environ.get(NO_TF32[0]) != NO_TF32[1]


def find() -> Card | None:
    """The GPU that the backend runs on by default; None on a CPU."""
    match keras.backend.backend():
        case "tensorflow":
            return _of_tensorflow()
        case "jax":
            return _of_jax()
        case "torch":
            return _of_torch()
    return None


@cache
def torch_device() -> Any:
    """The torch device that Keras uses. It may differ from torch's default, because of KERAS_TORCH_DEVICE."""
    return keras.ops.convert_to_tensor(0.0).device


def _of_tensorflow() -> Card | None:
    import tensorflow

    found = tensorflow.config.get_visible_devices("GPU")
    if not found:
        return None
    details = tensorflow.config.experimental.get_device_details(found[0])
    number = int(found[0].name.rpartition(":")[2])  # /physical_device:GPU:0
    return Card(str(details.get("device_name", "gpu")), bus_id(number), details.get("compute_capability"))


def _of_jax() -> Card | None:
    import jax

    first = jax.devices()[0]
    if first.platform not in ("gpu", "cuda", "rocm"):
        return None
    said = str(getattr(first, "compute_capability", ""))  # "9.0", or "gfx942" of another maker
    capability = tuple(map(int, said.split("."))) if re.fullmatch(r"\d+\.\d+", said) else None
    return Card(str(first.device_kind), bus_id(getattr(first, "local_hardware_id", None) or 0), capability)


def _of_torch() -> Card | None:
    import torch

    where = torch_device()
    if where.type == "cpu":
        return None
    if where.type != "cuda":
        return Card(where.type)
    capability = torch.cuda.get_device_capability(where) if torch.version.cuda else None
    return Card(str(torch.cuda.get_device_name(where)), bus_id(where.index or 0), capability)


def bus_id(number: int) -> str:
    """The PCI bus id of a CUDA device; empty if unknown.

    Device numbers of CUDA (fastest first) and of the driver (in the order of the bus) differ, so the bus id identifies
    a card. It is asked of the CUDA library that the backend has loaded; none is loaded for this purpose.
    """
    try:
        cuda = ctypes.CDLL("libcuda.so.1", mode=os.RTLD_NOLOAD)
    except OSError:
        return ""
    device, text = ctypes.c_int(), ctypes.create_string_buffer(32)
    failed = cuda.cuDeviceGet(ctypes.byref(device), number) or cuda.cuDeviceGetPCIBusId(text, len(text), device)
    return "" if failed else text.value.decode()

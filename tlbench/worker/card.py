"""The GPU that the backend computes on: what it is called, what it can, and where NVIDIA's driver finds it."""

import ctypes
import os
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

import keras

TF32_SINCE = (8, 0)
"""NVIDIA's compute capability from which cards multiply in TF32 (Ampere)."""
NO_TF32 = ("NVIDIA_TF32_OVERRIDE", "0")
"""A variable by which all of NVIDIA's libraries leave TF32 alone, whatever a backend asks for."""


@dataclass(frozen=True)
class Card:
    """bus: its place (PCI bus id), empty where unknown. capability: NVIDIA's, as (8, 0); None for another maker's."""

    name: str
    bus: str = ""
    capability: tuple[int, ...] | None = None

    @property
    def has_tf32(self) -> bool:
        """Whether float32 numbers may be multiplied in TF32 there."""
        able = self.capability is not None and self.capability >= TF32_SINCE
        return able and os.environ.get(NO_TF32[0]) != NO_TF32[1]


def find() -> Card | None:
    """The card on which the backend computes what it is given; None on a CPU. Each backend has its own way to ask."""
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
    """Where Keras computes with torch: not where torch could, since KERAS_TORCH_DEVICE may say otherwise."""
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
    """Where CUDA's device `number` is plugged in; empty where nobody says.

    CUDA takes the fastest card first, NVIDIA's driver the first on the bus, so that their numbers differ. It is asked
    by the library that the backend has started in this process; none is loaded for it.
    """
    try:
        cuda = ctypes.CDLL("libcuda.so.1", mode=os.RTLD_NOLOAD)
    except OSError:
        return ""
    device, text = ctypes.c_int(), ctypes.create_string_buffer(32)
    failed = cuda.cuDeviceGet(ctypes.byref(device), number) or cuda.cuDeviceGetPCIBusId(text, len(text), device)
    return "" if failed else text.value.decode()

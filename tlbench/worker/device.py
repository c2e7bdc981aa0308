"""The device a worker computes on, and the calls that are timed there."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from tlbench.core.cell import Cell
from tlbench.worker import card


def describe() -> dict[str, str]:
    """Kind (``cpu`` or ``gpu``) and name of the device the backend computes on; TPUs are not measured.

    card: where a GPU is plugged in, as in `host.gpu`.
    """
    found = card.find()
    if found is None:
        return {"kind": "cpu", "name": "cpu"}
    return {"kind": "gpu", "name": found.name, "card": found.bus}


def hide_gpus() -> None:
    """Let TensorFlow compute on the CPU in this process, before it has computed anything."""
    import tensorflow

    tensorflow.config.set_visible_devices([], "GPU")


def use_jit(cell: Cell, kind: str) -> bool:
    """`jit: auto` compiles with XLA on a GPU only: on CPUs XLA is 10 to 25 times slower for depthwise models.

    JAX has no other way than XLA; torch is left eager unless asked.
    """
    backend = keras.backend.backend()
    if backend == "jax" or cell.jit == "on":
        return True
    return cell.jit == "auto" and kind == "gpu" and backend == "tensorflow"


def nondeterministic(kind: str) -> tuple[str, ...]:
    """What may differ when a cell is trained again with the same seed on the same machine, one clause each.

    Nothing on a CPU, as tests in fresh processes show for frozen, partial and full training. On a GPU the backends'
    fastest kernels add floating-point numbers in the order the threads come.
    """
    if kind == "cpu":
        return ()
    gradients = "gradients of convolutions and of the pooling before the head (atomic additions on the GPU)"
    return (gradients, "the choice of convolution kernels (measured anew by each process)")


def arithmetic() -> dict[str, str]:
    """What float32 numbers are multiplied in on a GPU: TF32, of 10 bits of fraction, where card and backend allow that.

    JAX takes it for all operations unless it is told a precision, torch for convolutions alone.
    """
    found = card.find()
    if found is None or not found.has_tf32:
        return {"convolutions": "float32", "matrix products": "float32"}
    match keras.backend.backend():
        case "tensorflow":
            import tensorflow

            allowed = tensorflow.config.experimental.tensor_float_32_execution_enabled()
            convolutions = products = bool(allowed)
        case "jax":
            import jax

            convolutions = products = jax.config.jax_default_matmul_precision in {None, "default", "tensorfloat32"}
        case _:
            import torch

            convolutions, products = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    names = {True: "TF32", False: "float32"}
    return {"convolutions": names[convolutions], "matrix products": names[products]}


def random_batch(model: keras.Model, batch_size: int, seed: int) -> Any:
    """A fixed batch of random images, uint8 as in training, on the device already; never zeros, which run faster."""
    images = np.random.default_rng(seed).integers(0, 256, (batch_size, *model.input_shape[1:]), dtype=np.uint8)
    return keras.ops.convert_to_tensor(images)


def random_labels(model: keras.Model, batch_size: int, seed: int) -> Any:
    """Labels for `random_batch`: integers below the number of classes (0 or 1 for one sigmoid unit)."""
    classes = max(2, model.output_shape[-1])
    labels = np.random.default_rng(seed).integers(0, classes, batch_size, dtype=np.int32)
    return keras.ops.convert_to_tensor(labels)


def calls() -> dict[str, str]:
    """The function of the Keras model that each step calls."""
    training = "train_function" if keras.backend.backend() == "tensorflow" else "train_on_batch"
    return {"inference": "predict_on_batch", "training": training}


def inference_step(model: keras.Model, images: Any) -> Callable[[], object]:
    """One batch forward; returns when the host has the result."""
    return lambda: model.predict_on_batch(images)


def training_step(model: keras.Model, images: Any, labels: Any) -> Callable[[], object]:
    """One batch forward, backward and update; returns when the host has the loss."""
    if keras.backend.backend() == "tensorflow":
        # The function `fit` has traced, called with a batch of the same structure: train_on_batch would add
        # a sample weight of None, and TensorFlow would trace the whole step once more.
        model.make_train_function()
        return lambda: float(model.train_function(iter([(images, labels)]))["loss"])
    return lambda: model.train_on_batch(images, labels)


def wait_for(values: Any) -> None:
    """Wait until the device has computed `values`; backends hand out results that are still being made."""
    match keras.backend.backend():
        case "jax":
            import jax

            jax.block_until_ready(values)
        case "torch":
            import torch

            match (where := card.torch_device()).type:
                case "cuda" | "xpu" as kind:
                    getattr(torch, kind).synchronize(where)
                case "mps":
                    torch.mps.synchronize()
        case "tensorflow":
            import tensorflow

            tensorflow.test.experimental.sync_devices()

"""The device that a worker runs on, and the calls that are timed on it."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from tlbench.core.cell import Cell
from tlbench.worker import card


def describe() -> dict[str, str]:
    """The ``kind`` (``cpu`` or ``gpu``) and ``name`` of the device, and the ``card`` of a GPU as in `host.gpu`.

    TPUs are not supported.
    """
    found = card.find()
    if found is None:
        return {"kind": "cpu", "name": "cpu"}
    return {"kind": "gpu", "name": found.name, "card": found.bus}


def hide_gpus() -> None:
    """Make TensorFlow run on the CPU in this process. Call this before it has computed anything."""
    import tensorflow

    tensorflow.config.set_visible_devices([], "GPU")


def use_jit(cell: Cell, kind: str) -> bool:
    """Whether to compile the model of a cell on a device of this `kind`.

    ``auto`` compiles only on a GPU with TensorFlow: on CPUs, XLA is 10 to 25 times slower for models with depthwise
    convolutions, and torch stays eager. JAX always compiles.
    """
    backend = keras.backend.backend()
    if backend == "jax" or cell.jit == "on":
        return True
    return cell.jit == "auto" and kind == "gpu" and backend == "tensorflow"


def nondeterministic(kind: str) -> tuple[str, ...]:
    """What may differ between two trainings with the same seed on the same machine, one clause each.

    Nothing on a CPU, as tests show for frozen, partial and full training in fresh processes. On a GPU, the fastest
    kernels add floating-point numbers in an order that depends on the timing of threads.
    """
    if kind == "cpu":
        return ()
    gradients = "gradients of convolutions and of the pooling before the head (atomic additions on the GPU)"
    return (gradients, "the choice of convolution kernels (measured anew by each process)")


def arithmetic() -> dict[str, str]:
    """The format in which float32 numbers are multiplied on a GPU, by operation: ``float32`` or ``TF32``.

    TF32, with 10 bits of fraction, is used where both card and backend allow it. By default JAX uses it for all
    operations, torch only for convolutions.
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
    """A fixed batch of random images on the device, uint8 as in training. Not zeros, which would run faster."""
    images = np.random.default_rng(seed).integers(0, 256, (batch_size, *model.input_shape[1:]), dtype=np.uint8)
    return keras.ops.convert_to_tensor(images)


def random_labels(model: keras.Model, batch_size: int, seed: int) -> Any:
    """Random class indices for `random_batch`; a single sigmoid unit has two classes."""
    classes = max(2, model.output_shape[-1])
    labels = np.random.default_rng(seed).integers(0, classes, batch_size, dtype=np.int32)
    return keras.ops.convert_to_tensor(labels)


def calls() -> dict[str, str]:
    """The method of the Keras model that is called for each kind of step."""
    training = "train_function" if keras.backend.backend() == "tensorflow" else "train_on_batch"
    return {"inference": "predict_on_batch", "training": training}


def inference_step(model: keras.Model, images: Any) -> Callable[[], object]:
    """A function that predicts a batch, and returns when the result has reached the host."""
    return lambda: model.predict_on_batch(images)


def training_step(model: keras.Model, images: Any, labels: Any) -> Callable[[], object]:
    """A function that trains on a batch, and returns when the loss has reached the host."""
    if keras.backend.backend() == "tensorflow":
        # Call the function that `fit` traces, with a batch of the same structure: train_on_batch would add a sample
        # weight of None, for which TensorFlow would trace the whole step once more.
        model.make_train_function()
        return lambda: float(model.train_function(iter([(images, labels)]))["loss"])
    return lambda: model.train_on_batch(images, labels)


def wait_for(values: Any) -> None:
    """Wait until the device has computed `values`. Backends return results before they are computed."""
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

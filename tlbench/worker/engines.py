"""Engines: export models to runtimes with Keras' `export`, and run them there on the CPU.

The packages of a runtime are imported only when they are used.
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np
from numpy.typing import NDArray

from tlbench.core.errors import UserError
from tlbench.core.plugins import resolve
from tlbench.execution.runtimes import KERAS, RUNTIMES
from tlbench.worker.kept_model import open_model

Images = NDArray[np.float32]
Run = Callable[[Images], NDArray[np.float32]]
"""Runs a model on images (batch, H, W, 3), float32 from 0 to 255, and returns its outputs (batch, units)."""

LACKING = re.compile(r"^(?:Custom|Flex) ops: (?P<operations>.+)$", re.MULTILINE)
"""The line in the output of LiteRT's converter that names unsupported operations."""


class Engine(Protocol):
    """Exports models to a runtime, and runs them there."""

    def write(self, model: keras.Model, path: Path) -> None:
        """Export `model` to `path`, and perhaps to further files beside it. Raises the errors of the converter."""

    def open(self, path: Path, batch_size: int, threads: int) -> Run:
        """A function that runs the exported model on batches of `batch_size` images with `threads` threads."""

    def versions(self) -> dict[str, str]:
        """The versions of the runtime's packages, besides TensorFlow."""


def engine_of(runtime: str, backbone: str) -> Engine:
    """The engine of a runtime; `backbone` names the backbone, so that Keras finds its custom layers."""
    if runtime == KERAS:
        return _Keras(backbone)
    engine: Engine = resolve(RUNTIMES[runtime].engine)()
    return engine


def _export(model: keras.Model, path: Path, form: str, **options: Any) -> None:
    """Export for batches of any size. The input is given, because Keras knows it only after the model was called."""
    images = keras.InputSpec(shape=(None, *model.input_shape[1:]), dtype=model.inputs[0].dtype, name="images")
    model.export(str(path), format=form, verbose=False, input_signature=[images], **options)


class _Keras:
    """Keras itself, on the saved model, without XLA as in a run's step times on a CPU."""

    def __init__(self, backbone: str) -> None:
        self._backbone = backbone
        self._opened: dict[Path, keras.Model] = {}

    def write(self, model: keras.Model, path: Path) -> None:
        """Do nothing: the model is saved already."""

    def open(self, path: Path, batch_size: int, threads: int) -> Run:
        """As `Engine.open`; TensorFlow uses the threads that the process may use."""
        if path not in self._opened:
            self._opened[path] = open_model(path, self._backbone)
            self._opened[path].compile(optimizer=None, jit_compile=False)
        model = self._opened[path]
        return lambda images: np.asarray(model.predict_on_batch(images), np.float32)

    def versions(self) -> dict[str, str]:
        """None: every environment lists Keras."""
        return {}


class _LiteRT:
    """LiteRT, formerly TensorFlow Lite, with the converter and the interpreter that come with TensorFlow.

    Only its built-in operations are allowed: models that need TensorFlow's operations do not run on phones.
    """

    def __init__(self, **options: Any) -> None:
        self._options = options

    def write(self, model: keras.Model, path: Path) -> None:
        import tensorflow

        own = {"supported_ops": [tensorflow.lite.OpsSet.TFLITE_BUILTINS]}
        try:
            _export(model, path, "litert", target_spec=own, **self._options)
        except Exception as error:
            if (lacking := LACKING.search(str(error))) is None:
                raise
            raise UserError(f"it has no operation of its own for {lacking['operations']}") from error

    def open(self, path: Path, batch_size: int, threads: int) -> Run:
        import tensorflow

        interpreter = tensorflow.lite.Interpreter(str(path), num_threads=threads)
        (given,), (made,) = interpreter.get_input_details(), interpreter.get_output_details()
        interpreter.resize_tensor_input(given["index"], [batch_size, *given["shape"][1:]])
        interpreter.allocate_tensors()

        def run(images: Images) -> NDArray[np.float32]:
            interpreter.set_tensor(given["index"], images)
            interpreter.invoke()
            outputs: NDArray[np.float32] = interpreter.get_tensor(made["index"])
            return outputs

        return run

    def versions(self) -> dict[str, str]:
        """None: it is part of TensorFlow."""
        return {}


class _Onnx:
    """ONNX Runtime; Keras exports with tf2onnx."""

    def write(self, model: keras.Model, path: Path) -> None:
        _export(model, path, "onnx")

    def open(self, path: Path, batch_size: int, threads: int) -> Run:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        (given,) = session.get_inputs()

        def run(images: Images) -> NDArray[np.float32]:
            outputs: NDArray[np.float32] = session.run(None, {given.name: images})[0]
            return outputs

        return run

    def versions(self) -> dict[str, str]:
        import onnxruntime

        return {"onnxruntime": onnxruntime.__version__}


class _OpenVino:
    """OpenVINO with float32 arithmetic; by default it uses bfloat16 on CPUs that have it."""

    def __init__(self) -> None:
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type] # it would report every import

    def write(self, model: keras.Model, path: Path) -> None:
        _export(model, path, "openvino")

    def open(self, path: Path, batch_size: int, threads: int) -> Run:
        import openvino

        core = openvino.Core()
        model = core.read_model(str(path))
        _, *rest = model.input(0).partial_shape
        model.reshape([batch_size, *(side.get_length() for side in rest)])
        hints = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads}
        compiled = core.compile_model(model, "CPU", hints)

        def run(images: Images) -> NDArray[np.float32]:
            outputs: NDArray[np.float32] = compiled(images)[0]
            return outputs

        return run

    def versions(self) -> dict[str, str]:
        import openvino

        return {"openvino": str(openvino.__version__).partition("-")[0]}


def litert() -> Engine:
    """LiteRT with float32 weights."""
    return _LiteRT()


def litert_int8() -> Engine:
    """LiteRT with 8-bit weights and float32 activations (dynamic range quantization)."""
    import tensorflow

    return _LiteRT(optimizations=[tensorflow.lite.Optimize.DEFAULT])


def onnx() -> Engine:
    """ONNX Runtime."""
    return _Onnx()


def openvino() -> Engine:
    """OpenVINO."""
    return _OpenVino()

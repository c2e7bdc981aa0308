"""Runtimes for exported models: each writes a model with Keras' own `export`, and runs what it wrote on the CPU.

What a runtime needs is imported where it is used: a worker that needs none of it loads none.
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
"""From images (batch, H, W, 3), float32 of 0 to 255, to the model's outputs (batch, units), which are there when it
returns."""

LACKING = re.compile(r"^(?:Custom|Flex) ops: (?P<operations>.+)$", re.MULTILINE)
"""The line of LiteRT's converter, among pages, that says what keeps a model from it."""


class Engine(Protocol):
    """Writes models for a runtime, and runs them there."""

    def write(self, model: keras.Model, path: Path) -> None:
        """Write `model` to `path`, whatever else beside it. Raises what the converter raises where it cannot."""

    def open(self, path: Path, batch_size: int, threads: int) -> Run:
        """What runs the model in a file on batches of so many images, with so many threads."""

    def versions(self) -> dict[str, str]:
        """Packages that compute, beside TensorFlow."""


def engine_of(runtime: str, backbone: str) -> Engine:
    """The engine of a runtime. backbone: its name, so that layers of its own are known to Keras."""
    if runtime == KERAS:
        return _Keras(backbone)
    engine: Engine = resolve(RUNTIMES[runtime].engine)()
    return engine


def _export(model: keras.Model, path: Path, form: str, **options: Any) -> None:
    """With any number of images in a batch. Keras finds the input by itself only where the model was called before."""
    images = keras.InputSpec(shape=(None, *model.input_shape[1:]), dtype=model.inputs[0].dtype, name="images")
    model.export(str(path), format=form, verbose=False, input_signature=[images], **options)


class _Keras:
    """The kept file itself, without XLA, as the step times of a run are taken."""

    def __init__(self, backbone: str) -> None:
        self._backbone = backbone
        self._opened: dict[Path, keras.Model] = {}

    def write(self, model: keras.Model, path: Path) -> None:
        """Nothing: it is there."""

    def open(self, path: Path, batch_size: int, threads: int) -> Run:
        """`predict_on_batch`; TensorFlow takes the threads that the process may use."""
        if path not in self._opened:
            self._opened[path] = open_model(path, self._backbone)
            self._opened[path].compile(optimizer=None, jit_compile=False)
        model = self._opened[path]
        return lambda images: np.asarray(model.predict_on_batch(images), np.float32)

    def versions(self) -> dict[str, str]:
        """Keras is among those that every process names."""
        return {}


class _LiteRT:
    """TensorFlow Lite under its new name, with the converter and the interpreter that come with TensorFlow.

    Only its own operations are allowed: a model that needs TensorFlow's beside them runs on no phone.
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
        """It is TensorFlow's."""
        return {}


class _Onnx:
    """ONNX Runtime; Keras converts with tf2onnx."""

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
    """OpenVINO, computing in float32: on CPUs that have bfloat16 it would take that unasked."""

    def __init__(self) -> None:
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type] # it sends word of each import

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
    """The same with weights of 8 bits; what flows between layers stays float32 (dynamic range quantisation)."""
    import tensorflow

    return _LiteRT(optimizations=[tensorflow.lite.Optimize.DEFAULT])


def onnx() -> Engine:
    """ONNX Runtime."""
    return _Onnx()


def openvino() -> Engine:
    """OpenVINO."""
    return _OpenVino()

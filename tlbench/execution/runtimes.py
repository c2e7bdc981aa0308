"""Runtimes for trained models outside of Keras: their names and requirements. Imports none of them."""

import importlib.util
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tlbench.core.errors import UserError, argument, nearest
from tlbench.datasets.source import Split
from tlbench.execution.entry_points import LITERT, LITERT_INT8, ONNX, OPENVINO

KERAS = "keras"
"""The baseline of all runtimes: the saved model in Keras itself, without an export."""


@dataclass(frozen=True)
class Runtime:
    """A runtime for trained models.

    Attributes:
        title: its name for people.
        engine: the function that makes its `Engine` (worker/engines.py), as ``package.module:function``.
        endings: suffixes of the files that an export writes; the first file is the one to open.
        modules: modules that it needs besides TensorFlow.
        extra: the extra of tlbench that installs them.
        exact: whether weights stay float32, so that probabilities should be the same as in Keras.
    """

    title: str
    engine: str
    endings: tuple[str, ...]
    modules: tuple[str, ...] = ()
    extra: str = ""
    exact: bool = True

    @property
    def missing(self) -> tuple[str, ...]:
        """The modules that are not installed for this Python."""
        return tuple(module for module in self.modules if importlib.util.find_spec(module) is None)

    @property
    def absence(self) -> str:
        """A message about the missing modules, and how to install them."""
        needs = f"{self.title} needs {' and '.join(self.missing)}, not installed for {sys.executable}"
        return f"{needs}; `pip install 'tlbench[{self.extra}]'`"


RUNTIMES: Mapping[str, Runtime] = {
    "litert": Runtime("LiteRT", LITERT, (".tflite",)),
    "litert-int8": Runtime("LiteRT, int8 weights", LITERT_INT8, (".int8.tflite",), exact=False),
    "onnx": Runtime("ONNX Runtime", ONNX, (".onnx",), ("onnxruntime", "tf2onnx"), "onnx"),
    "openvino": Runtime("OpenVINO", OPENVINO, (".xml", ".bin"), ("openvino",), "openvino"),
}


def chosen(names: Sequence[str]) -> tuple[str, ...]:
    """The runtimes `names` without repetitions; by default all that are installed.

    Raises:
        UserError: a runtime is unknown or not installed.
    """
    if not names:
        return tuple(name for name, runtime in RUNTIMES.items() if not runtime.missing)
    for name in names:
        if name not in RUNTIMES:
            raise UserError(
                f"{argument('to')}: there is no runtime {name!r}; {nearest(name, list(RUNTIMES), 'runtimes')}"
            )
        if RUNTIMES[name].missing:
            raise UserError(f"{argument('to')} {name}: {RUNTIMES[name].absence}")
    return tuple(dict.fromkeys(names))


@dataclass(frozen=True)
class ToExport:
    """The request to export a saved model to a runtime and run it there.

    Attributes:
        model: the file of the saved model.
        backbone: the name of its backbone, to find custom layers.
        runtime: the name of the runtime.
        into: the path of the exported files, without suffixes.
        images: the images to classify with the exported model.
    """

    model: Path
    backbone: str
    runtime: str
    into: Path
    images: Split


@dataclass(frozen=True)
class Exported:
    """The result of an export.

    Attributes:
        files: the files that were written, first the one to open.
        probabilities: predicted class probabilities, of shape (images, classes).
    """

    files: tuple[Path, ...]
    probabilities: NDArray[np.float32]

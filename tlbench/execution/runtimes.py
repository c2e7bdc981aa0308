"""What trained models run with outside of Keras: names, and what has to be installed. Imports none of it."""

import importlib.util
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tlbench.core.errors import UserError, nearest
from tlbench.datasets.source import Split
from tlbench.execution.entry_points import LITERT, LITERT_INT8, ONNX, OPENVINO

KERAS = "keras"
"""What all of them are held against: the kept file as Keras itself opens it. Nothing is exported for it."""


@dataclass(frozen=True)
class Runtime:
    """A way to run a trained model.

    engine: what a worker calls for an `Engine` (worker/engines.py), by its dotted name. endings: of the files that are
    written; the first is the one that is opened. modules: what has to be importable beside TensorFlow, and the extra of
    tlbench that brings it. exact: weights stay float32, so that probabilities should be Keras' own.
    """

    title: str
    engine: str
    endings: tuple[str, ...]
    modules: tuple[str, ...] = ()
    extra: str = ""
    exact: bool = True

    @property
    def missing(self) -> tuple[str, ...]:
        """Modules that are not installed for this Python."""
        return tuple(module for module in self.modules if importlib.util.find_spec(module) is None)

    @property
    def absence(self) -> str:
        """What is missing, and what brings it."""
        needs = f"{self.title} needs {' and '.join(self.missing)}, not installed for {sys.executable}"
        return f"{needs}; `pip install 'tlbench[{self.extra}]'`"


RUNTIMES: Mapping[str, Runtime] = {
    "litert": Runtime("LiteRT", LITERT, (".tflite",)),
    "litert-int8": Runtime("LiteRT, int8 weights", LITERT_INT8, (".int8.tflite",), exact=False),
    "onnx": Runtime("ONNX Runtime", ONNX, (".onnx",), ("onnxruntime", "tf2onnx"), "onnx"),
    "openvino": Runtime("OpenVINO", OPENVINO, (".xml", ".bin"), ("openvino",), "openvino"),
}


def chosen(names: Sequence[str]) -> tuple[str, ...]:
    """`names`, each once; none: all that are installed. Raises UserError for one that is unknown or not installed."""
    if not names:
        return tuple(name for name, runtime in RUNTIMES.items() if not runtime.missing)
    for name in names:
        if name not in RUNTIMES:
            raise UserError(f"--to: there is no runtime {name!r}; {nearest(name, list(RUNTIMES), 'runtimes')}")
        if RUNTIMES[name].missing:
            raise UserError(f"--to {name}: {RUNTIMES[name].absence}")
    return tuple(dict.fromkeys(names))


@dataclass(frozen=True)
class ToExport:
    """A kept model, and what a worker does with it: write it to `into` for a runtime, and show it `images`.

    backbone: its name, so that layers of its own are known. into: a path without its ending.
    """

    model: Path
    backbone: str
    runtime: str
    into: Path
    images: Split


@dataclass(frozen=True)
class Exported:
    """files: what was written, the one to open first. probabilities: of each class for each image (N, classes)."""

    files: tuple[Path, ...]
    probabilities: NDArray[np.float32]

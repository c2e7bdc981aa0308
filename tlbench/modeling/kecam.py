"""Backbones of keras-cv-attention-models (kecam) on Keras 3.

It is written for Keras 2, and for `keras_core`, as Keras 3 was called before its release. Given Keras by that name it
runs, without its `__init__` and its `imagenet`, which import torch. All that is arranged for it holds while it builds a
model, and for no other model of the process. Tried with version 1.4.3.
"""

import os
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import h5py
import keras

from tlbench.backbones.kecam import PACKAGE
from tlbench.backbones.spec import BackboneInfo
from tlbench.core.cell import ORIGINAL_CLASSES, Scalar

OLD_NAME = "keras_core"
CHOICE = "KECAM_BACKEND"
"""The environment's variable that kecam reads when it is imported."""

_imported: dict[str, ModuleType] = {}
"""Its modules, and Keras' by the old name, while no model is built."""


def construct(info: BackboneInfo, args: Mapping[str, Scalar], shape: tuple[int, int, int], top: bool) -> keras.Model:
    """The model `info` names, with random weights, for images of `shape` (H, W, 3), with or without its classifier."""
    del args
    classes = ORIGINAL_CLASSES if top else 0
    with _within_reach():
        module = import_module(f"{PACKAGE}.{info.family.lower()}")
        made = getattr(module, info.name)(input_shape=shape, num_classes=classes, pretrained=None)
    # Anew, without the functions that kecam hangs on its models.
    return keras.Model(made.inputs[0], made.outputs[0], name=info.name.lower())


def load(model: keras.Model, path: Path) -> None:
    """Give `model` the weights in a file of kecam's: HDF5 as Keras 2 wrote it, layer by layer, by name.

    Raises ValueError for a layer that the file lacks, or has in another shape.
    """
    with h5py.File(path) as file:
        groups = file.get("model_weights", file)
        for layer in model.layers:
            if not layer.weights:
                continue
            if layer.name not in groups:
                raise ValueError(f"there is no layer {layer.name!r} in it")
            group = groups[layer.name]
            layer.set_weights([group[name][()] for name in group.attrs["weight_names"]])


@contextmanager
def _within_reach() -> Iterator[None]:
    """Have kecam, as far as it was imported, and Keras by its old name among the modules; then all is as before."""
    outside, chosen = _taken_out(), os.environ.get(CHOICE)
    os.environ[CHOICE] = OLD_NAME
    sys.modules.update(_imported or _first())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its docstrings have invalid escapes
            import_module(f"{PACKAGE}.attention_layers")  # or davit would import itself in a circle
        vars(import_module(f"{PACKAGE}.keras_core_functional"))["reshape"] = _reshape
        yield
    finally:
        _imported.update(_taken_out())
        sys.modules.update(outside)
        if chosen is None:
            del os.environ[CHOICE]
        else:
            os.environ[CHOICE] = chosen


def _reshape(tensor: Any, shape: Iterable[int]) -> Any:
    """Keras' own; a model with NumPy's whole numbers in its operations cannot be written to a file."""
    return keras.ops.reshape(tensor, tuple(map(int, shape)))


def _taken_out() -> dict[str, ModuleType]:
    names = [name for name in sys.modules if name.partition(".")[0] in (PACKAGE, OLD_NAME)]
    return {name: sys.modules.pop(name) for name in names}


def _first() -> dict[str, ModuleType]:
    """Keras by its old name, and empty modules in place of those that are not to be executed."""
    modules = {
        name.replace("keras", OLD_NAME, 1): module
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] == "keras"
    }
    spec = find_spec(PACKAGE)
    if spec is None:  # on another machine of a cluster
        raise ModuleNotFoundError(f"No module named {PACKAGE!r}", name=PACKAGE)
    package = modules[PACKAGE] = ModuleType(PACKAGE)
    package.__path__ = list(spec.submodule_search_locations or ())
    names = modules[f"{PACKAGE}.imagenet.eval_func"] = ModuleType("eval_func")
    names.decode_predictions = None  # type: ignore[attr-defined]
    return modules

"""Backbones of keras-cv-attention-models (kecam) on Keras 3.

kecam is written for Keras 2 and for `keras_core`, the name of Keras 3 before its release. It works with Keras 3 under
that name, without its `__init__` and its `imagenet`, which import torch. The changes to `sys.modules` and the
environment last only while a model is built. Tested with kecam 1.4.3.
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
"""The environment variable that kecam reads when it is imported."""

_imported: dict[str, ModuleType] = {}
"""The modules of kecam, and Keras under its old name, while no model is built."""


def construct(info: BackboneInfo, args: Mapping[str, Scalar], shape: tuple[int, int, int], top: bool) -> keras.Model:
    """Build the model that `info` names, with random weights, for images of `shape` (H, W, 3)."""
    del args
    classes = ORIGINAL_CLASSES if top else 0
    with _within_reach():
        module = import_module(f"{PACKAGE}.{info.family.lower()}")
        made = getattr(module, info.name)(input_shape=shape, num_classes=classes, pretrained=None)
    # A new model, without the functions that kecam attaches to its own.
    return keras.Model(made.inputs[0], made.outputs[0], name=info.name.lower())


def load(model: keras.Model, path: Path) -> None:
    """Load a weights file of kecam (HDF5 as written by Keras 2), layer by layer, by name.

    Raises:
        ValueError: the file lacks a layer, or has one of another shape.
    """
    with h5py.File(path) as file:
        groups = file.get("model_weights", file)
        for layer in model.layers:
            if not layer.weights:
                continue
            if layer.name not in groups:
                raise ValueError(f"it has no layer {layer.name!r}")
            group = groups[layer.name]
            layer.set_weights([group[name][()] for name in group.attrs["weight_names"]])


@contextmanager
def _within_reach() -> Iterator[None]:
    """Make kecam and Keras under its old name importable, and restore everything afterwards."""
    outside, chosen = _taken_out(), os.environ.get(CHOICE)
    os.environ[CHOICE] = OLD_NAME
    sys.modules.update(_imported or _first())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its docstrings have invalid escape sequences
            import_module(f"{PACKAGE}.attention_layers")  # first, because importing davit alone is circular
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
    """Keras' `reshape` with Python integers, because a model with NumPy integers in its operations cannot be saved."""
    return keras.ops.reshape(tensor, tuple(map(int, shape)))


def _taken_out() -> dict[str, ModuleType]:
    """Remove the modules of kecam and `keras_core` from `sys.modules`, and return them."""
    names = [name for name in sys.modules if name.partition(".")[0] in (PACKAGE, OLD_NAME)]
    return {name: sys.modules.pop(name) for name in names}


def _first() -> dict[str, ModuleType]:
    """The modules for the first import: Keras under its old name, and empty ones for those that import torch."""
    modules = {
        name.replace("keras", OLD_NAME, 1): module
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] == "keras"
    }
    spec = find_spec(PACKAGE)
    if spec is None:  # possible on another machine of a cluster
        raise ModuleNotFoundError(f"No module named {PACKAGE!r}", name=PACKAGE)
    package = modules[PACKAGE] = ModuleType(PACKAGE)
    package.__path__ = list(spec.submodule_search_locations or ())
    names = modules[f"{PACKAGE}.imagenet.eval_func"] = ModuleType("eval_func")
    names.decode_predictions = None  # type: ignore[attr-defined]
    return modules

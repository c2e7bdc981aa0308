"""A model saved by Keras as a backbone, ``{name: file, path: my.keras}``: what its file says of it, read without Keras.

A file that brings code of its own is refused here, before anything of it is opened.
"""

import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tlbench.backbones.spec import BackboneInfo
from tlbench.cache.download import file_digest
from tlbench.core.cell import FILE, Named, Scalar
from tlbench.core.errors import UserError

SUFFIX = ".keras"
DIGITS = 12
"""Of the SHA-256, as a cell has it."""
SCALING = frozenset({"Rescaling", "Normalization"})
ANY_SIZE = 224

INFO = BackboneInfo(
    name=FILE,
    family=FILE,
    module=None,
    default_size=ANY_SIZE,
    min_size=8,
    scaling="inside",
    constructor="tlbench.modeling.saved:construct",
    pretrained=False,
    loader="tlbench.modeling.saved:load",
)


@dataclass(frozen=True)
class SavedFile:
    """A file. size: pixels of the squares that it takes; None: any."""

    path: Path
    sha256: str
    size: int | None


_known: dict[str, SavedFile] = {}


def backbone(path: Path, scaling: str | None) -> Named:
    """The backbone in a file, which workers find from now on; it is known by its content, not by its place.

    scaling: as of `BackboneInfo`; None: the file's own layers scale. Raises UserError, in one sentence, for a file that
    is no model or holds a program, for one that takes other images, and where nobody says how images are scaled.
    """
    layers = list(_layers(path))
    for layer in layers:
        _check(path, layer)
    if scaling is None and not any(layer["class_name"] in SCALING for layer in layers):
        raise UserError(
            f"{path} has no layer that scales images; say which it was trained on: `scaling: tf` (-1 to 1), `torch`, "
            "`caffe`, or `inside` (0 to 255)"
        )
    file = SavedFile(path.resolve(), file_digest(path), _size(path, layers))
    known_by = file.sha256[:DIGITS]
    _known[known_by] = file
    return Named(name=FILE, args={"model": path.stem, "sha256": known_by, "scaling": scaling or "inside"})


def known() -> tuple[SavedFile, ...]:
    """The files that this process has read."""
    return tuple(_known.values())


def adopt(files: Iterable[SavedFile]) -> None:
    """Have files known that another process has read."""
    _known.update({file.sha256[:DIGITS]: file for file in files})


def file_of(args: Mapping[str, Scalar]) -> SavedFile:
    """The file of a backbone. Raises UserError where it was not found when the suite was read."""
    file = _known.get(str(args.get("sha256")))
    if file is None:
        raise UserError(f"the saved model {args.get('model')}{SUFFIX} is not there; mend its path in the suite")
    return file


def info_of(args: Mapping[str, Scalar]) -> BackboneInfo:
    """What is known of the backbone in a file. Raises UserError as `file_of`."""
    size = file_of(args).size
    scaling: Any = args["scaling"]
    if size is None:
        return replace(INFO, scaling=scaling)
    return replace(INFO, scaling=scaling, default_size=size, min_size=size, most_size=size)


def _layers(path: Path) -> Iterator[dict[str, Any]]:
    """The layers of the model, as they are written."""
    try:
        with zipfile.ZipFile(path) as archive:
            model = json.loads(archive.read("config.json"))
        if model["class_name"] not in {"Functional", "Sequential"}:
            raise UserError(
                f"{path} holds a {model['class_name']}, which is more than its layers; save a functional model"
            )
        layers = [layer for layer in model["config"]["layers"] if isinstance(layer["class_name"], str)]
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); name a file that `model.save` wrote") from error
    except (zipfile.BadZipFile, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise UserError(f"{path} is no model of Keras 3 ({error}); save it with `model.save('my.keras')`") from error
    yield from layers


def _check(path: Path, layer: Mapping[str, Any]) -> None:
    """Raises UserError for a layer that cannot be opened, or not without running what the file brings."""
    name, kind = layer.get("config", {}).get("name", ""), layer["class_name"]
    if _has_program(layer):
        raise UserError(
            f"{path} is not opened: layer {name!r} is a Lambda layer or holds another program, which could do anything "
            "here; save the model without it"
        )
    if kind in {"Functional", "Sequential", "Model"}:
        raise UserError(
            f"{path} has a model within the model, {name!r}, which could only be frozen whole; save that one by "
            f"itself: model.get_layer({name!r}).save('backbone{SUFFIX}')"
        )
    if not str(layer.get("module", "")).startswith("keras."):
        raise UserError(f"{path} has a layer of its own kind, {kind} ({name!r}), whose code is not in the file")


def _has_program(value: Any) -> bool:
    """Whether a Lambda layer, or a function in code, is anywhere in what is written."""
    if isinstance(value, Mapping):
        return value.get("class_name") in ("Lambda", "__lambda__") or any(map(_has_program, value.values()))
    return isinstance(value, list) and any(map(_has_program, value))


def _size(path: Path, layers: Iterable[Mapping[str, Any]]) -> int | None:
    inputs = [layer["config"].get("batch_shape") for layer in layers if layer["class_name"] == "InputLayer"]
    shape = inputs[0] if len(inputs) == 1 else None
    if not isinstance(shape, list) or len(shape) != 4 or shape[3] != 3:
        raise UserError(f"{path} does not take one RGB image (height, width, 3): its input is {inputs}")
    height, width = shape[1:3]
    if height != width:
        raise UserError(f"{path} takes images of {height} x {width}; save it for squares, or for any size (None)")
    return None if height is None else int(height)

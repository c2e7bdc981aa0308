"""A saved model (``{name: file, path: my.keras}``) or a keras-hub preset as a backbone, described without Keras.

Files that contain code are refused here, before Keras opens them.
"""

import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tlbench.backbones import hub, preset
from tlbench.backbones.preset import Preset
from tlbench.backbones.spec import BackboneInfo, PerChannel, Scaling, per_channel
from tlbench.cache.download import file_digest
from tlbench.core.cell import FILE, Named, Scalar
from tlbench.core.errors import UserError
from tlbench.core.json_text import parse_json

SUFFIX = ".keras"
DIGITS = 12
"""Number of hexadecimal digits of the SHA-256 that identify a file in a cell."""
SCALING = frozenset({"Rescaling", "Normalization"})
"""Layers that scale images."""
ANY_SIZE = 224
"""Default image size of models that take images of any size."""
SAY_SCALING = (
    "give the one that it was trained with: `scaling: tf` (-1 to 1), `torch`, `caffe`, `inside` (0 to 255), or "
    "`{scale: ..., offset: ...}`"
)
"""Hint of error messages about the scaling."""

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
"""The description of a saved model about which nothing else is known."""


OF_PRESET: Mapping[str, Any] = {
    "constructor": "tlbench.modeling.hub:construct_preset",
    "loader": "tlbench.modeling.hub:load_preset",
}
"""The fields in which a preset differs from a ``.keras`` file."""


@dataclass(frozen=True)
class SavedFile:
    """A saved model.

    Attributes:
        path: the file, or the folder of a preset.
        sha256: digest of the content.
        size: side length in pixels of its square images; None if any size is possible.
        preset: the description of a preset; None for a file.
    """

    path: Path
    sha256: str
    size: int | None
    preset: Preset | None = None


_known: dict[str, SavedFile] = {}
"""The saved models that this process knows, by the first digits of their digest."""


def backbone(path: Path, scaling: str | None) -> Named:
    """The backbone in a file or folder, identified by its content, not by its path.

    The path is remembered, so that it can be found from the cell later.

    Args:
        path: a ``.keras`` file or a preset folder.
        scaling: as `scaling_of` reads it; None if the model's own layers scale, or the preset says how.

    Raises:
        UserError: it is not a model, contains code, does not take square RGB images, or its scaling is unknown.
    """
    file = _preset(path, scaling) if path.is_dir() else _file(path, scaling)
    known_by = file.sha256[:DIGITS]
    _known[known_by] = file
    if file.preset is None:
        return Named(name=FILE, args={"model": path.stem, "sha256": known_by, "scaling": scaling or "inside"})
    return Named(name=FILE, args={"preset": path.name, "sha256": known_by, **({"scaling": scaling} if scaling else {})})


def missing(path: Path, scaling: str | None) -> Named:
    """The backbone for a path that does not exist, of a run that is only looked at."""
    known_as = {"model": path.stem} if path.suffix == SUFFIX else {"preset": path.name}
    return Named(name=FILE, args={**known_as, "scaling": scaling})


def scaling_of(word: str) -> Scaling | PerChannel:
    """Parse a scaling: a name such as ``tf``, or scale and offset as JSON."""
    if word.startswith("{"):
        return per_channel(**parse_json(word))
    known: Scaling = word  # type: ignore[assignment]  # checked when the suite was read
    return known


def _file(path: Path, scaling: str | None) -> SavedFile:
    layers = list(_layers(path))
    for layer in layers:
        _check(path, layer)
    if scaling is None and not any(layer["class_name"] in SCALING for layer in layers):
        raise UserError(f"{path} has no layer that scales images; {SAY_SCALING}")
    return SavedFile(path.resolve(), file_digest(path), _size(path, layers))


def _preset(path: Path, scaling: str | None) -> SavedFile:
    found = preset.read(path)
    if scaling is None and found.scaling is None:
        raise UserError(f"{path} does not say how images are scaled ({preset.CONVERTER}); {SAY_SCALING}")
    return SavedFile(path.resolve(), preset.digest(path), found.size, found)


def known() -> tuple[SavedFile, ...]:
    """The saved models that this process knows."""
    return tuple(_known.values())


def adopt(files: Iterable[SavedFile]) -> None:
    """Remember saved models that another process has read."""
    _known.update({file.sha256[:DIGITS]: file for file in files})


def file_of(args: Mapping[str, Scalar]) -> SavedFile:
    """The saved model of a backbone.

    Raises:
        UserError: it was not found when the suite was read.
    """
    file = _known.get(str(args.get("sha256")))
    if file is None:
        raise UserError(f"the saved model {called(args)} does not exist; correct its path in the suite")
    return file


def is_known(args: Mapping[str, Scalar]) -> bool:
    """Whether the saved model of a backbone was found when the suite was read."""
    return str(args.get("sha256")) in _known


def called(args: Mapping[str, Scalar]) -> str:
    """The name of a backbone's file or folder."""
    return f"{args['model']}{SUFFIX}" if "model" in args else str(args.get("preset"))


def info_of(args: Mapping[str, Scalar]) -> BackboneInfo:
    """The description of the backbone in a saved model.

    Raises:
        UserError: it was not found when the suite was read.
    """
    file = file_of(args)
    scaling = scaling_of(str(args["scaling"])) if args.get("scaling") else "inside"
    info = replace(INFO, scaling=scaling)
    if file.preset is not None:
        own = scaling if args.get("scaling") else file.preset.scaling or "inside"
        info = replace(info, scaling=own, output=file.preset.output, needs=hub.NEEDS, **OF_PRESET)
    if file.size is None:
        return info
    return replace(info, default_size=file.size, min_size=file.size, most_size=file.size)


def _layers(path: Path) -> Iterator[dict[str, Any]]:
    """The configurations of the model's layers.

    Raises:
        UserError: the file is not a functional or sequential model of Keras 3.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            model = parse_json(archive.read("config.json"))
        if model["class_name"] not in {"Functional", "Sequential"}:
            raise UserError(
                f"{path} contains a {model['class_name']}, which is more than its layers; save a functional model"
            )
        layers = model["config"]["layers"]
        for layer in layers:
            if not isinstance(layer["class_name"], str) or not isinstance(layer["config"], dict):
                raise ValueError("a layer has no class_name or config")
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); give a file that `model.save` wrote") from error
    except (zipfile.BadZipFile, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise UserError(f"{path} is not a model of Keras 3 ({error}); save it with `model.save('my.keras')`") from error
    yield from layers


def _check(path: Path, layer: Mapping[str, Any]) -> None:
    """Raise UserError for a layer that cannot be loaded, or only by running code from the file."""
    name, kind = layer.get("config", {}).get("name", ""), layer["class_name"]
    if _has_program(layer):
        raise UserError(
            f"{path} is not opened: layer {name!r} is a Lambda layer or contains other code, which could do anything "
            "here; save the model without it"
        )
    if kind in {"Functional", "Sequential", "Model"}:
        raise UserError(
            f"{path} has a model as a layer, {name!r}, which could only be frozen as a whole; save the inner model by "
            f"itself: model.get_layer({name!r}).save('backbone{SUFFIX}')"
        )
    if not str(layer.get("module", "")).startswith("keras."):
        raise UserError(f"{path} has a custom layer, {kind} ({name!r}), whose code is not in the file")


def _has_program(value: Any) -> bool:
    """Whether a configuration contains a Lambda layer or a serialized function at any depth."""
    if isinstance(value, Mapping):
        return value.get("class_name") in ("Lambda", "__lambda__") or any(map(_has_program, value.values()))
    return isinstance(value, list) and any(map(_has_program, value))


def _size(path: Path, layers: Iterable[Mapping[str, Any]]) -> int | None:
    """Side length in pixels of the model's square input; None if any size is possible.

    Raises:
        UserError: the model does not take one square RGB image.
    """
    inputs = [layer["config"].get("batch_shape") for layer in layers if layer["class_name"] == "InputLayer"]
    shape = inputs[0] if len(inputs) == 1 else None
    if not isinstance(shape, list) or len(shape) != 4 or shape[3] != 3:
        raise UserError(f"{path} does not take one RGB image (height, width, 3): its input is {inputs}")
    height, width = shape[1:3]
    if height != width:
        raise UserError(f"{path} takes images of {height} x {width}; save it for square images, or for any size (None)")
    return None if height is None else int(height)

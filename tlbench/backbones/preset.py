"""Read a preset folder written by keras-hub (``backbone.save_to_preset``), without Keras.

Only the class name and its arguments are read. No code in the folder is executed.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlbench.backbones.hub import ARCHITECTURES
from tlbench.backbones.spec import Output, PerChannel, per_channel
from tlbench.cache.download import file_digest
from tlbench.core.errors import UserError
from tlbench.core.mapping import read_mapping

CONFIG, CONVERTER = "config.json", "image_converter.json"
PACKAGE, KIND = "keras_hub>", "Backbone"
NOT_TAKEN = frozenset({"name", "trainable", "dtype", "image_shape"})
"""Arguments that are not taken from the preset, because the suite sets them or they have no meaning here."""


@dataclass(frozen=True)
class Preset:
    """The model of a preset.

    Attributes:
        kind: the class of ``keras_hub.models``.
        arguments: its arguments, as values of JSON.
        size: side length in pixels of its square images; None if any size is possible.
        scaling: how it wants images to be scaled; None if the folder does not say so.
    """

    kind: str
    arguments: Mapping[str, Any]
    size: int | None
    scaling: PerChannel | None

    @property
    def output(self) -> Output:
        """What the model returns. Unknown classes are assumed to return a feature map, which the worker checks."""
        if not self.arguments.get("use_class_token", True):
            return "tokens"
        return {known.name: known.output for known in ARCHITECTURES}.get(self.kind, "map")


def is_preset(path: Path) -> bool:
    """Whether a folder is a preset."""
    return (path / CONFIG).is_file()


def read(folder: Path) -> Preset:
    """Read a preset.

    Raises:
        UserError: the folder is not a preset of keras-hub, or does not hold a backbone for square RGB images.
    """
    config = _json(folder / CONFIG)
    kind, arguments = str(config.get("class_name")), config.get("config")
    if not str(config.get("registered_name", "")).startswith(PACKAGE) or not isinstance(arguments, dict):
        raise UserError(
            f"{folder / CONFIG} is not in keras-hub's own format; convert it with "
            "`keras_hub.models.Backbone.from_preset(FOLDER).save_to_preset(NEW)`"
        )
    shape = arguments.get("image_shape")
    if not kind.endswith(KIND) or not isinstance(shape, list) or len(shape) != 3 or shape[2] != 3:
        raise UserError(f"{folder} contains a {kind} without an image_shape of (height, width, 3); tlbench needs one")
    if shape[0] != shape[1]:
        raise UserError(f"{folder} takes images of {shape[0]} x {shape[1]}; tlbench needs a preset for square images")
    taken = {key: value for key, value in arguments.items() if key not in NOT_TAKEN}
    return Preset(kind, taken, shape[0], _scaling(folder / CONVERTER))


def weights_of(folder: Path) -> Path:
    """The weights file of a preset, as `load_weights` takes it. Raises UserError if there is none."""
    for name in ("model.weights.json", "model.weights.h5"):
        if (folder / name).is_file():
            return folder / name
    raise UserError(f"{folder} has no model.weights.h5; use `weights: random`, or download it again")


def digest(folder: Path) -> str:
    """SHA-256, in hexadecimal, over the names and digests of all files that a model is made from."""
    made_from = [folder / CONFIG, folder / CONVERTER, *sorted(folder.glob("model*.weights.*"))]
    lines = [f"{file.name} {file_digest(file)}" for file in made_from if file.is_file()]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _scaling(file: Path) -> PerChannel | None:
    if not file.is_file():
        return None
    config = _json(file).get("config", {})
    if not isinstance(config, dict):
        raise UserError(f"{file} has no config; download the preset again, or give `scaling` in the suite")
    scale, offset = config.get("scale"), config.get("offset")
    if scale is None and offset is None:
        return None
    try:
        return per_channel(1.0 if scale is None else scale, 0.0 if offset is None else offset)
    except ValueError as error:
        raise UserError(f"{file}: {error}; give `scaling` in the suite") from error


def _json(file: Path) -> dict[str, Any]:
    return read_mapping(file, str(file), "give a folder that keras-hub wrote")

"""A folder that keras-hub has written (``backbone.save_to_preset``): what it says of its model, read without Keras.

Only the class and its arguments are taken from it, never an object: nothing that stands there is run.
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
"""Arguments that the suite says, or that name what is not to be had here."""


@dataclass(frozen=True)
class Preset:
    """A class of ``keras_hub.models`` with its arguments, as JSON has them.

    size: pixels of the squares it takes; None: any. scaling: None where the folder does not say it.
    """

    kind: str
    arguments: Mapping[str, Any]
    size: int | None
    scaling: PerChannel | None

    @property
    def output(self) -> Output:
        """What it gives: of classes that are not known here, a feature map, which their worker checks."""
        if not self.arguments.get("use_class_token", True):
            return "tokens"
        return {one.name: one.output for one in ARCHITECTURES}.get(self.kind, "map")


def is_preset(path: Path) -> bool:
    """Whether a folder is one."""
    return (path / CONFIG).is_file()


def read(folder: Path) -> Preset:
    """What `folder` says. Raises UserError, in one sentence, where it is none, or holds no backbone for images."""
    config = _json(folder / CONFIG)
    kind, arguments = str(config.get("class_name")), config.get("config")
    if not str(config.get("registered_name", "")).startswith(PACKAGE) or not isinstance(arguments, dict):
        raise UserError(
            f"{folder / CONFIG} is not keras-hub's own; write one from it with "
            "`keras_hub.models.Backbone.from_preset(FOLDER).save_to_preset(NEW)`"
        )
    shape = arguments.get("image_shape")
    if not kind.endswith(KIND) or not isinstance(shape, list) or len(shape) != 3 or shape[2] != 3:
        raise UserError(f"{folder} holds a {kind} without an image_shape of (height, width, 3); tlbench needs one")
    if shape[0] != shape[1]:
        raise UserError(f"{folder} takes images of {shape[0]} x {shape[1]}; tlbench takes squares from a file")
    taken = {key: value for key, value in arguments.items() if key not in NOT_TAKEN}
    return Preset(kind, taken, shape[0], _scaling(folder / CONVERTER))


def weights_of(folder: Path) -> Path:
    """The file of a preset that `load_weights` takes. Raises UserError where there is none."""
    for name in ("model.weights.json", "model.weights.h5"):
        if (folder / name).is_file():
            return folder / name
    raise UserError(f"{folder} has no model.weights.h5; give it `weights: random`, or fetch it again")


def digest(folder: Path) -> str:
    """Of all its files that a model is made from, by their names (SHA-256, hexadecimal)."""
    made_from = [folder / CONFIG, folder / CONVERTER, *sorted(folder.glob("model*.weights.*"))]
    lines = [f"{file.name} {file_digest(file)}" for file in made_from if file.is_file()]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _scaling(file: Path) -> PerChannel | None:
    if not file.is_file():
        return None
    config = _json(file).get("config", {})
    scale, offset = config.get("scale"), config.get("offset")
    if scale is None and offset is None:
        return None
    try:
        return per_channel(1.0 if scale is None else scale, 0.0 if offset is None else offset)
    except ValueError as error:
        raise UserError(f"{file}: {error}; say `scaling` in the suite") from error


def _json(file: Path) -> dict[str, Any]:
    return read_mapping(file, str(file), "name a folder that keras-hub wrote")

"""Backbones of keras-hub, opened: its encoders are one layer each; here their blocks are layers of the model.

So a boundary can lie between any two blocks, and the model be cut there. The layers, what they compute and their
weights are keras-hub's own.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras

from tlbench.backbones import preset
from tlbench.backbones.hub import architecture
from tlbench.backbones.saved import file_of
from tlbench.backbones.spec import BackboneInfo
from tlbench.core.cell import Scalar
from tlbench.core.errors import UserError
from tlbench.core.text import one_line
from tlbench.modeling.keras_private import sublayers

Tensor = Any
PACKAGE = "keras_hub"


def construct(info: BackboneInfo, args: Mapping[str, Scalar], shape: tuple[int, int, int], top: bool) -> keras.Model:
    """The architecture `info` names, with random weights, for images of `shape` (H, W, 3).

    Raises UserError where its original classifier is asked for, and, in keras-hub's words, where the numbers do not go
    together.
    """
    if top:
        raise UserError(f"{info.name} has no original classifier; strategy pretrained takes backbones that have one")
    return _made(info.name, architecture(info.name).made_of(args, shape), f"{info.name} with {dict(args)}")


def construct_preset(
    info: BackboneInfo, args: Mapping[str, Scalar], shape: tuple[int, int, int], top: bool
) -> keras.Model:
    """The class in a preset, with random weights, for images of `shape` (H, W, 3).

    Raises UserError for a folder that is another one now, and for a class that gives neither tokens nor a feature map.
    """
    file = file_of(args)
    if top:
        raise UserError(f"{file.path.name} is used without a classifier; strategy pretrained takes backbones by name")
    if preset.digest(file.path) != file.sha256:
        raise UserError(f"{file.path} has changed since the run began; run it again")
    assert file.preset is not None
    model = _made(file.preset.kind, {**file.preset.arguments, "image_shape": list(shape)}, file.path.name)
    if len(model.output_shape) != (4 if info.output == "map" else 3):
        raise UserError(f"{file.path.name}: a {file.preset.kind} gives {model.output_shape}, of which no head is known")
    return model


def load_preset(model: keras.Model, path: Path) -> None:
    """Give `model`, which `construct_preset` has made, the weights in the folder. Raises ValueError for others."""
    own = model.own()
    own.load_weights(preset.weights_of(path))
    for ours, theirs in zip(model.weights, own.weights, strict=True):
        ours.assign(theirs)


def _made(kind: str, arguments: Mapping[str, Any], said: str) -> "HubBackbone":
    try:
        return HubBackbone(kind, arguments)
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError(f"keras-hub cannot make {said}: {one_line(str(error))}") from error


@keras.saving.register_keras_serializable(package="tlbench")
class HubBackbone(keras.Model):  # type: ignore[misc]
    """A class of ``keras_hub.models`` with its arguments, as a functional model of its blocks.

    Saved as these two, since not all layers of keras-hub can be made again from what they save.
    """

    def __init__(self, kind: str, arguments: Mapping[str, Any], **kwargs: Any) -> None:
        inputs, outputs = _opened(_own(kind, arguments))
        super().__init__(inputs, outputs, **{"name": kind.lower(), **kwargs})
        self._kind, self._arguments = kind, dict(arguments)

    def own(self) -> keras.Model:
        """keras-hub's own model of the same class and arguments, with other random weights in the same order."""
        return _own(self._kind, self._arguments)

    def get_config(self) -> dict[str, Any]:
        """What it is made again from."""
        return {"kind": self._kind, "arguments": dict(self._arguments), "name": self.name, "trainable": self.trainable}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "HubBackbone":
        """Made again, with random weights."""
        del custom_objects
        return cls(**config)


def _own(kind: str, arguments: Mapping[str, Any]) -> keras.Model:
    import keras_hub

    return getattr(keras_hub.models, kind)(**arguments)


def _opened(model: keras.Model) -> tuple[Tensor, Tensor]:
    """Input and output of the same graph with encoders opened. keras-hub's own may have its input in a dictionary."""
    again = keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=_called)
    return again.inputs[0], again.outputs[0]


def _called(layer: Any, *args: Any, **kwargs: Any) -> Any:
    """What a layer makes of symbolic tensors; an encoder's own layers are called on them instead of it."""
    opened = OPENED.get(type(layer).__name__) if type(layer).__module__.startswith(PACKAGE) else None
    return opened(layer, *args, **kwargs) if opened else layer(*args, **kwargs)


def _chain(encoder: Any, tokens: Tensor) -> Any:
    """One that does nothing but call its layers, one after the other."""
    return encoder.call(tokens)


def _deit(encoder: Any, tokens: Tensor) -> Tensor:
    """Its blocks give None beside their tokens, which no layer of a graph may; so they are opened too."""
    for block in encoder.encoder_layers:
        _prefix(block)
        tokens, _ = block.call(tokens)
    return encoder.layer_norm(tokens)


def _swin(stage: Any, tokens: Tensor) -> Tensor:
    """A stage with its merging of patches; they do not say their shapes, which a cut must know."""
    _prefix(stage)
    for block in stage.blocks:
        block.compute_output_shape = lambda shape: shape
    if stage.downsample is not None:
        leaving = stage.compute_output_shape(tokens.shape)
        stage.downsample.compute_output_shape = lambda shape: (shape[0], *leaving[1:])
    return stage.call(tokens)


def _prefix(layer: Any) -> None:
    """Name the layers of one of several alike after it: names are unique in a model."""
    for inner in sublayers(layer):
        inner.name = f"{layer.name}_{inner.name}"


OPENED: Mapping[str, Callable[..., Any]] = {
    "ViTEncoder": _chain,
    "DeiTEncoder": _deit,
    "DINOV2Encoder": _chain,
    "SwinTransformerStage": _swin,
}
"""By the class of the encoder. Another's layers are as keras-hub has them: such a model is cut between those alone."""

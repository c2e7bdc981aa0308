"""Backbones of keras-hub with their encoders unfolded, so that a freeze boundary can lie between any two blocks.

In keras-hub, an encoder is a single layer. Here its blocks are layers of the model. The layers, their computations and
their weights are those of keras-hub.
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
    """Build the architecture that `info` names, with random weights, for images of `shape` (H, W, 3).

    Raises:
        UserError: `top` is set, or keras-hub rejects the arguments.
    """
    if top:
        raise UserError(
            f"{info.name} has no original classifier, which strategy pretrained needs; use another backbone"
        )
    return _made(info.name, architecture(info.name).made_of(args, shape), f"{info.name} with {dict(args)}")


def construct_preset(
    info: BackboneInfo, args: Mapping[str, Scalar], shape: tuple[int, int, int], top: bool
) -> keras.Model:
    """Build the model of a preset, with random weights, for images of `shape` (H, W, 3).

    Raises:
        UserError: `top` is set, the folder has changed, or the model returns neither tokens nor a feature map.
    """
    file = file_of(args)
    if top:
        raise UserError(f"{file.path.name} is used without its classifier; strategy pretrained takes backbones by name")
    if preset.digest(file.path) != file.sha256:
        raise UserError(f"{file.path} has changed since the run began; run it again")
    assert file.preset is not None
    model = _made(file.preset.kind, {**file.preset.arguments, "image_shape": list(shape)}, file.path.name)
    if len(model.output_shape) != (4 if info.output == "map" else 3):
        raise UserError(f"{file.path.name}: a {file.preset.kind} returns {model.output_shape}, which no head supports")
    return model


def load_preset(model: keras.Model, path: Path) -> None:
    """Load the weights in a preset folder into a model that `construct_preset` built.

    Raises:
        ValueError: the weights do not fit.
    """
    own = model.own()
    own.load_weights(preset.weights_of(path))
    for ours, theirs in zip(model.weights, own.weights, strict=True):
        ours.assign(theirs)


def _made(kind: str, arguments: Mapping[str, Any], said: str) -> "HubBackbone":
    """Build a `HubBackbone`; errors of keras-hub become a UserError about `said`."""
    try:
        return HubBackbone(kind, arguments)
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError(f"keras-hub cannot build {said}: {one_line(str(error))}") from error


@keras.saving.register_keras_serializable(package="tlbench")
class HubBackbone(keras.Model):  # type: ignore[misc]
    """A model of ``keras_hub.models`` as a functional model of its blocks.

    It is saved as its class name and arguments, because some layers of keras-hub cannot be restored from their
    configuration.
    """

    def __init__(self, kind: str, arguments: Mapping[str, Any], **kwargs: Any) -> None:
        inputs, outputs = _opened(_own(kind, arguments))
        super().__init__(inputs, outputs, **{"name": kind.lower(), **kwargs})
        self._kind, self._arguments = kind, dict(arguments)

    def own(self) -> keras.Model:
        """keras-hub's own model of the same class and arguments, with new random weights in the same order."""
        return _own(self._kind, self._arguments)

    def get_config(self) -> dict[str, Any]:
        """The class name and arguments."""
        return {"kind": self._kind, "arguments": dict(self._arguments), "name": self.name, "trainable": self.trainable}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "HubBackbone":
        """Rebuild the model, with random weights."""
        del custom_objects
        return cls(**config)


def _own(kind: str, arguments: Mapping[str, Any]) -> keras.Model:
    import keras_hub

    return getattr(keras_hub.models, kind)(**arguments)


def _opened(model: keras.Model) -> tuple[Tensor, Tensor]:
    """Input and output of the same graph with unfolded encoders. The input of keras-hub's own model may be a
    dictionary.
    """
    again = keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=_called)
    return again.inputs[0], again.outputs[0]


def _called(layer: Any, *args: Any, **kwargs: Any) -> Any:
    """Call a layer on symbolic tensors; if it is an encoder, call its inner layers instead."""
    opened = OPENED.get(type(layer).__name__) if type(layer).__module__.startswith(PACKAGE) else None
    return opened(layer, *args, **kwargs) if opened else layer(*args, **kwargs)


def _chain(encoder: Any, tokens: Tensor) -> Any:
    """Unfold an encoder that only calls its layers one after the other."""
    return encoder.call(tokens)


def _deit(encoder: Any, tokens: Tensor) -> Tensor:
    """Unfold an encoder and its blocks, because a block returns None beside its tokens, which a layer in a graph must
    not.
    """
    for block in encoder.encoder_layers:
        _prefix(block)
        tokens, _ = block.call(tokens)
    return encoder.layer_norm(tokens)


def _swin(stage: Any, tokens: Tensor) -> Tensor:
    """Unfold a stage and its patch merging. Their layers lack `compute_output_shape`, which a cut needs."""
    _prefix(stage)
    for block in stage.blocks:
        block.compute_output_shape = lambda shape: shape
    if stage.downsample is not None:
        leaving = stage.compute_output_shape(tokens.shape)
        stage.downsample.compute_output_shape = lambda shape: (shape[0], *leaving[1:])
    return stage.call(tokens)


def _prefix(layer: Any) -> None:
    """Prefix the names of inner layers with the name of `layer`, because names must be unique in a model."""
    for inner in sublayers(layer):
        inner.name = f"{layer.name}_{inner.name}"


OPENED: Mapping[str, Callable[..., Any]] = {
    "ViTEncoder": _chain,
    "DeiTEncoder": _deit,
    "DINOV2Encoder": _chain,
    "SwinTransformerStage": _swin,
}
"""How layers are unfolded, by class. Other models are only cut between the layers that keras-hub gives them."""

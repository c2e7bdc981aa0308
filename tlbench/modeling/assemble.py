"""Put a model together: images, scaling, backbone, head; frozen as the strategy says."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import keras

from tlbench.backbones import registry as backbones
from tlbench.backbones.spec import BackboneInfo
from tlbench.errors import UserError
from tlbench.modeling.heads import head_layers
from tlbench.modeling.preprocessing import check_scaling, scaling_layers
from tlbench.strategies import registry as strategies
from tlbench.strategies.base import LayerView
from tlbench.suite.cell import Cell, Head, Named, Scalar


@dataclass(frozen=True)
class Assembled:
    """A model from images (batch, H, W, 3), uint8 or float 0..255, to class probabilities; its nested backbone.

    With head `imagenet` the backbone is the whole original classifier. `frozen` is the number of the backbone's first
    layers that are not trained.
    """

    model: keras.Model
    backbone: keras.Model
    frozen: int


def build(cell: Cell, classes: int, weights_path: Path | None) -> Assembled:
    """The model of a cell, seeded with the cell's seed, not compiled. `weights_path` None: random weights.

    Raises UserError for weights that do not fit and for a boundary outside the backbone.
    """
    keras.utils.set_random_seed(cell.seed)
    keras.config.set_dtype_policy(cell.precision)
    return assemble(cell.backbone, cell.strategy, cell.head, classes, cell.image_size, weights_path)


def assemble(
    backbone: Named, strategy: Named, head: Head, classes: int, image_size: int, weights_path: Path | None = None
) -> Assembled:
    """As `build`, from the parts, with the random seed and the precision as they are."""
    info = backbones.get(backbone.name)
    shape = (image_size, image_size, 3)
    original = head.name == "imagenet"
    extractor = make_backbone(info, backbone.args, shape, weights_path, top=original)
    check_scaling(info)
    frozen = freeze(extractor, strategy)
    # Fed with uint8, a quarter of the bytes; the model casts on the device.
    inputs = keras.Input(shape, dtype="float32", name="images")
    outputs: keras.KerasTensor = inputs
    for layer in [*scaling_layers(info.scaling), extractor, *([] if original else head_layers(head, classes))]:
        outputs = layer(outputs)
    return Assembled(keras.Model(inputs, outputs, name="model"), extractor, frozen)


def make_backbone(
    info: BackboneInfo,
    args: Mapping[str, Scalar],
    shape: tuple[int, int, int],
    weights_path: Path | None,
    *,
    top: bool = False,
) -> keras.Model:
    """Keras' own constructor, with or without its classifier. Raises UserError for weights that do not fit."""
    constructor = getattr(keras.applications, info.name)
    model = constructor(include_top=top, weights=None, input_shape=shape, **args)
    if weights_path is not None:
        try:
            model.load_weights(weights_path)
        except (ValueError, OSError, KeyError) as error:
            reason = str(error).strip().splitlines()[0]
            raise UserError(
                f"{weights_path.name} does not hold the weights of {info.name} {dict(args) or ''}: {reason}; "
                "fetch the official file again"
            ) from error
    return model


def without_top(backbone: Named, strategy: Named, image_size: int) -> keras.Model:
    """The backbone of an original classifier alone, with random weights, frozen as the strategy says: to be counted."""
    extractor = make_backbone(backbones.get(backbone.name), backbone.args, (image_size, image_size, 3), None)
    freeze(extractor, strategy)
    return extractor


def freeze(backbone: keras.Model, strategy: Named) -> int:
    """Freeze the backbone's first layers as the strategy says; returns how many.

    A frozen BatchNormalization runs in inference mode: Keras 3 sees to that where `trainable` is False.
    Raises UserError where the strategy's arguments do not fit the backbone.
    """
    views = [LayerView(layer.name, bool(layer.weights)) for layer in backbone.layers]
    try:
        frozen = strategies.make(strategy.name, strategy.args).boundary(views)
    except ValueError as error:
        raise UserError(f"strategy {strategy.label} on {backbone.name}: {error}") from error
    for layer in backbone.layers[:frozen]:
        layer.trainable = False
    return frozen

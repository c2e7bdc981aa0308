"""A backbone from a ``.keras`` file: loaded in safe mode and cut before its classifier."""

from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np

from tlbench.backbones.saved import file_of
from tlbench.backbones.spec import BackboneInfo
from tlbench.cache.download import file_digest
from tlbench.core.cell import Scalar
from tlbench.core.errors import UserError
from tlbench.core.text import one_line
from tlbench.modeling.layers import draws_random_numbers, rate_name

FEATURE_MAP = 4
"""Number of axes of a feature map: images, height, width, channels."""


def construct(info: BackboneInfo, args: Mapping[str, Scalar], shape: tuple[int, int, int], top: bool) -> keras.Model:
    """Build the model of the file up to its last feature map, with random weights, for images of `shape` (H, W, 3).

    Layers that augment training images are replaced by identities; a suite's `augmentation` sets augmentation.

    Raises:
        UserError: the file has changed or cannot be loaded, `top` is set, or the precision is not float32.
    """
    del info
    file = file_of(args)
    if top:
        raise UserError(f"{file.path.name} is used without its classifier; strategy pretrained takes backbones by name")
    if keras.config.dtype_policy().name != "float32":
        raise UserError(f"{file.path.name} has the precision it was saved with; remove `precision` for it")
    if file_digest(file.path) != file.sha256:
        raise UserError(f"{file.path} has changed since the run began; run it again")
    features = _features(file.path)
    model: keras.Model = keras.models.clone_model(features, keras.Input(shape), clone_function=_again)
    for layer in model.layers:
        layer.trainable = True
    return model


def load(model: keras.Model, path: Path) -> None:
    """Load the weights in a file into a model that `construct` built."""
    features = _features(path)
    for layer in model.layers:
        if layer.weights:
            layer.set_weights(features.get_layer(layer.name).get_weights())


def _again(layer: keras.Layer) -> keras.Layer:
    """A layer with new weights, or an identity in place of a layer that augments images.

    Dropout and noise, which have a rate, stay, because they are part of how the model is trained.
    """
    if draws_random_numbers(layer) and rate_name(layer) is None and _does_nothing(layer):
        return keras.layers.Identity(name=layer.name)
    return type(layer).from_config(layer.get_config())


def _does_nothing(layer: keras.Layer) -> bool:
    """Whether a layer returns images or feature maps unchanged outside of training."""
    shape: tuple[int | None, ...] = getattr(layer.input, "shape", ())
    if len(shape) != FEATURE_MAP or layer.output.shape != shape:
        return False
    images = np.linspace(0, 255, 8 * 8 * int(shape[-1] or 0), dtype=np.float32).reshape(1, 8, 8, -1)
    made = keras.ops.convert_to_numpy(layer(images, training=False))
    return bool(made.shape == images.shape and np.array_equal(made, images))


def _features(path: Path) -> keras.Model:
    """The model in a file up to its last feature map, with its weights."""
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        why = one_line(str(error)) or type(error).__name__
        raise UserError(f"{path} cannot be loaded by Keras {keras.__version__} ({why[:300]})") from error
    maps = [layer for layer in model.layers if len(getattr(layer.output, "shape", ())) == FEATURE_MAP]
    if not any(layer.weights for layer in maps):
        raise UserError(f"{path} has no layer that returns a feature map (height, width, channels); tlbench needs one")
    return keras.Model(model.inputs[0], maps[-1].output, name=path.stem)

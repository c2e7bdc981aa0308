"""Networks that courses build by hand, without their classifiers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
from keras import layers

from tlbench.backbones.spec import BackboneInfo
from tlbench.core.cell import Scalar

Tensor = Any


def construct(info: BackboneInfo, args: Mapping[str, Scalar], shape: tuple[int, int, int], top: bool) -> keras.Model:
    """Build the network that `info` names, with random weights, for images of `shape` (H, W, 3).

    Raises:
        ValueError: `top` is set; these networks have no original classifier.
    """
    del args
    if top:
        raise ValueError(f"{info.name} has no original classifier")
    images = keras.Input(shape)
    return keras.Model(images, NETWORKS[info.name](images), name=info.name.lower())


def _alexnet(images: Tensor) -> Tensor:
    """AlexNet, in a variant for images of 280 pixels.

    A. Krizhevsky, I. Sutskever and G. Hinton, ImageNet Classification with Deep Convolutional Neural Networks, 2012.
    This variant has 13 x 13 kernels in the first layer, a single column, and no local response normalization. With the
    head `flatten`, hidden layers of 128 and 128 and one sigmoid unit it has 7,742,721 parameters.
    """
    x = layers.ZeroPadding2D(3, name="block1_pad")(images)
    x = _convolution(x, 96, 13, "block1_conv", strides=3, padding="valid")
    x = layers.MaxPooling2D(3, 2, name="block1_pool")(x)
    x = _convolution(x, 256, 5, "block2_conv")
    x = layers.MaxPooling2D(3, 2, name="block2_pool")(x)
    for number, filters in enumerate((384, 384, 256), start=3):
        x = _convolution(x, filters, 3, f"block{number}_conv")
    return layers.MaxPooling2D(2, name="block5_pool")(x)


INCEPTION = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
"""Filters of each block, as in table 1 of the paper: 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, projection of the pool."""


def _googlenet(images: Tensor) -> Tensor:
    """C. Szegedy and others, Going Deeper with Convolutions, CVPR 2015, table 1; `auxiliary_classifiers` are apart.

    Its nine blocks have 5,849,136 parameters. Local response normalisation is left out: K. Simonyan and A. Zisserman
    (Very Deep Convolutional Networks, ICLR 2015, section 4) found no gain in it.
    """
    x = _convolution(images, 64, 7, "block1_conv", strides=2)
    x = layers.MaxPooling2D(3, 2, padding="same", name="block1_pool")(x)
    x = _convolution(x, 64, 1, "block2_reduce")
    x = _convolution(x, 192, 3, "block2_conv")
    x = layers.MaxPooling2D(3, 2, padding="same", name="block2_pool")(x)
    for name, filters in INCEPTION.items():
        x = _inception(x, f"block{name}", *filters)
        if name in ("3b", "4e"):
            x = layers.MaxPooling2D(3, 2, padding="same", name=f"block{name[0]}_pool")(x)
    return x


def auxiliary_classifiers(shapes: Sequence[tuple[int, ...]], units: int, activation: str) -> keras.Model:
    """Those of GoogLeNet (section 5 of the paper), each from a feature map of one of `shapes` to `units` outputs."""
    maps, outputs = [keras.Input(shape) for shape in shapes], []
    for number, x in enumerate(maps, start=1):
        name = f"auxiliary{number}"
        x = layers.AveragePooling2D(5, 3, name=f"{name}_pool")(x)
        x = layers.Flatten(name=f"{name}_flatten")(_convolution(x, 128, 1, f"{name}_conv"))
        x = layers.Dropout(0.7, name=f"{name}_dropout")(layers.Dense(1024, "relu", name=f"{name}_hidden")(x))
        outputs.append(layers.Dense(units, activation, dtype="float32", name=name)(x))
    return keras.Model(maps, outputs, name="auxiliary")


def _inception(
    x: Tensor, name: str, narrow: int, reduce3: int, wide3: int, reduce5: int, wide5: int, projected: int
) -> Tensor:
    pooled = layers.MaxPooling2D(3, 1, padding="same", name=f"{name}_pool")(x)
    branches = [
        _convolution(x, narrow, 1, f"{name}_1x1"),
        _convolution(_convolution(x, reduce3, 1, f"{name}_3x3_reduce"), wide3, 3, f"{name}_3x3"),
        _convolution(_convolution(x, reduce5, 1, f"{name}_5x5_reduce"), wide5, 5, f"{name}_5x5"),
        _convolution(pooled, projected, 1, f"{name}_projection"),
    ]
    return layers.Concatenate(name=f"{name}_concat")(branches)


def _small_conv_net(images: Tensor) -> Tensor:
    """F. Chollet, Building powerful image classification models using very little data, Keras blog, 2016; and his book.

    Four convolutions with pooling. With the head `flatten`, a hidden layer of 512 and one sigmoid unit it has 3,453,121
    parameters at 150 pixels.
    """
    x = images
    for number, filters in enumerate((32, 64, 128, 128), start=1):
        x = _convolution(x, filters, 3, f"block{number}_conv", padding="valid")
        x = layers.MaxPooling2D(2, name=f"block{number}_pool")(x)
    return x


def _convolution(x: Tensor, filters: int, size: int, name: str, *, strides: int = 1, padding: str = "same") -> Tensor:
    return layers.Conv2D(filters, size, strides=strides, padding=padding, activation="relu", name=name)(x)


NETWORKS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "AlexNet": _alexnet,
    "GoogLeNet": _googlenet,
    "SmallConvNet": _small_conv_net,
}

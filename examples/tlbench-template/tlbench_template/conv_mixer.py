"""A source of backbones: ConvMixer (A. Trockman and J. Z. Kolter, Patches Are All You Need?, TMLR 2023)."""

from collections.abc import Iterable, Mapping
from typing import Any

from tlbench.backbones.spec import Argument, BackboneInfo

PATCH, KERNEL = 7, 7
WIDTH, DEPTH = 768, 32
"""ConvMixer-768/32 of the paper, which has 21.1 million trained parameters with ImageNet's classifier."""


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 4096


def backbones() -> Iterable[BackboneInfo]:
    """The one there is; a source may list many."""
    yield BackboneInfo(
        name="ConvMixer",
        family="ConvMixer",
        module=None,
        default_size=224,
        min_size=PATCH,
        scaling="torch",
        arguments={
            "width": Argument(_is_count, "a whole number from 1 to 4096", WIDTH),
            "depth": Argument(_is_count, "a whole number from 1 to 4096", DEPTH),
        },
        constructor=f"{__name__}:construct",
        pretrained=False,
    )


def construct(info: BackboneInfo, args: Mapping[str, Any], shape: tuple[int, int, int], top: bool) -> Any:
    """The model without its classifier, images (H, W, 3) scaled as `info` says. Runs in a worker, which has Keras."""
    from keras import Input, Model, layers

    del top  # asked for by the strategy `pretrained` alone, which needs ImageNet weights
    width, depth = args.get("width", WIDTH), args.get("depth", DEPTH)

    def activated(x: Any, name: str) -> Any:
        return layers.BatchNormalization(name=f"{name}_bn")(layers.Activation("gelu", name=f"{name}_gelu")(x))

    images = Input(shape)
    x = activated(layers.Conv2D(width, PATCH, strides=PATCH, name="block0_patches")(images), "block0")
    for number in range(1, depth + 1):
        mixed = layers.DepthwiseConv2D(KERNEL, padding="same", name=f"block{number}_space")(x)
        x = layers.Add(name=f"block{number}_add")([activated(mixed, f"block{number}_space"), x])
        x = activated(layers.Conv2D(width, 1, name=f"block{number}_channels")(x), f"block{number}_channels")
    return Model(images, x, name=info.name)

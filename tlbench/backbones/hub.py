"""Architectures of keras-hub, defined by their arguments and built offline with random weights. Workers need extra
`hub`.

Names and arguments are those of keras-hub. Defaults are those of the smallest published model of a family.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tlbench.backbones.spec import Argument, BackboneInfo, Output, Scaling
from tlbench.core.cell import Scalar

NEEDS = ("keras_hub", "hub")
LIST = re.compile(r"[1-9]\d{0,4}(-[1-9]\d{0,4}){0,9}")
"""A list of integers in one word, such as ``2-2-6-2``."""
SMALLEST = 32
"""Smallest image size in pixels."""
Numbers = dict[str, Any]
"""All arguments of an architecture."""


def _whole(default: int, least: int = 1) -> Argument:
    def accepts(value: Scalar) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and value >= least

    return Argument(accepts, f"an integer, at least {least}", default)


def _share(default: float) -> Argument:
    def accepts(value: Scalar) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1

    return Argument(accepts, "a number from 0 to below 1", default)


def _flag(default: bool) -> Argument:
    return Argument(lambda value: isinstance(value, bool), "true or false", default)


def _one_of(*names: str) -> Argument:
    return Argument(lambda value: value in names, f"one of {', '.join(names)}", names[0])


def _each(default: str) -> Argument:
    """An integer for each stage, in one word, because the arguments of a cell are single values."""
    return Argument(
        lambda value: isinstance(value, str) and LIST.fullmatch(value) is not None,
        f"an integer for each stage, as {default}",
        default,
    )


def listed(word: str) -> list[int]:
    """The integers of a word such as ``2-2-6-2``."""
    return [int(part) for part in word.split("-")]


def _no_fields(numbers: Numbers) -> Mapping[str, Any]:
    del numbers
    return {}


@dataclass(frozen=True)
class Architecture:
    """A class of ``keras_hub.models``.

    Attributes:
        name: the name of the class.
        scaling: the scaling of its published weights.
        output: what its models return.
        arguments: the arguments that a suite may give.
        depends: the fields of `BackboneInfo` that depend on the arguments. It raises ValueError, with one sentence, if
            arguments do not fit together.
        also: further arguments of the class, from the suite's arguments and the shape of images (H, W, 3).
    """

    name: str
    scaling: Scaling
    output: Output
    arguments: Mapping[str, Argument]
    depends: Callable[[Numbers], Mapping[str, Any]] = _no_fields
    also: Callable[[Numbers, tuple[int, int, int]], Mapping[str, Any]] = field(default=lambda numbers, shape: {})

    def numbers(self, args: Mapping[str, Scalar]) -> Numbers:
        """All arguments, with defaults for those that are not given."""
        return {key: argument.default for key, argument in self.arguments.items()} | dict(args)

    def made_of(self, args: Mapping[str, Scalar], shape: tuple[int, int, int]) -> Numbers:
        """The arguments of the class, as values of JSON.

        Args:
            args: the arguments in the suite.
            shape: the shape of images (H, W, 3).
        """
        numbers = self.numbers(args)
        return {**numbers, **self.also(numbers, shape), "image_shape": list(shape)}

    def info(self) -> BackboneInfo:
        """The description for the registry."""
        return BackboneInfo(
            name=self.name,
            family="keras-hub",
            module=None,
            default_size=224,
            min_size=SMALLEST,
            scaling=self.scaling,
            arguments=self.arguments,
            constructor="tlbench.modeling.hub:construct",
            pretrained=False,
            output=self.output,
            needs=NEEDS,
            of_args=lambda args: self.depends(self.numbers(args)),
        )


def _transformer(numbers: Numbers) -> Mapping[str, Any]:
    """Images are cut into patches, and heads share the channels."""
    if numbers["hidden_dim"] % numbers["num_heads"]:
        raise ValueError(f"hidden_dim {numbers['hidden_dim']} is not a multiple of num_heads {numbers['num_heads']}")
    output = "class_token" if numbers.get("use_class_token", True) else "tokens"
    return {"multiple": numbers["patch_size"], "output": output}


def _swin(numbers: Numbers) -> Mapping[str, Any]:
    """Each stage halves the resolution and doubles the channels; the last one must have at least one window."""
    depths, heads = listed(numbers["depths"]), listed(numbers["num_heads"])
    if len(depths) != len(heads):
        raise ValueError(f"depths {numbers['depths']} and num_heads {numbers['num_heads']} differ in number of stages")
    for stage, number in enumerate(heads):
        if numbers["embed_dim"] * 2**stage % number:
            raise ValueError(f"embed_dim {numbers['embed_dim']} x {2**stage} is not a multiple of {number} heads")
    step = numbers["patch_size"] * 2 ** (len(depths) - 1)
    return {"multiple": step, "min_size": max(SMALLEST, step * numbers["window_size"])}


def _swin_lists(numbers: Numbers, shape: tuple[int, int, int]) -> Mapping[str, Any]:
    del shape
    return {name: listed(numbers[name]) for name in ("depths", "num_heads")}


def _dinov2(numbers: Numbers, shape: tuple[int, int, int]) -> Mapping[str, Any]:
    """Position embeddings have the size of the images. Mask tokens are only used in pretraining."""
    del numbers
    return {"position_embedding_shape": list(shape), "use_mask_token": False}


def _resnet(numbers: Numbers, shape: tuple[int, int, int]) -> Mapping[str, Any]:
    del shape
    blocks = listed(numbers["stackwise_num_blocks"])
    return {
        "input_conv_filters": [64],
        "input_conv_kernel_sizes": [7],
        "stackwise_num_blocks": blocks,
        "stackwise_num_filters": [64 * 2**stage for stage in range(len(blocks))],
        "stackwise_num_strides": [1, *[2] * (len(blocks) - 1)],
    }


ARCHITECTURES = (
    Architecture(
        "ViTBackbone",
        "tf",
        "class_token",
        {
            "patch_size": _whole(16),
            "num_layers": _whole(12),
            "num_heads": _whole(12),
            "hidden_dim": _whole(768),
            "mlp_dim": _whole(3072),
            "dropout_rate": _share(0.0),
            "use_class_token": _flag(True),
        },
        _transformer,
    ),
    Architecture(
        "DeiTBackbone",
        "torch",
        "class_token",
        {
            "patch_size": _whole(16),
            "num_layers": _whole(12),
            "num_heads": _whole(3),
            "hidden_dim": _whole(192),
            "intermediate_dim": _whole(768),
            "dropout_rate": _share(0.0),
        },
        _transformer,
    ),
    Architecture(
        "DINOV2Backbone",
        "torch",
        "class_token",
        {
            "patch_size": _whole(14),
            "num_layers": _whole(12),
            "num_heads": _whole(6),
            "hidden_dim": _whole(384),
            "intermediate_dim": _whole(1536),
            "num_register_tokens": _whole(0, least=0),
            "dropout_rate": _share(0.0),
        },
        _transformer,
        _dinov2,
    ),
    Architecture(
        "SwinTransformerBackbone",
        "torch",
        "tokens",
        {
            "patch_size": _whole(4),
            "embed_dim": _whole(96),
            "depths": _each("2-2-6-2"),
            "num_heads": _each("3-6-12-24"),
            "window_size": _whole(7),
            "dropout_rate": _share(0.0),
            "drop_path": _share(0.1),
        },
        _swin,
        _swin_lists,
    ),
    Architecture(
        "ResNetBackbone",
        "torch",
        "map",
        {
            "block_type": _one_of("basic_block", "bottleneck_block", "basic_block_vd", "bottleneck_block_vd"),
            "stackwise_num_blocks": _each("2-2-2-2"),
            "use_pre_activation": _flag(False),
        },
        also=_resnet,
    ),
)


def backbones() -> Iterable[BackboneInfo]:
    """All architectures, transformers first."""
    return [architecture.info() for architecture in ARCHITECTURES]


def architecture(name: str) -> Architecture:
    """The architecture of that name. Raises KeyError if there is none."""
    return {entry.name: entry for entry in ARCHITECTURES}[name]

"""Architectures of keras-hub from their numbers, built offline, with random weights; workers need the extra `hub`.

Names and arguments are keras-hub's own. Defaults are the numbers of the smallest model of a family that it publishes.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tlbench.backbones.spec import Argument, BackboneInfo, Output, Scaling
from tlbench.core.cell import Scalar

NEEDS = ("keras_hub", "hub")
LIST = re.compile(r"[1-9]\d{0,4}(-[1-9]\d{0,4}){0,9}")
SMALLEST = 32
Numbers = dict[str, Any]
"""The arguments of an architecture, each as given or at its default."""


def _whole(default: int, least: int = 1) -> Argument:
    def accepts(value: Scalar) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and value >= least

    return Argument(accepts, f"a whole number, at least {least}", default)


def _share(default: float) -> Argument:
    def accepts(value: Scalar) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1

    return Argument(accepts, "a number from 0 to below 1", default)


def _flag(default: bool) -> Argument:
    return Argument(lambda value: isinstance(value, bool), "true or false", default)


def _one_of(*names: str) -> Argument:
    return Argument(lambda value: value in names, f"one of {', '.join(names)}", names[0])


def _each(default: str) -> Argument:
    """A number for each stage. Arguments of a cell are single values, so they stand in one word."""
    return Argument(
        lambda value: isinstance(value, str) and LIST.fullmatch(value) is not None,
        f"a whole number for each stage, as {default}",
        default,
    )


def listed(word: str) -> list[int]:
    """The numbers of ``2-2-6-2``."""
    return [int(part) for part in word.split("-")]


def _no_fields(numbers: Numbers) -> Mapping[str, Any]:
    del numbers
    return {}


@dataclass(frozen=True)
class Architecture:
    """A class of ``keras_hub.models``.

    scaling: that of its published weights. depends: what of a `BackboneInfo` its numbers change, or a ValueError, with
    one sentence, where they do not go together. also: arguments of the class that follow from the numbers, or are not
    to be chosen here.
    """

    name: str
    scaling: Scaling
    output: Output
    arguments: Mapping[str, Argument]
    depends: Callable[[Numbers], Mapping[str, Any]] = _no_fields
    also: Callable[[Numbers, tuple[int, int, int]], Mapping[str, Any]] = field(default=lambda numbers, shape: {})

    def numbers(self, args: Mapping[str, Scalar]) -> Numbers:
        """All arguments, those that are not given at their defaults."""
        return {key: argument.default for key, argument in self.arguments.items()} | dict(args)

    def made_of(self, args: Mapping[str, Scalar], shape: tuple[int, int, int]) -> Numbers:
        """What the class is called with, as JSON has it, for images of `shape` (H, W, 3)."""
        numbers = self.numbers(args)
        return {**numbers, **self.also(numbers, shape), "image_shape": list(shape)}

    def info(self) -> BackboneInfo:
        """As the registry has it."""
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
    """Images are cut into patches, and channels are shared by heads."""
    if numbers["hidden_dim"] % numbers["num_heads"]:
        raise ValueError(f"hidden_dim {numbers['hidden_dim']} is no multiple of num_heads {numbers['num_heads']}")
    output = "class_token" if numbers.get("use_class_token", True) else "tokens"
    return {"multiple": numbers["patch_size"], "output": output}


def _swin(numbers: Numbers) -> Mapping[str, Any]:
    """Each stage has half the resolution of the one before and twice its channels; the last is one window at least."""
    depths, heads = listed(numbers["depths"]), listed(numbers["num_heads"])
    if len(depths) != len(heads):
        raise ValueError(f"depths {numbers['depths']} and num_heads {numbers['num_heads']} differ in their stages")
    for stage, number in enumerate(heads):
        if numbers["embed_dim"] * 2**stage % number:
            raise ValueError(f"embed_dim {numbers['embed_dim']} x {2**stage} is no multiple of {number} heads")
    step = numbers["patch_size"] * 2 ** (len(depths) - 1)
    return {"multiple": step, "min_size": max(SMALLEST, step * numbers["window_size"])}


def _swin_lists(numbers: Numbers, shape: tuple[int, int, int]) -> Mapping[str, Any]:
    del shape
    return {name: listed(numbers[name]) for name in ("depths", "num_heads")}


def _dinov2(numbers: Numbers, shape: tuple[int, int, int]) -> Mapping[str, Any]:
    """Positions are learnt at the size of the images; tokens that stand for hidden patches are for pretraining."""
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
    """All of them, transformers first."""
    return [one.info() for one in ARCHITECTURES]


def architecture(name: str) -> Architecture:
    """By its name. Raises KeyError for an unknown one."""
    return {one.name: one for one in ARCHITECTURES}[name]

"""What tlbench knows of a backbone without importing Keras."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tlbench.core.cell import Scalar
from tlbench.core.errors import nearest
from tlbench.core.image_size import ImageSize, height_width

Scaling = Literal["tf", "caffe", "torch", "inside"]
"""How a backbone wants 0..255 RGB images: ``tf`` to -1..1, ``caffe`` BGR less the ImageNet mean, ``torch`` to 0..1
less mean over deviation, ``inside`` as they are because its own first layers scale them."""


@dataclass(frozen=True)
class PerChannel:
    """Any other scaling: 0..255 RGB images times `scale` plus `offset`, channel by channel."""

    scale: tuple[float, float, float]
    offset: tuple[float, float, float]


def per_channel(scale: Any, offset: Any) -> PerChannel:
    """Of numbers, or lists of three. Raises ValueError for anything else."""
    return PerChannel(_three("scale", scale), _three("offset", offset))


def _three(name: str, value: Any) -> tuple[float, float, float]:
    given = value if isinstance(value, list | tuple) else [value] * 3
    if len(given) != 3 or not all(isinstance(one, int | float) and math.isfinite(one) for one in given):
        raise ValueError(f"{name}: a number, or one for each of three channels, belongs here, not {value!r}")
    first, second, third = map(float, given)
    return first, second, third


Output = Literal["map", "class_token", "tokens"]
"""What a backbone gives: a ``map`` of features (batch, H, W, C), or tokens (batch, T, C), of which the first stands for
the whole image (``class_token``) or none does (``tokens``)."""


@dataclass(frozen=True)
class Argument:
    """An argument of a constructor: which values it takes, and in words."""

    accepts: Callable[[Scalar], bool]
    values: str
    default: Scalar


@dataclass(frozen=True)
class Published:
    """A row of the table at keras.io/api/applications. None where that page prints a dash."""

    size_mb: float | None
    top1: float | None
    top5: float | None
    params_m: float | None
    depth: int | None
    cpu_ms: float | None
    gpu_ms: float | None


@dataclass(frozen=True)
class Auxiliary:
    """Classifiers on feature maps in the middle of a backbone, for its training alone.

    layers: whose outputs they take. constructor: a function ``package.module:function`` that a worker calls with the
    shapes of these (H, W, C), the units of a classifier and its activation; it returns a model from the maps to the
    outputs of all classifiers. min_size: pixels of the smallest image.
    """

    layers: tuple[str, ...]
    constructor: str
    min_size: int


@dataclass(frozen=True)
class BackboneInfo:
    """One backbone. Sizes are pixels of a square image; `min_size` is for use without the top.

    `constructor` names a function ``package.module:function`` that a worker calls with this value, the arguments, the
    shape of an image (H, W, 3) and whether the original classifier belongs to it; it returns a functional Keras model
    with random weights. `loader` names a function that gives it the weights in a file; where it is empty, Keras'
    `load_weights` does. `pretrained`: whether there are ImageNet weights at all; ``backbones: all`` leaves out those
    that have none. `most_size`: None without a bound; `multiple`: sizes are multiples of it. `module` is the module of
    keras.applications that holds its `preprocess_input`; None where there is none to compare the scaling with. `needs`:
    the package it comes from and the extra of tlbench that brings it; ``all`` leaves those out, too. `auxiliary`: None
    where it has no such classifiers. `of_args`: which of these values depend on the arguments, and how; a ValueError
    for arguments that do not go together is told to the user.
    """

    name: str
    family: str
    module: str | None
    default_size: int
    min_size: int
    scaling: Scaling | PerChannel
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    published: Published | None = None
    constructor: str = "tlbench.modeling.constructors:keras_application"
    pretrained: bool = True
    most_size: int | None = None
    loader: str = ""
    needs: tuple[str, str] | None = None
    auxiliary: Auxiliary | None = None
    output: Output = "map"
    multiple: int = 1
    of_args: Callable[[Mapping[str, Scalar]], Mapping[str, Any]] | None = None

    def size_trouble(self, size: ImageSize, label: str) -> str:
        """Why it takes no images of `size`, to stand behind the size in a sentence; empty where it does.

        label: what it is called with its arguments.
        """
        if min(height_width(size)) < self.min_size:
            return f" is too small for {self.name}, which needs at least {self.min_size} pixels"
        if self.most_size is not None and max(height_width(size)) > self.most_size:
            return f": {label} takes {self.most_size} pixels alone"
        if any(length % self.multiple for length in height_width(size)):
            return f": {label} takes multiples of {self.multiple} pixels"
        return ""

    @property
    def crop(self) -> float:
        """Share of the shorter side that is kept when ImageNet's validation images are evaluated (centre crop).

        0.875 is the single-crop protocol of the papers (256 to 224); EfficientNets pad by 32 pixels instead
        (Tan and Le, EfficientNet, ICML 2019, and the preprocessing they released).
        """
        if self.family.startswith("EfficientNet"):
            return self.default_size / (self.default_size + 32)
        return 0.875

    def check_args(self, args: Mapping[str, Scalar]) -> None:
        """Raise ValueError, with one sentence for the user, for an argument that is unknown or out of range."""
        for key, value in args.items():
            if key not in self.arguments:
                known = list(self.arguments)
                hint = nearest(key, known, "arguments") if known else f"{self.name} takes no arguments"
                raise ValueError(f"unknown argument {key!r} of backbone {self.name}; {hint}")
            if not self.arguments[key].accepts(value):
                raise ValueError(f"{key}: {value!r} is not {self.arguments[key].values}")

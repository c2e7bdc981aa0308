"""Descriptions of backbones, which need no Keras."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tlbench.core.cell import Scalar
from tlbench.core.errors import nearest
from tlbench.core.image_size import ImageSize, height_width

Scaling = Literal["tf", "caffe", "torch", "inside"]
"""How to scale RGB images from 0 to 255 for a backbone.

``tf``: to -1 to 1. ``caffe``: to BGR minus the mean of ImageNet. ``torch``: to 0 to 1, standardized by the mean and
standard deviation of ImageNet. ``inside``: not at all, because its own first layers scale them.
"""


@dataclass(frozen=True)
class PerChannel:
    """Any other scaling: RGB images from 0 to 255 are multiplied by `scale`, then `offset` is added, by channel."""

    scale: tuple[float, float, float]
    offset: tuple[float, float, float]


def per_channel(scale: Any, offset: Any) -> PerChannel:
    """A scaling from numbers, or lists of three numbers. Raises ValueError for anything else."""
    return PerChannel(_three("scale", scale), _three("offset", offset))


def _three(name: str, value: Any) -> tuple[float, float, float]:
    given = value if isinstance(value, list | tuple) else [value] * 3
    if len(given) != 3 or not all(isinstance(number, int | float) and math.isfinite(number) for number in given):
        raise ValueError(f"{name}: expected a number, or one for each of three channels, not {value!r}")
    first, second, third = map(float, given)
    return first, second, third


Output = Literal["map", "class_token", "tokens"]
"""The output of a backbone: a feature ``map`` (batch, H, W, C), or tokens (batch, T, C) whose first one represents the
whole image (``class_token``) or not (``tokens``)."""


@dataclass(frozen=True)
class Argument:
    """An argument of a constructor.

    Attributes:
        accepts: whether a value is valid.
        values: the valid values in words.
        default: the default.
    """

    accepts: Callable[[Scalar], bool]
    values: str
    default: Scalar


@dataclass(frozen=True)
class Published:
    """A row of the table at keras.io/api/applications; None for a dash."""

    size_mb: float | None
    top1: float | None
    top5: float | None
    params_m: float | None
    depth: int | None
    cpu_ms: float | None
    gpu_ms: float | None


@dataclass(frozen=True)
class Auxiliary:
    """Auxiliary classifiers on intermediate feature maps of a backbone, used only for its training.

    Attributes:
        layers: the layers whose outputs they take.
        constructor: a function, as ``package.module:function``, that a worker calls with the shapes of these outputs
            (H, W, C), the units of a classifier, and its activation. It returns a Keras model from the feature maps to
            the outputs of all classifiers.
        min_size: the smallest image, in pixels.
    """

    layers: tuple[str, ...]
    constructor: str
    min_size: int


@dataclass(frozen=True)
class BackboneInfo:
    """A backbone. Sizes are in pixels of a square image.

    Attributes:
        name: its name.
        family: its family.
        module: the module of keras.applications with its `preprocess_input`, to check the scaling; None: there is none.
        default_size: the default image size.
        min_size: the smallest image size without the original classifier.
        scaling: how it wants images to be scaled.
        arguments: the arguments of its constructor that a suite may give.
        published: its row in the table at keras.io.
        constructor: a function, as ``package.module:function``, that a worker calls with this description, the
            arguments, the shape of an image (H, W, 3), and whether to include the original classifier. It returns a
            functional Keras model with random weights.
        pretrained: whether there are ImageNet weights; ``backbones: all`` excludes those without.
        most_size: the largest image size; None sets no limit.
        loader: a function that loads weights from a file into the model; empty: Keras' `load_weights`.
        needs: the package that it comes from, and the extra of tlbench that installs it; ``all`` excludes those.
        auxiliary: its auxiliary classifiers, if it has any.
        output: what it returns.
        multiple: image sizes must be multiples of this.
        of_args: the fields that depend on the arguments, as a function of these. It may raise ValueError, with a
            message for the user, if arguments do not fit together.
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
        """Why images of `size` are not possible, to be appended to the size in a sentence; empty if they are.

        Args:
            size: the image size.
            label: the name of the backbone with its arguments.
        """
        if min(height_width(size)) < self.min_size:
            return f" is too small for {self.name}, which needs at least {self.min_size} pixels"
        if self.most_size is not None and max(height_width(size)) > self.most_size:
            return f": {label} takes only {self.most_size} pixels"
        if any(length % self.multiple for length in height_width(size)):
            return f": {label} takes only multiples of {self.multiple} pixels"
        return ""

    @property
    def crop(self) -> float | None:
        """The fraction of the shorter side that the center crop keeps when evaluating on ImageNet; None for no crop.

        0.875 is the single-crop protocol of the papers (256 to 224). EfficientNets use a margin of 32 pixels instead
        (Tan and Le, EfficientNet, ICML 2019, and the preprocessing they released). EfficientNetV2 does so below 320
        pixels only; from there on whole images are resized, whatever their aspect ratio (`preprocess_for_eval` in
        efficientnetv2/preprocessing.py of github.com/google/automl).
        """
        if self.family == "EfficientNetV2" and self.default_size >= 320:
            return None
        if self.family.startswith("EfficientNet"):
            return self.default_size / (self.default_size + 32)
        return 0.875

    def check_args(self, args: Mapping[str, Scalar]) -> None:
        """Raise ValueError, with a message for the user, if an argument is unknown or out of range."""
        for key, value in args.items():
            if key not in self.arguments:
                known = list(self.arguments)
                hint = nearest(key, known, "arguments") if known else f"{self.name} takes no arguments"
                raise ValueError(f"unknown argument {key!r} of backbone {self.name}; {hint}")
            if not self.arguments[key].accepts(value):
                raise ValueError(f"{key}: {value!r} is not {self.arguments[key].values}")

"""The 40 constructors of keras.applications (Keras 3.15)."""

import csv
from collections.abc import Iterable
from importlib import resources

from tlbench.backbones.spec import Argument, BackboneInfo, Published, Scaling

ALPHA = Argument(
    lambda v: isinstance(v, int | float) and not isinstance(v, bool) and 0 < v <= 4, "a number above 0, at most 4", 1.0
)
DEPTH_MULTIPLIER = Argument(lambda v: isinstance(v, int) and not isinstance(v, bool) and v > 0, "an integer above 0", 1)
MINIMALISTIC = Argument(lambda v: isinstance(v, bool), "true or false", False)

FAMILIES: tuple[tuple[str, str, Scaling, int, dict[str, Argument], dict[str, int]], ...] = (
    ("Xception", "xception", "tf", 71, {}, {"Xception": 299}),
    ("VGG", "vgg16", "caffe", 32, {}, {"VGG16": 224}),
    ("VGG", "vgg19", "caffe", 32, {}, {"VGG19": 224}),
    ("ResNet", "resnet", "caffe", 32, {}, {"ResNet50": 224, "ResNet101": 224, "ResNet152": 224}),
    ("ResNetV2", "resnet_v2", "tf", 32, {}, {"ResNet50V2": 224, "ResNet101V2": 224, "ResNet152V2": 224}),
    ("InceptionV3", "inception_v3", "tf", 75, {}, {"InceptionV3": 299}),
    ("InceptionResNetV2", "inception_resnet_v2", "tf", 75, {}, {"InceptionResNetV2": 299}),
    ("MobileNet", "mobilenet", "tf", 32, {"alpha": ALPHA, "depth_multiplier": DEPTH_MULTIPLIER}, {"MobileNet": 224}),
    ("MobileNetV2", "mobilenet_v2", "tf", 32, {"alpha": ALPHA}, {"MobileNetV2": 224}),
    (
        "MobileNetV3",
        "mobilenet_v3",
        "inside",
        32,
        {"alpha": ALPHA, "minimalistic": MINIMALISTIC},
        {"MobileNetV3Small": 224, "MobileNetV3Large": 224},
    ),
    ("DenseNet", "densenet", "torch", 32, {}, {"DenseNet121": 224, "DenseNet169": 224, "DenseNet201": 224}),
    ("NASNet", "nasnet", "tf", 32, {}, {"NASNetMobile": 224, "NASNetLarge": 331}),
    (
        "EfficientNet",
        "efficientnet",
        "inside",
        32,
        {},
        {
            "EfficientNetB0": 224,
            "EfficientNetB1": 240,
            "EfficientNetB2": 260,
            "EfficientNetB3": 300,
            "EfficientNetB4": 380,
            "EfficientNetB5": 456,
            "EfficientNetB6": 528,
            "EfficientNetB7": 600,
        },
    ),
    (
        "EfficientNetV2",
        "efficientnet_v2",
        "inside",
        32,
        {},
        {
            "EfficientNetV2B0": 224,
            "EfficientNetV2B1": 240,
            "EfficientNetV2B2": 260,
            "EfficientNetV2B3": 300,
            "EfficientNetV2S": 384,
            "EfficientNetV2M": 480,
            "EfficientNetV2L": 480,
        },
    ),
    (
        "ConvNeXt",
        "convnext",
        "inside",
        32,
        {},
        {
            "ConvNeXtTiny": 224,
            "ConvNeXtSmall": 224,
            "ConvNeXtBase": 224,
            "ConvNeXtLarge": 224,
            "ConvNeXtXLarge": 224,
        },
    ),
)
"""Family, module, scaling, smallest image size, arguments, and the default image size of each constructor."""

LOADERS = {"EfficientNet": "tlbench.modeling.constructors:load_efficientnet"}
"""The loader of families whose constructor does more for ImageNet weights than load them."""


def backbones() -> Iterable[BackboneInfo]:
    """All of them, in the order of the table at keras.io/api/applications as far as it lists them."""
    published = _published()
    for family, module, scaling, smallest, arguments, sizes in FAMILIES:
        for name, size in sizes.items():
            loader = LOADERS.get(family, "")
            row = published.get(name)
            yield BackboneInfo(name, family, module, size, smallest, scaling, arguments, row, loader=loader)


def _published() -> dict[str, Published]:
    """The table at keras.io/api/applications: 38 rows with the numbers as printed there."""
    text = resources.files("tlbench.backbones").joinpath("published.csv").read_text(encoding="utf-8")
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return {row["model"]: _row(row) for row in csv.DictReader(lines)}


def _row(row: dict[str, str]) -> Published:
    number = {key: float(value) if value else None for key, value in row.items() if key != "model"}
    depth = number["depth"]
    return Published(
        size_mb=number["size_mb"],
        top1=number["top1"],
        top5=number["top5"],
        params_m=number["params_m"],
        depth=None if depth is None else int(depth),
        cpu_ms=number["cpu_ms"],
        gpu_ms=number["gpu_ms"],
    )

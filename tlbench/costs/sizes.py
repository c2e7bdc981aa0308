"""The sizes of backbones, without building them. Pure; tests/costs/test_sizes.py checks counts.csv against Keras."""

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources

from tlbench.core.cell import Named, Scalar
from tlbench.core.image_size import ImageSize, height_width


@dataclass(frozen=True)
class Size:
    """The size of a backbone without its classifier, at one image size.

    Attributes:
        params: the number of parameters.
        depth: the number of layers with weights.
        flops: the operations of a forward pass for one image; a multiply-add counts as two.
        features: the number of features after global average pooling.
        outputs: the number of values in the outputs of all layers, for one image.
    """

    params: float
    depth: int
    flops: float
    features: float
    outputs: float


def size_of(backbone: Named, image_size: ImageSize) -> Size | None:
    """The size of a backbone of keras.applications; None for others.

    Operations and outputs scale with the number of pixels. A width (alpha) without a row of its own is scaled from the
    nearest one: parameters and operations with its square, features and outputs linearly. Other arguments are ignored.
    """
    rows = _rows().get(backbone.name)
    if rows is None:
        return None
    minimalistic, width = bool(backbone.args.get("minimalistic")), _number(backbone.args.get("alpha"))
    alike = [row for row in rows if row.minimalistic == minimalistic] or rows
    row = min(alike, key=lambda one: abs(one.alpha - width))
    wider = width / row.alpha
    height, across = height_width(image_size)
    pixels = height * across / row.image_size**2
    size = row.size
    return Size(
        params=size.params * wider**2,
        depth=size.depth,
        flops=size.flops * wider**2 * pixels,
        features=size.features * wider,
        outputs=size.outputs * wider * pixels,
    )


@dataclass(frozen=True)
class _Row:
    alpha: float
    minimalistic: bool
    image_size: int
    size: Size


@cache
def _rows() -> dict[str, list[_Row]]:
    rows: dict[str, list[_Row]] = {}
    text = resources.files("tlbench.costs").joinpath("counts.csv").read_text(encoding="utf-8")
    for line in csv.DictReader(text.splitlines()):
        counts = {name: int(line[name]) for name in ("params", "depth", "flops", "features", "outputs")}
        row = _Row(_number(line["alpha"] or None), line["minimalistic"] == "true", int(line["size"]), Size(**counts))
        rows.setdefault(line["backbone"], []).append(row)
    return rows


def _number(value: Scalar) -> float:
    return 1.0 if value is None else float(value)

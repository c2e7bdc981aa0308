"""How much a backbone is, without building it. Pure; tests/costs/test_sizes.py holds counts.csv to Keras."""

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources

from tlbench.core.cell import Named, Scalar
from tlbench.core.image_size import ImageSize, height_width


@dataclass(frozen=True)
class Size:
    """A backbone without its classifier, at one image size.

    depth: layers with weights. flops: of one image, forward; a multiply and an add are two. features: numbers that
    global average pooling leaves of an image. outputs: numbers in the outputs of all layers, for one image.
    """

    params: float
    depth: int
    flops: float
    features: float
    outputs: float


def size_of(backbone: Named, image_size: ImageSize) -> Size | None:
    """Its size; None for a backbone that is not of keras.applications.

    Convolutions' arithmetic and outputs grow with the pixels. A width (alpha) that has no row is scaled from the
    nearest one: weights and arithmetic with its square, outputs with it. Other arguments are not looked at.
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

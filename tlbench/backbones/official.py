"""The official files of ImageNet weights: which one holds the weights of a backbone."""

import csv
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from tlbench.backbones.spec import BackboneInfo
from tlbench.core.cell import Named, Scalar
from tlbench.core.image_size import ImageSize

DEFAULT_SIZE = 224
"""Image size of the file that is used for sizes without a file of their own, as in Keras."""
OF = "ImageNet weights of "


@dataclass(frozen=True)
class OfficialFile:
    """An official weights file.

    Attributes:
        file: its name.
        url: where Keras downloads it.
        digest: the digest that Keras checks (MD5 or SHA-256); None if it checks none.
        size: side length in pixels of the images it is for; 0 for any.
    """

    file: str
    url: str
    digest: str | None
    size: int = 0


def official_file(
    info: BackboneInfo, args: Mapping[str, Scalar], include_top: bool, image_size: ImageSize | None = None
) -> OfficialFile | None:
    """The official weights file for these arguments.

    MobileNet and MobileNetV2 have files for several image sizes. Other sizes, images that are not square, and None take
    the file for 224 pixels, as Keras' own constructors do.

    Args:
        info: the backbone.
        args: its arguments.
        include_top: whether the original classifier is included.
        image_size: size of the images.

    Returns:
        None if there are no ImageNet weights for these arguments.
    """
    return next(iter(official_files(info, args, include_top, image_size)), None)


def official_files(
    info: BackboneInfo, args: Mapping[str, Scalar], include_top: bool, image_size: ImageSize | None
) -> list[OfficialFile]:
    """All files for the arguments: first the one for the image size, then those for other sizes, the nearest first."""
    given = {key: argument.default for key, argument in info.arguments.items()} | dict(args)
    if given.pop("depth_multiplier", 1) != 1:
        return []
    alpha, minimalistic = given.get("alpha"), bool(given.get("minimalistic", False))
    by_size = _table().get((info.name, None if alpha is None else float(alpha), minimalistic, include_top), {})
    wanted = image_size if isinstance(image_size, int) and image_size in by_size else DEFAULT_SIZE
    return [by_size[size] for size in sorted(by_size, key=lambda size: abs(size - wanted))]


def no_weights(info: BackboneInfo, args: Mapping[str, Scalar], include_top: bool) -> str:
    """The message for arguments without ImageNet weights, with the values of alpha that have some."""
    minimalistic, label = bool(args.get("minimalistic", False)), Named(name=info.name, args=dict(args)).label
    having = [
        alpha
        for name, alpha, small, top in _table()
        if (name, small, top) == (info.name, minimalistic, include_top) and alpha is not None
    ]
    if having and args.get("alpha", 1) not in having:
        only = ", ".join(f"{alpha:g}" for alpha in sorted(having))
        return f"there are no {OF}{label}; those with weights have alpha {only}; take one of them, or `weights: random`"
    return f"there are no {OF}{label}; use `weights: random`, or other arguments"


def backbones_of(files: Collection[str]) -> list[Named]:
    """The backbones whose weights without classifier are among files of these names, for any image size."""
    found = []
    for (name, alpha, minimalistic, top), by_size in _table().items():
        if not top and any(official.file in files for official in by_size.values()):
            args: dict[str, Scalar] = {} if alpha in (None, 1.0) else {"alpha": alpha}
            found.append(Named(name=name, args=args | ({"minimalistic": True} if minimalistic else {})))
    return found


@cache
def _table() -> dict[tuple[str, float | None, bool, bool], dict[int, OfficialFile]]:
    """All official files by backbone, alpha, `minimalistic`, `include_top`, and image size (0 for any).

    They are the files that the constructors of Keras 3.15 ask for; a slow test compares them.
    """
    text = resources.files("tlbench.backbones").joinpath("weights.csv").read_text(encoding="utf-8")
    table: dict[tuple[str, float | None, bool, bool], dict[int, OfficialFile]] = {}
    for row in csv.DictReader(text.splitlines()):
        alpha = float(row["alpha"]) if row["alpha"] else None
        key = (row["backbone"], alpha, row["minimalistic"] == "true", row["top"] == "true")
        size = int(row["size"] or 0)
        table.setdefault(key, {})[size] = OfficialFile(row["file"], row["url"], row["hash"] or None, size)
    return table

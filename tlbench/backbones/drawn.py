"""Weights that tlbench ships, pretrained on synthetic images of many classes.

They demonstrate transfer learning without a network connection, and say nothing about ImageNet weights.
`scripts/pretrain_drawn.py` makes them; ``drawn/recipe.json`` documents how, with the digest of each file.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tlbench.core.cell import Named, Scalar
from tlbench.core.text import listed

FOLDER = Path(__file__).parent / "drawn"
RECIPE = FOLDER / "recipe.json"


@dataclass(frozen=True)
class DrawnWeights:
    """A weights file of a backbone without its classifier, and the file's SHA-256."""

    backbone: Named
    file: str
    sha256: str

    @property
    def path(self) -> Path:
        """The path of the file."""
        return FOLDER / self.file


def find(backbone: str, args: Mapping[str, Scalar]) -> DrawnWeights | None:
    """The weights of a backbone with exactly these arguments; None if there are none."""
    return next(
        (weights for weights in _all() if (weights.backbone.name, weights.backbone.args) == (backbone, dict(args))),
        None,
    )


def known() -> str:
    """The backbones that have drawn weights, for messages."""
    return listed([weights.backbone.label for weights in _all()])


@cache
def _all() -> tuple[DrawnWeights, ...]:
    files = json.loads(RECIPE.read_text(encoding="utf-8"))["files"]
    return tuple(DrawnWeights(Named(**entry["backbone"]), entry["file"], entry["sha256"]) for entry in files)

"""Weights that tlbench has pretrained on synthetic pictures of many classes, and that come with it.

They demonstrate transfer learning without a network connection, and say nothing about ImageNet weights.
`scripts/pretrain_drawn.py` makes them; ``drawn/recipe.json`` documents how, with the digest of each file.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tlbench.core.cell import Named, Scalar

FOLDER = Path(__file__).parent / "drawn"
RECIPE = FOLDER / "recipe.json"


@dataclass(frozen=True)
class DrawnWeights:
    """A file of weights without a classifier, and its SHA-256."""

    backbone: Named
    file: str
    sha256: str

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return FOLDER / self.file


def find(backbone: str, args: Mapping[str, Scalar]) -> DrawnWeights | None:
    """The weights of a backbone with just these arguments; None where tlbench brings none."""
    return next((one for one in _all() if (one.backbone.name, one.backbone.args) == (backbone, dict(args))), None)


def known() -> str:
    """The backbones there are drawn weights of."""
    return ", ".join(one.backbone.label for one in _all())


@cache
def _all() -> tuple[DrawnWeights, ...]:
    files = json.loads(RECIPE.read_text(encoding="utf-8"))["files"]
    return tuple(DrawnWeights(Named(**one["backbone"]), one["file"], one["sha256"]) for one in files)

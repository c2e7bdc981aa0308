"""Say which official weights `run` would have to download, and which are damaged. Needs no network."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tlbench.backbones import registry
from tlbench.backbones.official import OF, OfficialFile
from tlbench.backbones.weights import StandIn, absent, damage_of, present, searched
from tlbench.core import settings
from tlbench.core.cell import FILE, Cell
from tlbench.core.text import first_of, listed
from tlbench.execution.inputs import keeps_classifier, weights_key

NAMED = 4
"""Largest number of backbones, and of addresses, that a sentence lists."""


@dataclass(frozen=True)
class _Absent:
    """An official file that is in no folder.

    Attributes:
        of: the backbone.
        official: the file.
        otherwise: what `run` does if the file cannot be downloaded.
    """

    of: str
    official: OfficialFile
    otherwise: str


def absent_weights(cells: Sequence[Cell], folder: Path | None, instead: StandIn | None) -> list[str]:
    """Sentences about official weights that are neither in `folder` nor in Keras' cache, or cannot be opened there.

    Args:
        cells: the cells that would run.
        folder: the user's folder of weights.
        instead: the stand-in that the suite allows.
    """
    if folder is not None and not folder.is_dir():
        return [f"the weights folder {folder} does not exist; `run` needs it"]
    offline = settings.flag("TLBENCH_OFFLINE")
    groups: dict[str, list[_Absent]] = {}
    damaged = dict.fromkeys(filter(None, (_damaged(cell, top, folder) for cell, top in _needed(cells))))
    for one in _absent(cells, folder, instead):
        groups.setdefault(one.otherwise, []).append(one)
    where = searched(folder) + ("" if folder else ", and TLBENCH_WEIGHTS names no folder")
    sentences = []
    for otherwise, group in groups.items():
        of, urls = _named([one.of for one in group]), _named([one.official.url for one in group])
        run = "TLBENCH_OFFLINE is set, so `run`" if offline else f"`run` downloads them from {urls}; if it cannot, it"
        sentences.append(f"{OF}{of} are not in {where}; {run} {otherwise}")
    return [*sentences, *damaged]


def _needed(cells: Sequence[Cell]) -> Iterator[tuple[Cell, bool]]:
    """The official files that cells need: a cell for each, and whether it includes the original classifier."""
    found = set[tuple[str, bool]]()
    for cell in cells:
        if cell.weights in ("random", "drawn") or cell.backbone.name == FILE:
            continue
        original = cell.kind == "original"
        for top in (original, True) if keeps_classifier(cell) else (original,):
            if (key := (weights_key(cell), top)) not in found:
                found.add(key)
                yield cell, top


def _damaged(cell: Cell, top: bool, folder: Path | None) -> str:
    """A sentence on the file that is there and cannot be used; empty if it can be, or none is there."""
    path = present(registry.get(cell.backbone.name), cell.backbone.args, top, folder, cell.image_size)
    why = damage_of(path) if path else ""
    return f"{path} {why}; `run` cannot use it" if why else ""


def _absent(cells: Sequence[Cell], folder: Path | None, instead: StandIn | None) -> list[_Absent]:
    """The files that are in no folder. Every backbone is looked for once for each image size."""
    stand_in = "stops" if instead is None else f"uses stand-ins, as `fallback: {{weights: {instead}}}` allows"
    found = []
    for cell, top in _needed(cells):
        missing = absent(registry.get(cell.backbone.name), cell.backbone.args, top, folder, cell.image_size)
        if missing is not None:
            official, other = missing
            needed = top and cell.kind != "original"  # nothing stands in for a classifier that the training needs
            otherwise = f"uses {other.file}" if other else "stops" if needed else stand_in
            of = cell.backbone.label + (" with its classifier" if top else "")
            found.append(_Absent(of, official, otherwise))
    return found


def _named(words: Sequence[str]) -> str:
    names = list(dict.fromkeys(words))
    return first_of(names, NAMED) if len(names) > NAMED else listed(names)

"""Compare the images of records with the present ones, and count these, without decoding them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tlbench.cache.folders import cache_dir
from tlbench.core.cell import Cell
from tlbench.datasets.foretell import count_images, refusal, same_images
from tlbench.datasets.found import Listings
from tlbench.datasets.registry import IMAGENET
from tlbench.results.record import Record
from tlbench.suite.load import Suite


class Images:
    """The present images of a suite's cells, in `root` or where the suite says. Files are listed once per data set, and
    only where that is quick.
    """

    def __init__(self, suite: Suite, root: Path | None) -> None:
        self._suite, self._root, self._listings = suite, root, Listings()
        self._same, self._counts = dict[object, bool | None](), dict[object, Mapping[str, int] | None]()

    def same(self, record: Record) -> bool | None:
        """Whether a record was made from the present images; None if unknown."""
        if (data := record.data) is None:
            return True
        cell = record.cell
        if cell.kind == "original" or cell.dataset.name == IMAGENET:
            return None
        key = (cell.dataset.model_dump_json(), cell.limit, cell.image_size, cell.resize, data.fingerprint)
        if key not in self._same:
            self._same[key] = same_images(
                data, cell.dataset, cell.limit, cell.image_size, resize=cell.resize, **self._places(cell)
            )
        return self._same[key]

    def counts(self, cell: Cell) -> Mapping[str, int] | None:
        """The number of a cell's images by split, counted from the present files; None if unknown."""
        return self._counted(cell, stand_in=False)

    def stand_ins(self, cell: Cell) -> Mapping[str, int] | None:
        """The number of synthetic images by split that would replace missing files; None if the suite forbids them."""
        return self._counted(cell, stand_in=True) if self._suite.fallback.datasets == "synthetic" else None

    def _counted(self, cell: Cell, *, stand_in: bool) -> Mapping[str, int] | None:
        key = (cell.dataset.model_dump_json(), cell.limit, stand_in)
        if key not in self._counts:
            places = self._places(cell) | {"fallback_synthetic": stand_in}
            self._counts[key] = count_images(cell.dataset, cell.limit, **places)
        return self._counts[key]

    def refused(self, cell: Cell) -> str:
        """Why `run` will stop at the folder of a cell's images; empty if nothing is known."""
        return refusal(cell.dataset, **self._places(cell)) if cell.train else ""

    def missing(self, cell: Cell) -> bool:
        """Whether the suite names a path for a cell's images that does not exist."""
        path = self._suite.dataset_paths.get(cell.dataset.name)
        return path is not None and not path.exists()

    def _places(self, cell: Cell) -> dict[str, Any]:
        return {
            "root": self._root,
            "path": self._suite.dataset_paths.get(cell.dataset.name),
            "cache": cache_dir(),
            "fallback_synthetic": self._suite.fallback.datasets == "synthetic",
            "listings": self._listings,
        }

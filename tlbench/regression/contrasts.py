"""Which differences in accuracy are real: two cells on the same test images. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tlbench.results.record import Record
from tlbench.statistics.classification import mcnemar
from tlbench.statistics.multiple import holm

Right = NDArray[np.bool_]
"""For each test image, whether the cell predicted it right."""
LEVEL = 0.05


@dataclass(frozen=True)
class Contrast:
    """Two cells on the same test images. `p` is McNemar's exact p-value, `adjusted` Holm's over all contrasts shown.

    only_first, only_second: images that only the first (second) predicts right. difference: top-1, first less second.
    """

    first: Record
    second: Record
    only_first: int
    only_second: int
    difference: float
    p: float
    adjusted: float

    @property
    def verdict(self) -> str:
        """In words."""
        if self.adjusted >= LEVEL:
            return "not to be told apart"
        return "first is better" if self.only_first > self.only_second else "second is better"


def comparable(first: Record, second: Record) -> bool:
    """Whether both predicted the same images."""
    return first.data is not None and second.data is not None and first.data.fingerprint == second.data.fingerprint


def compare(couples: Sequence[tuple[Record, Record]], right: Mapping[str, Right]) -> list[Contrast]:
    """Test each couple; `right` is by cell id. Raises ValueError for cells that saw different images."""
    counted = []
    for first, second in couples:
        if not comparable(first, second):
            raise ValueError(f"{first.cell.label} and {second.cell.label} were tested on different images")
        a, b = right[first.cell_id], right[second.cell_id]
        counted.append((int((a & ~b).sum()), int((b & ~a).sum()), float(a.mean() - b.mean())))
    p_values = [mcnemar(only_first, only_second) for only_first, only_second, _ in counted]
    return [
        Contrast(first, second, *counts, p, adjusted)
        for (first, second), counts, p, adjusted in zip(couples, counted, p_values, holm(p_values), strict=True)
    ]


def best_against_rest(records: Sequence[Record]) -> list[tuple[Record, Record]]:
    """For each set of test images, the cell with the highest top-1 beside each other cell."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        if record.accuracy and record.data:
            groups.setdefault(record.data.fingerprint, []).append(record)
    couples = []
    for group in groups.values():
        ranked = sorted(group, key=lambda record: record.accuracy.top1 if record.accuracy else 0.0, reverse=True)
        couples += [(ranked[0], other) for other in ranked[1:]]
    return couples

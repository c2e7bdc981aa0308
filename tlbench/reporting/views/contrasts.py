"""Cells tested against each other on the same images. Pure."""

from collections.abc import Sequence

from tlbench.regression.contrasts import Contrast
from tlbench.reporting.document import Table
from tlbench.results.record import Record

HEADINGS = ["First", "Second", "Top-1", "Difference", "Only first right", "Only second right", "p (Holm)", ""]


def table(contrasts: Sequence[Contrast]) -> Table:
    """A line for each."""
    return Table.of(HEADINGS, map(_row, contrasts))


def _row(contrast: Contrast) -> list[str]:
    return [
        contrast.first.cell.label,
        contrast.second.cell.label,
        f"{_top1(contrast.first):.1%} / {_top1(contrast.second):.1%}",
        f"{contrast.difference * 100:+.1f}",
        str(contrast.only_first),
        str(contrast.only_second),
        f"{contrast.adjusted:.2g}",
        contrast.verdict,
    ]


def _top1(record: Record) -> float:
    assert record.accuracy is not None
    return record.accuracy.top1

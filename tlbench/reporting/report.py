"""A report: the records of one or more runs, and what views compute from them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tlbench.regression.contrasts import Recipe, Right, recipes
from tlbench.regression.gains import FROZEN, Gain, gains
from tlbench.reporting.published import is_original, published_columns
from tlbench.results.basis import Basis
from tlbench.results.record import Record
from tlbench.results.spent import Spent

if TYPE_CHECKING:
    import pandas as pd

    from tlbench.reporting.document import Document, Thumbnail
    from tlbench.reporting.views.choice import Decision


def no_answers() -> Right | None:
    """The answers of a record whose predictions were not kept."""
    return None


def no_mistakes(row: "RunRecord") -> "tuple[Thumbnail, ...]":
    """The mistakes of a report without thumbnails."""
    del row
    return ()


@dataclass(frozen=True)
class RunRecord:
    """A record and the run it is from.

    Attributes:
        run: the name of the run.
        record: the record.
        answers: reads, for each test image, whether it was classified correctly; None if that was not kept.
    """

    run: str
    record: Record
    answers: Callable[[], Right | None] = field(default=no_answers, compare=False, repr=False)


def first_of_each(rows: Sequence[RunRecord]) -> list[RunRecord]:
    """Each cell once, from the first run that has it: a second run of a cell does not count as another seed.

    A cell with other images or stand-ins counts as another cell.
    """
    found: dict[tuple[str, Basis], RunRecord] = {}
    for row in rows:
        found.setdefault(row.record.cell_key, row)
    return list(found.values())


@dataclass(frozen=True, repr=False)
class Report:
    """The records of one or more runs. A notebook shows the tables of a report.

    Attributes:
        title: the title.
        rows: the records, those of a run in the order of its cells.
        mistakes: reads thumbnails of test images that a record misclassified; none unless they are asked for.
        spent: what budgets were spent on, for runs that had one.
    """

    title: str
    rows: Sequence[RunRecord]
    mistakes: Callable[[RunRecord], "tuple[Thumbnail, ...]"] = field(default=no_mistakes, compare=False)
    spent: tuple[Spent, ...] = ()

    @property
    def records(self) -> list[Record]:
        """The records without their runs."""
        return [row.record for row in self.rows]

    @cached_property
    def tested(self) -> list[Record]:
        """Records with an accuracy, each cell once."""
        tested = [row for row in self.rows if row.record.accuracy and row.record.data]
        return [row.record for row in first_of_each(tested)]

    @cached_property
    def recipes(self) -> list[Recipe]:
        """The tested records, grouped by recipe."""
        return recipes(self.tested)

    @cached_property
    def strategies(self) -> frozenset[str]:
        """The names of the tested strategies."""
        return frozenset(record.cell.strategy.name for record in self.tested)

    @cached_property
    def gains(self) -> list[Gain]:
        """The gains in accuracy over `frozen`; empty without `frozen` or without another strategy."""
        return gains(self.recipes, self.answers) if FROZEN in self.strategies and len(self.strategies) > 1 else []

    @cached_property
    def decisions(self) -> "tuple[Decision, ...]":
        """The recommended recipe for each set of test images."""
        from tlbench.reporting.views.choice import decisions

        return decisions(self)

    def answers(self, record: Record) -> Right | None:
        """Whether each test image was classified correctly; None if that was not kept. Read once, then kept as bits."""
        if id(record) not in self._bits:
            right = self._answers[id(record)]()
            self._bits[id(record)] = None if right is None else (np.packbits(right), len(right))
        kept = self._bits[id(record)]
        return None if kept is None else np.unpackbits(kept[0], count=kept[1]).astype(np.bool_)

    @cached_property
    def _bits(self) -> dict[int, tuple[NDArray[np.uint8], int] | None]:
        return {}

    @cached_property
    def _answers(self) -> dict[int, Callable[[], Right | None]]:
        return {id(row.record): row.answers for row in self.rows}

    @cached_property
    def frame(self) -> "pd.DataFrame":
        """One row per record; docs/results-format.md lists the columns."""
        import pandas as pd

        from tlbench.results.table import to_frame

        frame = to_frame(self.records)
        frame.insert(0, "run", [row.run for row in self.rows])
        if any(map(is_original, self.records)):
            published = pd.DataFrame([published_columns(record) for record in self.records])
            frame = pd.concat([frame, published], axis=1)
        return frame

    @cached_property
    def document(self) -> "Document":
        """The content of the report, from all views."""
        from tlbench.reporting.views.registry import document

        return document(self)

    def __repr__(self) -> str:
        """The title and the number of records."""
        return f"<Report {self.title!r}: {len(self.rows)} records>"

    def _repr_markdown_(self) -> str:
        from tlbench.reporting.formats import FORMATS

        return str(FORMATS["markdown"].make(self))

    def _repr_html_(self) -> str:
        from tlbench.reporting.render import html

        return html.fragment(self.document)

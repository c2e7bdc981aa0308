"""What a report is of: the records of one or several runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from tlbench.reporting.published import is_original, published_columns
from tlbench.results.record import Record

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class RunRecord:
    """A record and the name of the run it is from."""

    run: str
    record: Record


@dataclass(frozen=True, repr=False)
class Report:
    """Records under a title, those of a run in the order of its cells. In a notebook it shows its tables."""

    title: str
    rows: Sequence[RunRecord]

    @property
    def records(self) -> list[Record]:
        """The records alone."""
        return [row.record for row in self.rows]

    @cached_property
    def frame(self) -> "pd.DataFrame":
        """One row a record, the run first; columns as docs/results-format.md lists them."""
        import pandas as pd

        from tlbench.results.table import to_frame

        frame = to_frame(self.records)
        frame.insert(0, "run", [row.run for row in self.rows])
        if any(map(is_original, self.records)):
            published = pd.DataFrame([published_columns(record) for record in self.records])
            frame = pd.concat([frame, published], axis=1)
        return frame

    def __repr__(self) -> str:
        """The title, with the number of records."""
        return f"<Report {self.title!r}: {len(self.rows)} records>"

    def _repr_markdown_(self) -> str:
        from tlbench.reporting.formats import FORMATS

        return str(FORMATS["markdown"].make(self))

    def _repr_html_(self) -> str:
        from tlbench.reporting.render import html
        from tlbench.reporting.views.registry import document

        return html.fragment(document(self))

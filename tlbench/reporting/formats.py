"""The formats of a report: one entry each, from records to text."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from tlbench.reporting import markdown, original
from tlbench.reporting.rows import Named
from tlbench.results.table import to_frame


@dataclass(frozen=True, repr=False)
class Report:
    """What is to be reported, under a title."""

    title: str
    named: Sequence[Named]

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row a cell, the run first."""
        frame = to_frame(one.record for one in self.named)
        frame.insert(0, "run", [one.run for one in self.named])
        if any(original.is_original(one.record) for one in self.named):
            published = pd.DataFrame([original.published_columns(one.record) for one in self.named])
            frame = pd.concat([frame, published], axis=1)
        return frame

    def __repr__(self) -> str:
        """The title, with the number of records."""
        return f"<Report {self.title!r}: {len(self.named)} records>"

    def _repr_markdown_(self) -> str:
        return as_markdown(self)

    def _repr_html_(self) -> str:
        """For notebooks: the Markdown report; whatever stands in it as HTML is escaped."""
        from markdown_it import MarkdownIt

        html: str = MarkdownIt("js-default").render(as_markdown(self))
        return html


Format = Callable[[Report], str]


def as_markdown(report: Report) -> str:
    """The tables that people read."""
    return markdown.render(report.title, report.named)


def as_csv(report: Report) -> str:
    """One row a cell, plain numbers."""
    return report.frame.to_csv(index=False)


def as_json(report: Report) -> str:
    """The same rows as objects, a line each, null where there is nothing."""
    lines = report.frame.to_json(orient="records", lines=True, double_precision=15, force_ascii=False)
    rows = lines.rstrip("\n").replace("\n", ",\n").replace("\\/", "/")  # pandas escapes slashes, JSON need not
    return f'{{"title": {json.dumps(report.title, ensure_ascii=False)}, "rows": [\n{rows}\n]}}\n'


FORMATS: dict[str, tuple[str, Format]] = {
    # name: (file extension, from records to text)
    "markdown": ("md", as_markdown),
    "csv": ("csv", as_csv),
    "json": ("json", as_json),
}


def file_name(extension: str, named: Sequence[Named]) -> str:
    """``report.md``; with stand-ins among the records ``report.synthetic-data.random-weights.md``."""
    marks = sorted({mark.replace(" ", "-") for one in named for mark in one.record.fallbacks}, reverse=True)
    return ".".join(["report", *marks, extension])

"""The formats of a report: one entry each, from records to text."""

import json
from collections.abc import Callable, Sequence

import pandas as pd

from tlbench.reporting import markdown, original
from tlbench.reporting.rows import Named
from tlbench.results.table import to_frame

Format = Callable[[str, Sequence[Named]], str]


def csv(title: str, named: Sequence[Named]) -> str:
    """One row a cell, plain numbers; the run first."""
    del title
    return _frame(named).to_csv(index=False)


def as_json(title: str, named: Sequence[Named]) -> str:
    """The same rows as objects, null where there is nothing."""
    rows = json.loads(_frame(named).to_json(orient="records", double_precision=15))
    return json.dumps({"title": title, "rows": rows}, indent=1, ensure_ascii=False) + "\n"


def _frame(named: Sequence[Named]) -> pd.DataFrame:
    frame = to_frame(one.record for one in named)
    frame.insert(0, "run", [one.run for one in named])
    if any(original.is_original(one.record) for one in named):
        published = pd.DataFrame([original.published_columns(one.record) for one in named])
        frame = pd.concat([frame, published], axis=1)
    return frame


FORMATS: dict[str, tuple[str, Format]] = {
    # name: (file extension, from records to text)
    "markdown": ("md", markdown.render),
    "csv": ("csv", csv),
    "json": ("json", as_json),
}


def file_name(extension: str, named: Sequence[Named]) -> str:
    """``report.md``; with stand-ins among the records ``report.synthetic-data.random-weights.md``."""
    marks = sorted({mark.replace(" ", "-") for one in named for mark in one.record.fallbacks}, reverse=True)
    return ".".join(["report", *marks, extension])

"""The view of ``report --columns``: some columns, a row for each record. Pure."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tlbench.core.errors import UserError, nearest
from tlbench.core.text import DASH
from tlbench.reporting.document import Column, Table
from tlbench.reporting.numbers import significant
from tlbench.reporting.report import Report

if TYPE_CHECKING:
    import pandas as pd

STAND_INS = "stand_ins"


def frame(report: Report, names: Sequence[str]) -> "pd.DataFrame":
    """These columns of `report.frame`, in this order, and the stand-ins of each row if any has some.

    Raises:
        UserError: there is no such column, or one is named twice.
    """
    known = [str(name) for name in report.frame.columns]
    for name in names:
        if name not in known:
            raise UserError(f"--columns: there is no column {name!r}; {nearest(name, known, 'columns')}")
    if len(set(names)) < len(names):
        raise UserError("--columns: a column is named twice")
    chosen = report.frame[list(names)]
    marks = [", ".join(record.fallbacks) for record in report.records]
    return chosen.assign(**{STAND_INS: marks}) if any(marks) else chosen


def table(chosen: "pd.DataFrame") -> Table:
    """The frame as a table: numbers with three significant digits, a dash for missing values."""
    import pandas as pd

    numeric = [pd.api.types.is_numeric_dtype(chosen[name]) for name in chosen]
    columns = tuple(
        Column(str(name), "right" if right else "left") for name, right in zip(chosen, numeric, strict=True)
    )
    return Table(columns, tuple(tuple(map(_text, row)) for row in chosen.itertuples(index=False, name=None)))


def _text(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return DASH
    if isinstance(value, float) and not value.is_integer():
        return significant(value)
    return f"{value:.0f}" if isinstance(value, float) else str(value)

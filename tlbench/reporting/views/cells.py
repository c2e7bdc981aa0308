"""Each cell by itself, in HTML only: its record, and a program in plain Keras that trains it again. Pure."""

import json
from typing import Any

from tlbench.reporting.document import Block, Note, Program, Section
from tlbench.reporting.keras_code import program, why_not
from tlbench.reporting.report import Report, RunRecord
from tlbench.results.record import Record

MOST = 1000
"""The most cells on a page, which more would make slow to open."""
RAW = {"rounds", "warmup", "reference", "beside"}
"""The fields with raw samples of step times, which are most of a record's bytes."""
DIGITS = 5
"""Significant digits of a number on a page."""


def sections(report: Report) -> list[Section]:
    """A folded section that has a section for each cell."""
    blocks: list[Block] = [_cell(row) for row in report.rows[:MOST]]
    if len(report.rows) > MOST:
        rest = f"{len(report.rows) - MOST} more cells are left out here; their records are in the folder of the run."
        blocks.append(Note((rest,)))
    return [Section("Cells", tuple(blocks), folded=True, on_pages=True)] if blocks else []


def _cell(row: RunRecord) -> Section:
    record = row.record
    blocks: list[Block] = []
    if reason := why_not(record):
        blocks.append(Note((f"There is no program in plain Keras: {reason}.",)))
    else:
        blocks.append(Program("The Keras code that builds and trains this model", program(record)))
    blocks.append(Program(f"The record, without raw samples, numbers to {DIGITS} digits", slim(record)))
    return Section(f"{record.cell.label} ({row.run}, {record.cell_id})", tuple(blocks), folded=True)


def slim(record: Record) -> str:
    """The record as JSON, without empty fields and raw samples.

    There is a line for each field, two levels deep: records share most lines, and a page stores each line once.
    """
    return _written(_without_raw(record.model_dump(mode="json", exclude_defaults=True)), "", 2)


def _written(value: Any, indent: str, levels: int) -> str:
    if not levels or not isinstance(value, dict) or not value:
        return json.dumps(value, ensure_ascii=False)
    inner = f"{indent} "
    lines = [f"{inner}{json.dumps(key)}: {_written(of, inner, levels - 1)}" for key, of in value.items()]
    return "{\n" + ",\n".join(lines) + f"\n{indent}}}"


def _without_raw(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_raw(inner) for key, inner in value.items() if key not in RAW}
    if isinstance(value, list):
        return [_without_raw(inner) for inner in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value

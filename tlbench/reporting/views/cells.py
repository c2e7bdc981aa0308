"""Each cell by itself, for pages: its facts, its record, and a program in plain Keras that trains it again. Pure."""

import json
from typing import Any

from tlbench.reporting.document import Block, Note, Program, Section
from tlbench.reporting.keras_code import program, why_not
from tlbench.reporting.report import Report, RunRecord
from tlbench.results.record import Record

MOST = 1000
"""Cells on a page: more make it slow to open."""
RAW = {"rounds", "warmup", "reference", "beside"}
"""Raw samples of step times: they are in the records, and most of their bytes."""


DIGITS = 5
"""Of a number on a page; the record's file has all of them."""


def sections(report: Report) -> list[Section]:
    """One folded section with one for each cell."""
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
    """Fields that are not empty, no raw samples; a line for each, two levels deep, so that cells share most lines."""
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

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
    blocks.append(Program("The record, without raw samples", slim(record)))
    return Section(f"{record.cell.label} ({row.run}, {record.cell_id})", tuple(blocks), folded=True)


def slim(record: Record) -> str:
    """A line for each field that is not empty; no raw samples."""
    content = _without_raw(record.model_dump(mode="json", exclude_defaults=True))
    lines = [f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in content.items()]
    return "{\n" + ",\n".join(lines) + "\n}"


def _without_raw(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_raw(inner) for key, inner in value.items() if key not in RAW}
    if isinstance(value, list):
        return [_without_raw(inner) for inner in value]
    return value

"""Baselines: a side of a comparison in one text file that is small enough to commit and readable in a diff."""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from tlbench.core.errors import UserError
from tlbench.core.files import OddFileError, read_file, write_output
from tlbench.core.text import one_line
from tlbench.core.value import by_newer, unknown_fields
from tlbench.regression.entries import Entry, Times
from tlbench.regression.side import Side

KEY, SCHEMA = "tlbench_baseline", 2
READABLE = (1, 2)
"""The schemas that are read. Fields that were added under schema 1 have defaults."""
MOST_BYTES = 256 * 2**20
"""The largest size of a file. Ten thousand cells take about 20 MiB."""
HEAD_BYTES = 4096
SHARED = ("machine", "versions", "variables")
"""Fields that are mostly the same for all cells: written once, and again only for cells that differ."""
HEAD = (KEY, "suite", "created", "gates", "planned", *SHARED, "cells")
"""The fields of a file."""


def write(side: Side, path: Path) -> None:
    """Write `side` with one line per field of each cell, in a stable order, without data that only pairs use."""
    entries = [_plain(entry) for entry in sorted(side.entries, key=lambda entry: (entry.cell.label, entry.cell.id))]
    shared = {key: entries[0][key] for key in SHARED if entries and key in entries[0]}
    head = {
        KEY: SCHEMA,
        "suite": side.suite,
        "created": side.created,
        "gates": side.gates.model_dump(mode="json", exclude_none=True),
        **({"planned": side.planned} if side.planned > len(entries) else {}),
        **shared,
    }
    lines = [f" {json.dumps(key)}: {_line(value)}," for key, value in head.items()]
    cells = []
    for content in entries:
        own = {key: value for key, value in content.items() if shared.get(key) != value}
        own |= {key: {} for key in shared if key not in content}  # empty here, and not what the others share
        cells.append("  {\n" + ",\n".join(f"   {json.dumps(key)}: {_line(own[key])}" for key in own) + "\n  }")
    text = "{\n" + "\n".join(lines) + '\n "cells": [\n' + ",\n".join(cells) + "\n ]\n}\n"
    write_output(path, text.encode("utf-8", "backslashreplace"))


def is_baseline(path: Path) -> bool:
    """Whether a regular file begins as a baseline does. It may be damaged, as by a merge, or of a newer version."""
    with path.open("rb") as file:
        return f'"{KEY}"'.encode() in file.read(HEAD_BYTES)


def read(path: Path) -> Side:
    """Read a baseline. Raises UserError if the file is no baseline, damaged, or of a newer version."""
    try:
        content = from_json(read_file(path, MOST_BYTES))
    except OddFileError as error:
        raise UserError(f"{path} is no baseline: {error}") from error
    except ValueError as error:
        raise UserError(
            f"{path} is no baseline: it is no JSON ({error}); `tlbench baseline save` writes one"
        ) from error
    schema = content.get(KEY) if isinstance(content, dict) else None
    if schema is None:
        raise UserError(f"{path} is no baseline; `tlbench baseline save RUN FILE` writes one")
    if schema not in READABLE:
        theirs = f"{path} has schema {one_line(str(schema))}"
        raise UserError(f"{theirs}, this tlbench reads up to {SCHEMA}; update tlbench, or save it again")
    if unknown := [one_line(key) for key in content if key not in HEAD]:
        raise UserError(f"{path}: {by_newer(unknown)}")
    try:
        shared = {key: content[key] for key in SHARED if key in content}
        entries = tuple(Entry.model_validate({**shared, **cell}) for cell in content["cells"])
        kept = {key: content[key] for key in ("suite", "created", "gates")}
        planned = content.get("planned", len(entries))
        side = Side(name=str(path), kind="baseline", entries=entries, planned=planned, **kept)
        notes = (f"{path}: {len(entries)} of {side.planned} cells were kept",) if side.planned > len(entries) else ()
        return side.model_copy(update={"notes": notes})
    except (ValidationError, KeyError, TypeError) as error:
        if isinstance(error, ValidationError) and (unknown := unknown_fields(error)):
            raise UserError(f"{path}: {by_newer(unknown)}") from error
        first = error.errors()[0] if isinstance(error, ValidationError) else None
        where = f"{'.'.join(map(str, first['loc']))}: {first['msg']}" if first else _missing(error)
        raise UserError(
            f"{path} is damaged ({one_line(where)}); save it again, or take it from version control"
        ) from error


def _missing(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else "a mapping or a list stands where none belongs"


def _plain(entry: Entry) -> dict[str, Any]:
    times = [_rounded(_times(times)) for times in entry.times]
    return entry.model_dump(mode="json", exclude={"times"}, exclude_defaults=True) | {"times": times}


def _times(times: Times) -> dict[str, Any]:
    """`times` as JSON, without fields that are useful only within a session, and without those that say nothing."""
    left_out = {
        number: {"session", "rounds", *([] if draw.memory else ["memory"]), *(["few"] if draw.few is None else [])}
        for number, draw in enumerate(times.draws)
    }
    return times.model_dump(mode="json", exclude={"draws": left_out})


def _rounded(value: Any) -> Any:
    """Round numbers to six significant digits; more would only make diffs longer."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return [_rounded(inner) for inner in value] if isinstance(value, list) else value


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)

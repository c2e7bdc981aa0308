"""Every field of the files that tlbench writes is listed with the number of its schema.

An older tlbench refuses a newer file by that number, so a field may not come or go, or change its type, without it. A
list that is in a commit is never edited: raise the number, add a migration, and commit the new list, which
``python -m tests.results.test_fields`` writes.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from tlbench.regression import baseline
from tlbench.regression.entries import Entry
from tlbench.regression.gates import Gates
from tlbench.results.predictions import ARRAYS
from tlbench.results.record import SCHEMA_VERSION, Record
from tlbench.results.run_folder import RUN_SCHEMA, Run

LISTS = Path(__file__).parents[1] / "data/fields"
ROOT = Path(__file__).parents[2]


def fields(model: type[BaseModel]) -> Iterator[str]:
    """Each field of the JSON of `model` as ``training[].path.numpy: boolean``."""
    schema = model.model_json_schema()
    return walk("", schema, schema.get("$defs", {}))


def walk(place: str, schema: dict[str, Any], known: dict[str, Any]) -> Iterator[str]:
    if "$ref" in schema:
        yield from walk(place, known[schema["$ref"].rpartition("/")[2]], known)
    elif "anyOf" in schema:
        for one in schema["anyOf"]:
            yield from walk(place, one, known)
    elif "properties" in schema:
        for name, inner in schema["properties"].items():
            yield from walk(f"{place}.{name}".lstrip("."), inner, known)
    elif isinstance(schema.get("additionalProperties"), dict):
        yield from walk(f"{place}.*", schema["additionalProperties"], known)
    elif "prefixItems" in schema or "items" in schema:
        for inner in [*schema.get("prefixItems", ()), *filter(None, [schema.get("items")])]:
            yield from walk(f"{place}[]", inner, known)
    else:
        values = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
        yield f"{place}: {' | '.join(map(str, values)) or schema.get('type', 'anything')}"


def lists() -> dict[str, list[str]]:
    """The fields of each kind of file, by the name of the list."""
    arrays = [f"predictions: {name}" for names in ARRAYS.values() for name in names]
    head = [f"baseline: {name}" for name in baseline.HEAD]
    gates = [f"gates.{one}" for one in fields(Gates)]
    return {
        f"record_{SCHEMA_VERSION}.txt": sorted({*fields(Record), *arrays}),
        f"run_{RUN_SCHEMA}.txt": sorted({*fields(Run)}),
        f"baseline_{baseline.SCHEMA}.txt": sorted({*head, *gates, *fields(Entry)}),
    }


@pytest.mark.parametrize("name", lists())
def test_a_field_comes_or_goes_only_with_the_number_of_its_schema(name: str) -> None:
    assert (LISTS / name).read_text().splitlines() == lists()[name], "raise the schema's number: see this file's head"


def test_every_committed_record_and_baseline_is_read() -> None:
    from tlbench.results.store import Store

    runs = sorted(file.parent for file in (ROOT / "results/reference").rglob("run.json"))
    assert len(runs) > 5
    for run in runs:
        read = Store(run).read_all()
        assert read.records
        assert read.damaged == ()
    assert baseline.read(ROOT / "baselines/small.json").entries


if __name__ == "__main__":
    for name, lines in lists().items():
        (LISTS / name).write_text("\n".join(lines) + "\n")

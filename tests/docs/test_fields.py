"""Every field of a record, and every key of a suite, stands in the document that promises them all."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from tlbench.core.cell import Limit
from tlbench.core.training import Augmentation, EarlyStopping, RandAugment, ReduceLROnPlateau
from tlbench.results.record import Record
from tlbench.suite.fields import Section
from tlbench.suite.schema import SuiteFile

DOCS = Path(__file__).parents[2] / "docs"
AS_IN_A_SUITE = (Augmentation, EarlyStopping, Limit, RandAugment, ReduceLROnPlateau)
"""Parts of a cell for which the document of records names that of suites."""


def models(within: Any) -> Iterator[type[BaseModel]]:
    """The models that a type is made of, at any depth."""
    if isinstance(within, type) and issubclass(within, BaseModel):
        yield within
        for field in within.model_fields.values():
            yield from models(field.annotation)
    for part in get_args(within):
        yield from models(part)


@pytest.mark.parametrize(("document", "whole"), [("results-format.md", Record), ("suites.md", SuiteFile)])
def test_every_field_is_named(document: str, whole: type[BaseModel]) -> None:
    named = set(re.findall(r"\w+", " ".join(re.findall(r"`[^`\n]+`", (DOCS / document).read_text(encoding="utf-8")))))
    kind = Section if issubclass(whole, Section) else BaseModel  # what a section is made into is the record's matter
    asked = [model for model in models(whole) if issubclass(model, kind) and model not in AS_IN_A_SUITE]
    fields = {name for model in asked for name in model.model_fields}
    assert len(fields) > 50
    assert sorted(fields - named) == []

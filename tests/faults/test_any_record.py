"""A record that somebody else has made, with a checksum that fits and anything in it: shown, or set aside and named."""

import hashlib
import json
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from pydantic import ValidationError

from tests import builders
from tests.faults.test_anything import HOW, LARGE, SMALL, VALUES, changed, places
from tests.narrow import present
from tests.session.runs import make_run
from tlbench.core.cell import Cell, Named
from tlbench.regression.comparison import compare
from tlbench.reporting.comparison_formats import COMPARISON_FORMATS
from tlbench.reporting.formats import FORMATS
from tlbench.results.believable import check
from tlbench.results.encoding import CHECKSUM, encode
from tlbench.results.migrations import RecordTooNewError
from tlbench.results.store import Store
from tlbench.session.report import load
from tlbench.session.side import read_side

WHOLE = [builders.record(), builders.record(builders.cell(strategy=Named(name="full")))]
CONTENT = json.loads(encode(WHOLE[0]))
del CONTENT[CHECKSUM]


def any_record(data: some.DataObject) -> None:
    at = data.draw(some.sampled_from(list(places(CONTENT))))
    content = changed(CONTENT, at, data.draw(VALUES), data.draw(HOW))
    with suppress(KeyError, ValidationError):
        content["cell_id"] = Cell.model_validate(content["cell"]).id
    with tempfile.TemporaryDirectory() as folder:
        run = make_run(Path(folder), [WHOLE[1]], cells=[str(content.get("cell_id")), WHOLE[1].cell_id])
        write(content, run.path / "records")
        show(run.path)


def write(content: dict[str, Any], folder: Path) -> None:
    name = str(content.get("cell_id"))
    name = name if name.isalnum() and name.isascii() and len(name) < 99 else "000000000000"
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    checksum = hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()
    (folder / f"{name}.json").write_text(json.dumps(content | {CHECKSUM: checksum}))


def show(folder: Path) -> None:
    """Everything that is said of the run in `folder`; of a record that is not shown, one line."""
    try:
        read = Store(folder).read_all()
    except RecordTooNewError:
        return
    assert len(read.records) + len(read.damaged) == 2
    for file in read.damaged:
        assert len(file.reason.splitlines()) == 1
    said: list[str] = []
    report = load(folder, say=said.append)
    for name, form in FORMATS.items():
        assert name == "png" or form.make(report)  # which needs a package of its own, and draws what svg draws
    side = read_side(folder)
    comparison = compare(side, side, side.gates)
    for _, make in COMPARISON_FORMATS.items():
        assert make(comparison)


@SMALL
@given(some.data())
def test_any_record_is_shown_or_set_aside(data: some.DataObject) -> None:
    any_record(data)


@pytest.mark.slow
@LARGE
@given(some.data())
def test_ten_thousand_records_are_shown_or_set_aside(data: some.DataObject) -> None:
    any_record(data)


@pytest.mark.parametrize("size", [float("inf"), float("nan"), -1.0])
def test_sizes_that_nothing_has_are_not_believed(size: float) -> None:
    record = builders.record()
    counts = present(record.counts).model_copy(update={"size_mb": size})
    with pytest.raises(ValueError, match="counts: a number is negative or not finite"):
        check(record.model_copy(update={"counts": counts}), b"")

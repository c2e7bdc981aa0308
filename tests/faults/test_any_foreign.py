"""Whatever stands in the files of Hugging Face's `datasets` and of tensorflow-datasets: pictures, or one sentence.

Never a traceback, nor the end of the process, which a damaged offset in a mapped file would be.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from tests.datasets.foreign import HERE, SIDE
from tests.datasets.packages import ARRAY_RECORD, PYARROW
from tests.faults.test_anything import HOW, LARGE, SMALL, VALUES, answered, changed, places
from tlbench.core.errors import UserError
from tlbench.datasets.decode import Picture, UndecodableError, quiet
from tlbench.datasets.kinds import read_images
from tlbench.datasets.layout import SplitRule

DEEP = "far too deep"
"""Stands for more lists in each other than Python can follow, which `json.dumps` cannot write."""

PLACES = [
    pytest.param("saved", marks=PYARROW),
    pytest.param("hub", marks=PYARROW),
    "tfrecord/birds/1.0.0",
    pytest.param("array_record/birds/1.0.0", marks=ARRAY_RECORD),
]


def damage(place: Path, data: some.DataObject) -> None:
    """Change one file: a value in JSON, some bytes in any other."""
    file = data.draw(some.sampled_from(sorted(path for path in place.rglob("*") if path.is_file())))
    whole = file.read_bytes()
    if file.suffix == ".json" and data.draw(some.booleans()):
        content: Any = json.loads(whole)
        if at := data.draw(some.sampled_from([(), *places(content)])):
            content = changed(content, at, data.draw(VALUES | some.just(DEEP)), data.draw(HOW))
        else:
            content = data.draw(VALUES | some.just(DEEP))
        file.write_text(json.dumps(content).replace(f'"{DEEP}"', "[" * 100_000 + "]" * 100_000))
        return
    at = data.draw(some.integers(0, len(whole) - 1))
    odd = data.draw(some.binary(min_size=1, max_size=12))
    cut = data.draw(some.integers(0, 4)) == 0
    file.write_bytes(whole[:at] + odd + (b"" if cut else whole[at + len(odd) :]))


def any_foreign(folder: Path, place: str, data: some.DataObject) -> None:
    whole, copy = HERE / place, folder / Path(place).name
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(whole, copy)
    damage(copy, data)
    try:
        layout = read_images(copy, SplitRule())
        decode = layout.decoder(SIDE)
        said = [_said(decode, path) for of in layout.files.values() for paths in of.values() for path in paths]
    except UserError as error:
        answered(error, "", lines=1)
    else:
        assert all(len(one.splitlines()) <= 1 for one in said)


def _said(decode: Callable[[str], Picture], path: str) -> str:
    """Why there is no picture; nothing where there is one."""
    try:
        with quiet():
            found = decode(path)
    except UndecodableError as error:
        return str(error)
    assert (found.pixels.shape, found.pixels.dtype) == ((SIDE, SIDE, 3), np.uint8)
    return ""


@pytest.mark.parametrize("place", PLACES)
@SMALL
@given(some.data())
def test_any_file_of_another_package_is_read_or_refused(tmp_path: Path, place: str, data: some.DataObject) -> None:
    any_foreign(tmp_path, place, data)


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES)
@LARGE
@given(some.data())
def test_ten_thousand_files_of_other_packages_are_read_or_refused(
    tmp_path: Path, place: str, data: some.DataObject
) -> None:
    any_foreign(tmp_path, place, data)

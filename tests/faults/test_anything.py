"""Whatever stands in a suite, a baseline, a picture, an archive or a file of predictions: an answer, or one sentence.

Never a traceback. Records, and the runs they are in, are in `test_any_record.py`.
"""

import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from PIL import Image

from tests import builders
from tests.regression.sides import made, side, timed
from tlbench.core.errors import UserError
from tlbench.datasets.archive import BadArchiveError, extract
from tlbench.datasets.decode import UndecodableError, decode, quiet
from tlbench.datasets.spec import Archive, Source
from tlbench.regression import baseline
from tlbench.regression.comparison import compare
from tlbench.reporting.comparison_formats import COMPARISON_FORMATS
from tlbench.results import predictions
from tlbench.suite import expand
from tlbench.suite.document import parse_document
from tlbench.suite.load import load_suite

DOCUMENTED = {3, 64}
"""Exit codes of an input that cannot be used (docs/ci.md); `tests/cli/test_faults.py` has the others."""

ODD: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 10**400, 1e308, float("nan"), float("inf"), 0.0, -0.5, "", "x", "\ud800", "a\0b", "0224",
    "0-4", "4-0", "30%", "${HOME}", "${X}", "all", "MobileNet*", "[", [], {}, [1], [[]], {"a": 1}, [None], {"name": "x"}, "x" * 10_000,
]  # fmt: skip
VALUES = some.one_of(some.sampled_from(ODD), some.integers(), some.floats(), some.text(max_size=8))

SUITE = {
    "name": "tiny",
    "vars": {"X": 1},
    "x-own": {"a": 1},
    "datasets": ["cats_dogs", {"name": "synthetic", "like": "intel"}, {"name": "mine", "path": "here", "validation": 0.2}],
    "backbones": [{"name": "MobileNet", "alpha": 0.25}],
    "strategies": ["full", {"name": "partial", "trainable": 0.3}],
    "heads": [{"name": "gap", "hidden": [16], "dropout": 0.1}],
    "image_size": [96],
    "limit": {"train": [10, 20], "test": 5},
    "train": {"epochs": 1, "learning_rate": [1e-3], "early_stopping": {"patience": 2}, "augmentation": {"flip": True}},
    "seeds": [0, "1-2"],
    "timing": {"protocol": "custom", "warmup": 1, "iterations": 2, "seconds": 1},
    "fallback": {"weights": "random"},
    "include": [{"backbone": "VGG16", "image_size": 64}],
    "exclude": [{"strategy": "full", "seed": 2}],
    "gates": {"time": "7%", "cells": [{"backbone": "VGG*", "accuracy": "2pp"}]},
    "timeout": 60,
}  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value within `value`."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield (*path, key)
        yield from places(one, (*path, key))


def changed(content: Any, at: tuple[Any, ...], value: Any, how: str) -> Any:
    """A copy in which one value is another one, is gone, or stands there under another key or a second time."""
    copy = deepcopy(content)
    within = copy
    for key in at[:-1]:
        within = within[key]
    if how == "replace":
        within[at[-1]] = value
    elif how == "remove":
        del within[at[-1]]
    elif isinstance(within, dict):
        within[f"{at[-1]}{value if isinstance(value, int) else 'x'}"] = within[at[-1]]
    else:
        within += [value, within[at[-1]]]
    return copy


HOW = some.sampled_from(["replace", "replace", "replace", "remove", "add"])
SMALL = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
LARGE = settings(SMALL, max_examples=10_000)


def answered(error: UserError, place: str, lines: int = 99) -> None:
    assert error.exit_code in DOCUMENTED
    assert place in str(error)
    assert 0 < len(str(error).splitlines()) <= lines
    assert len(str(error)) < 40_000


def of_a_suite(text: str, path: Path) -> None:
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        cells = expand.expand(load_suite(path))
    except UserError as error:
        answered(error, path.name)
    else:
        assert cells


def any_suite(data: some.DataObject, path: Path) -> None:
    at = data.draw(some.sampled_from(list(places(SUITE))))
    content = changed(SUITE, at, data.draw(VALUES), data.draw(HOW))
    of_a_suite(yaml.safe_dump(content, allow_unicode=False, sort_keys=False), path)


@SMALL
@given(some.data())
def test_any_suite_is_expanded_or_refused(tmp_path: Path, data: some.DataObject) -> None:
    any_suite(data, tmp_path / "suite.yaml")


@pytest.mark.slow
@LARGE
@given(some.data())
def test_ten_thousand_suites_are_expanded_or_refused(tmp_path: Path, data: some.DataObject) -> None:
    any_suite(data, tmp_path / "suite.yaml")


@SMALL
@given(some.one_of(some.text(), some.text(alphabet="{}[]&*!|>-?:,#%@`'\"\\ \n\tax0~<=")))
def test_any_text_is_a_document_or_is_none(text: str) -> None:
    try:
        parse_document(text, "suite.yaml")
    except UserError as error:
        answered(error, "suite.yaml")


WHOLE = side(made(timings=timed(), of=builders.cell(seed=0)), made(of=builders.cell(seed=1)), suite="small")


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Any:
    file = tmp_path_factory.mktemp("anything") / "base.json"
    baseline.write(WHOLE, file)
    return json.loads(file.read_bytes())


def any_baseline(content: Any, data: some.DataObject, path: Path) -> None:
    at = data.draw(some.sampled_from(list(places(content))))
    path.write_text(json.dumps(changed(content, at, data.draw(VALUES), data.draw(HOW))))
    try:
        read = baseline.read(path)
    except UserError as error:
        answered(error, path.name, lines=1)
        return
    for before, after in ((read, WHOLE), (WHOLE, read)):
        comparison = compare(before, after, after.gates)
        assert comparison.exit_code in {0, 1, 2, 3}
        for _, make in COMPARISON_FORMATS.items():
            assert make(comparison)


@SMALL
@given(some.data())
def test_any_baseline_is_compared_or_refused(tmp_path: Path, content: Any, data: some.DataObject) -> None:
    any_baseline(content, data, tmp_path / "base.json")


@pytest.mark.slow
@LARGE
@given(some.data())
def test_ten_thousand_baselines_are_compared_or_refused(tmp_path: Path, content: Any, data: some.DataObject) -> None:
    any_baseline(content, data, tmp_path / "base.json")


ARCHIVE = predictions.encode({"test": (np.full((20, 2), 0.5, np.float32), np.arange(20, dtype=np.int32) % 2)})


def any_predictions(place: int, damage: bytes) -> None:
    at = place % len(ARCHIVE)
    for damaged in (ARCHIVE[:at] + damage + ARCHIVE[at + len(damage) :], ARCHIVE[:at] + damage, damage):
        try:
            found = predictions.decode(damaged, "test")
        except ValueError:
            continue
        assert found is not None
        assert found[0].shape == (len(found[1]), 2)
        assert np.isfinite(found[0]).all()


@SMALL
@given(some.integers(0, 10_000), some.binary(min_size=1, max_size=12))
def test_any_predictions_are_read_or_refused(place: int, damage: bytes) -> None:
    any_predictions(place, damage)


@pytest.mark.slow
@LARGE
@given(some.integers(0, 10_000), some.binary(min_size=1, max_size=12))
def test_ten_thousand_predictions_are_read_or_refused(place: int, damage: bytes) -> None:
    any_predictions(place, damage)


def picture(format: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)).save(file, format)
    return file.getvalue()


PICTURES = {format: picture(format) for format in ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF")}


def any_picture(path: Path, format: str, place: int, damage: bytes, cut: bool) -> None:
    whole = PICTURES[format]
    at = place % len(whole)
    path.write_bytes(whole[:at] + damage + (b"" if cut else whole[at + len(damage) :]))
    try:
        with quiet():
            found = decode(path, 8)
    except UndecodableError as error:
        said = str(error)
    else:
        assert (found.pixels.shape, found.pixels.dtype) == ((8, 8, 3), np.uint8)
        return
    assert len(said.splitlines()) == 1


DAMAGED = (some.sampled_from(sorted(PICTURES)), some.integers(0, 2000), some.binary(min_size=1, max_size=12))


@SMALL
@given(*DAMAGED, some.booleans())
def test_any_picture_is_decoded_or_named(tmp_path: Path, format: str, place: int, damage: bytes, cut: bool) -> None:
    any_picture(tmp_path / "image", format, place, damage, cut)


@pytest.mark.slow
@LARGE
@given(*DAMAGED, some.booleans())
def test_ten_thousand_pictures_are_decoded_or_named(
    tmp_path: Path, format: str, place: int, damage: bytes, cut: bool
) -> None:
    any_picture(tmp_path / "image", format, place, damage, cut)


def zipped(method: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as bundle:
        for name in ("a/cat/0.jpg", "a/cat/1.jpg", "a/dog/0.png", "a/dog/Thumbs.db"):
            bundle.writestr(name, name * 9)
    return file.getvalue()


ZIPPED = [zipped(method) for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)]
WANTED = Archive("", None, 0, (Source("a/cat", "cats", (1, 1, 0)), Source("a/dog", "dogs", (1, 0, 0))))


def any_archive(folder: Path, whole: bytes, place: int, damage: bytes, cut: bool) -> None:
    at = place % len(whole)
    (folder / "a.zip").write_bytes(whole[:at] + damage + (b"" if cut else whole[at + len(damage) :]))
    shutil.rmtree(folder / "data", ignore_errors=True)
    try:
        extract(folder / "a.zip", WANTED, folder / "data")
    except BadArchiveError as error:
        said = str(error)
    else:
        said = ""
        assert sum(path.is_file() for path in (folder / "data").rglob("*")) == 3
    assert len(said.splitlines()) <= 1
    assert {path.name for path in folder.iterdir()} <= {"a.zip", "data"}


MEMBERS = (some.sampled_from(ZIPPED), some.integers(0, 2000), some.binary(min_size=1, max_size=12))


@SMALL
@given(*MEMBERS, some.booleans())
def test_any_archive_is_unpacked_or_refused(tmp_path: Path, whole: bytes, place: int, damage: bytes, cut: bool) -> None:
    any_archive(tmp_path, whole, place, damage, cut)


@pytest.mark.slow
@LARGE
@given(*MEMBERS, some.booleans())
def test_ten_thousand_archives_are_unpacked_or_refused(
    tmp_path: Path, whole: bytes, place: int, damage: bytes, cut: bool
) -> None:
    any_archive(tmp_path, whole, place, damage, cut)

"""Fixtures for the real photographs and the real weights: absent, a test says so and skips."""

import os
from pathlib import Path

import pytest

killed_at_once = pytest.mark.skipif(
    "COVERAGE_RUN" in os.environ, reason="under coverage a child is given time to save before it is killed"
)


def _folder(variable: str) -> Path:
    value = os.environ.get(variable)
    if not value:
        pytest.skip(f"{variable} is not set")
    folder = Path(value).resolve()
    if not folder.is_dir():
        pytest.skip(f"{variable}={value} is not a folder")
    return folder


@pytest.fixture(scope="session")
def real_data() -> Path:
    return _folder("TLBENCH_DATA")


@pytest.fixture(scope="session")
def real_weights() -> Path:
    return _folder("TLBENCH_WEIGHTS")


@pytest.fixture(scope="session")
def bad_files(real_data: Path) -> Path:
    folder = real_data.parent / "bad_files"
    if not folder.is_dir():
        pytest.skip("no bad_files beside TLBENCH_DATA")
    return folder

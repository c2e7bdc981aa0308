"""Marks of tests that need a package which `pip install tlbench` does not bring."""

import importlib.util

import pytest


def needs(package: str, extra: str) -> pytest.MarkDecorator:
    """Skips a test where `package` is not installed."""
    missing = importlib.util.find_spec(package) is None
    return pytest.mark.skipif(missing, reason=f"needs {package}: pip install 'tlbench[{extra}]'")


PYARROW, ARRAY_RECORD = needs("pyarrow", "huggingface"), needs("array_record", "tfds")

"""For the type checker: a value that may be None, in a test in which it must not be."""

from typing import TypeVar

T = TypeVar("T")


def present(value: T | None) -> T:
    """`value`. Raises AssertionError for None."""
    assert value is not None
    return value

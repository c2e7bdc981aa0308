"""The current time, in the format that records use."""

from datetime import UTC, datetime


def now() -> str:
    """The current time in UTC as ISO 8601, to the second: ``2026-01-31T12:00:00Z``."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

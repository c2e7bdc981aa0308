"""The time of day, in the one form records use."""

from datetime import UTC, datetime


def now() -> str:
    """UTC, ISO 8601, whole seconds: ``2026-01-31T12:00:00Z``."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

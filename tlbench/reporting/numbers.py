"""Formatting of numbers for tables and sentences."""

import math

from tlbench.core.text import DASH, percent, tenths, three_digits

UNROUNDED = "Differences are taken before rounding, so they may be 0.1 off those of the figures shown."
"""A note for tables that show values and their differences."""


def count(value: int | None) -> str:
    """A count: ``3.5M``, ``219K``, ``514``."""
    if value is None:
        return DASH
    if value >= 999_500:
        return f"{value / 1e6:.1f}M"
    if value >= 9950:
        return f"{value / 1e3:.0f}K"
    if value >= 1000:
        return f"{value / 1e3:.1f}K"
    return str(value)


def size(value: float | None) -> str:
    """A size in MiB: whole from 10 on, as on keras.io, else with two decimals."""
    if value is None:
        return DASH
    return f"{value:.0f}" if value >= 9.995 else f"{value:.2f}"


def significant(value: float) -> str:
    """Three significant digits, or to the unit if it is larger: ``0.396``, ``12.3``, ``1430``, ``219,058``."""
    return f"{value:,.0f}" if value >= 9999.5 else f"{value:.0f}" if value >= 999.5 else f"{value:.3g}"


def four_digits(value: float) -> str:
    """Four significant digits, or to the unit if it is larger: ``20.05``, ``93``, ``219,058``."""
    return f"{value:,.0f}" if abs(value) >= 9999.5 else f"{value:.4g}"


def at_most(value: float) -> str:
    """An upper limit of `value`: rounded up to three significant digits, or to the unit: ``13.3``, ``219,058``."""
    if value >= 1000:
        return f"{math.ceil(value):,}"
    size = 10.0 ** (math.floor(math.log10(value)) - 2) if value > 0 else 1.0
    rounded = math.ceil(round(value / size, 6)) * size
    return f"{rounded:,.0f}" if rounded >= 1000 else f"{rounded:.3g}"


def milliseconds(value: float | None) -> str:
    """A time in ms with three significant digits: ``382``, ``25.9``, ``3.81``."""
    return DASH if value is None else three_digits(value)


def two_digits(value: float) -> str:
    """Two significant digits: ``380``, ``26``, ``3.8``."""
    rounded = float(f"{value:.2g}")
    return f"{rounded:.0f}" if rounded >= 10 else f"{rounded:.1f}" if rounded >= 1 else f"{rounded:.2g}"


def interval(value: float, low: float, high: float) -> str:
    """A share with its interval, from 0 to 1, in per cent: ``93.0% (91.2–94.4)``."""
    return f"{percent(value)} ({low * 100:.1f}–{high * 100:.1f})"


def points(difference: float) -> str:
    """A difference of shares in percentage points: ``+1.3``."""
    return f"{tenths(difference * 100):+.1f}"


def points_between(low: float | None, high: float | None) -> str:
    """An interval in percentage points: ``-0.4 to +3.0``; a dash if it is unknown. ``-0.0 to +3.0`` contains 0."""
    return DASH if low is None or high is None else f"{low * 100:+.1f} to {high * 100:+.1f}"


def seconds(value: float) -> str:
    """A duration: ``0.4 s``, ``12.6 s``, ``3 min``."""
    return f"{value:.1f} s" if value < 99.95 else f"{value / 60:.0f} min"

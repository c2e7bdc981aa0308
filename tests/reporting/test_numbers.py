"""Numbers as reports write them."""

import math

import pytest

from tlbench.core.text import percent, tenths
from tlbench.reporting import numbers


def test_no_difference_has_no_sign_of_its_own() -> None:
    assert [numbers.points(one) for one in (-0.0004, 0.0, -0.0006)] == ["+0.0", "+0.0", "-0.1"]
    assert numbers.points_between(-0.0004, 0.069) == "-0.0 to +6.9"  # that 0 lies in it is what it says


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "—"),
        (514, "514"),
        (2562, "2.6K"),
        (25_089, "25K"),
        (9949, "9.9K"),
        (9950, "10K"),
        (999_499, "999K"),
        (999_500, "1.0M"),
        (143_667_240, "143.7M"),
    ],
)
def test_counts_as_people_read_them(value: int | None, text: str) -> None:
    assert numbers.count(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "—"), (382.4, "382"), (99.96, "100"), (25.94, "25.9"), (9.996, "10.0"), (3.814, "3.81")],
)
def test_milliseconds_have_three_digits(value: float | None, text: str) -> None:
    assert numbers.milliseconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.3964, "0.396"), (99.96, "100"), (999.4, "999"), (999.6, "1000"), (9999.6, "10,000"), (219058, "219,058")],
)
def test_numbers_near_a_power_of_ten_are_written_as_numbers(value: float, text: str) -> None:
    assert numbers.significant(value) == text


def test_sizes_and_seconds_change_their_digits_where_they_are_written() -> None:
    assert [numbers.size(value) for value in (9.994, 9.996, 10.4)] == ["9.99", "10", "10"]
    assert [numbers.seconds(value) for value in (99.94, 99.96)] == ["99.9 s", "2 min"]


@pytest.mark.parametrize(
    ("right", "images", "text"),
    [
        (341, 400, "85.3%"),
        (339, 400, "84.8%"),
        (1023, 1200, "85.3%"),
        (2, 3, "66.7%"),
        (0, 9, "0.0%"),
        (9, 9, "100.0%"),
    ],
)
def test_an_exact_half_is_rounded_up_whatever_the_digit_before_it(right: int, images: int, text: str) -> None:
    """Python writes 85.25 as 85.2 and 84.75 as 84.8."""
    assert percent(right / images) == text
    assert numbers.interval(right / images, 0.0, 1.0) == f"{text} (0.0–100.0)"


def test_a_difference_is_rounded_alike_both_ways() -> None:
    assert [numbers.points(341 / 400 - 326 / 400), numbers.points(326 / 400 - 341 / 400)] == ["+3.8", "-3.8"]
    assert math.isinf(tenths(math.inf))
    assert tenths(1e308) == 1e308

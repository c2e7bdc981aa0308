"""What a run says, and to whom."""

import logging
from pathlib import Path

import pytest

from tests import builders
from tlbench.results.store import Damaged
from tlbench.session.events import Events, Logged, Silent


def events() -> list[str]:
    return [name for name in dir(Events) if not name.startswith("_")]


def test_silent_hears_every_event_of_the_protocol() -> None:
    assert len(events()) == 20
    for name in events():
        assert callable(getattr(Silent, name))


def test_the_default_warns_of_what_changes_the_meaning_of_numbers(caplog: pytest.LogCaptureFixture) -> None:
    hears: Events = Logged()
    failed = builders.failed()
    assert failed.failure is not None
    hears.fallback("RANDOM weights stand in")
    hears.note("two pictures are equal")
    hears.skipped("3 files are no images")
    hears.set_aside(Damaged(Path("set_aside/a.json"), "it is no JSON"))
    hears.end(failed)
    hears.lost(failed.cell, failed.failure)
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    said = [record.getMessage() for record in caplog.records]
    assert said[:4] == [
        "fallback: RANDOM weights stand in",
        "note: two pictures are equal",
        "skipped: 3 files are no images",
        "set aside: set_aside/a.json: it is no JSON",
    ]
    assert said[4].startswith("killed: MobileNet (alpha=0.25) · cats_dogs")
    assert "SIGKILL: the process was killed" in said[5]


def test_the_default_says_nothing_of_what_goes_well(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    hears: Events = Logged()
    hears.searching()
    hears.read("own: train is train/")
    hears.training(2, 0)
    hears.begin(builders.cell())
    hears.end(builders.record())
    hears.round(1, 2, 2)
    assert caplog.records == []

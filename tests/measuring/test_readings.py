"""What is remembered of the machine's speed between runs."""

import errno
from pathlib import Path

import pytest

from tests import builders
from tests.cache.helpers import read_only
from tlbench.measuring.readings import DAYS, MOST, machine_key, recent_readings, remember_readings

DAY = 86_400


def test_readings_come_back_until_they_are_too_old(tmp_path: Path) -> None:
    remember_readings(tmp_path, "a", [1.0, 2.0], now=0)
    remember_readings(tmp_path, "a", [3.0], now=DAY)
    assert recent_readings(tmp_path, "a", now=DAY) == (1.0, 2.0, 3.0)
    assert recent_readings(tmp_path, "a", now=DAYS * DAY + 1) == (3.0,)
    assert recent_readings(tmp_path, "b", now=0) == ()


def test_the_oldest_are_forgotten(tmp_path: Path) -> None:
    for start in range(0, MOST + 100, 100):
        remember_readings(tmp_path, "a", [float(start)] * 100, now=0)
    found = recent_readings(tmp_path, "a", now=0)
    assert len(found) == MOST
    assert found[0] == 100.0


def test_a_damaged_file_counts_as_none_and_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('[[1, "x"')
    assert recent_readings(tmp_path, "a", now=0) == ()
    remember_readings(tmp_path, "a", [1.0], now=0)
    assert recent_readings(tmp_path, "a", now=0) == (1.0,)


def test_a_cache_that_may_only_be_read_ends_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remember_readings(tmp_path, "a", [1.0], now=0)
    read_only(monkeypatch, errno.EROFS)
    remember_readings(tmp_path, "a", [2.0], now=0)
    assert recent_readings(tmp_path, "a", now=0) == (1.0,)
    read_only(monkeypatch, errno.ENOSPC)
    with pytest.raises(OSError, match="No space left on device"):
        remember_readings(tmp_path, "a", [2.0], now=0)


def test_only_equal_machines_share_readings() -> None:
    here = builders.environment()
    newer = here.model_copy(update={"versions": {"keras": "4"}})
    busier = here.model_copy(update={"volatile": {"load_1min": "9.00"}})
    keys = {
        machine_key(here, "cpu", 1),
        machine_key(builders.environment(cpu="y"), "cpu", 1),
        machine_key(newer, "cpu", 1),
        machine_key(here, "gpu", 1),
        machine_key(here, "cpu", 2),
    }
    assert len(keys) == 5
    assert machine_key(busier, "cpu", 1) in keys

"""Locks hold between processes and inside one, end with who holds them, and survive the removal of their file."""

import gc
import os
import threading
from pathlib import Path

import pytest

from tests.cache.helpers import InUse, key, spawned
from tlbench.cache import lock
from tlbench.core.errors import UserError


class User:
    """Something that uses what a lock protects."""


def test_many_share_and_one_holds_alone(tmp_path: Path) -> None:
    file = tmp_path / "a.lock"
    with lock.shared(file), lock.shared(file):
        assert lock.try_exclusive(file) is None
    with lock.exclusive(file):
        assert lock.try_exclusive(file) is None
    alone = lock.try_exclusive(file)
    assert alone is not None
    alone.remove()
    assert list(tmp_path.iterdir()) == []


def test_another_process_holds_it(tmp_path: Path) -> None:
    file = tmp_path / f"{key('a')}.lock"
    with InUse(tmp_path, "a"):
        assert lock.try_exclusive(file) is None
        lock.shared(file).close()
    with lock.exclusive(file):
        pass


def test_it_is_held_as_long_as_its_users_live(tmp_path: Path) -> None:
    file, first, second = tmp_path / "a.lock", User(), User()
    held = lock.shared(file)
    held.keep_for(first)
    held.keep_for(second)
    del held, first
    gc.collect()
    assert lock.try_exclusive(file) is None
    del second
    gc.collect()
    with lock.exclusive(file):
        pass


def test_who_waited_for_a_file_that_was_removed_takes_the_new_one(tmp_path: Path) -> None:
    file, taken = tmp_path / "a.lock", list[lock.Lock]()
    alone = lock.exclusive(file)
    waiting = threading.Thread(target=lambda: taken.append(lock.exclusive(file)))
    waiting.start()
    alone.remove()
    waiting.join(60)
    assert file.exists()
    assert lock.try_exclusive(file) is None  # it holds the file that is there, not the one that is gone
    taken[0].close()


def _die_with(file: Path) -> None:
    lock.exclusive(file).keep_for(_die_with)
    os._exit(0)


def test_a_process_that_dies_holds_nothing(tmp_path: Path) -> None:
    file = tmp_path / "a.lock"
    process = spawned.Process(target=_die_with, args=(file,))
    process.start()
    process.join(60)
    assert file.exists()
    with lock.try_exclusive(file) or pytest.fail("it is held"):
        pass


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none/a.lock cannot be locked \(No such file.*set TLBENCH_CACHE to a folder"):
        lock.shared(tmp_path / "none/a.lock")

"""A lock ends with its process, not a moment before."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cache.helpers import read_only
from tlbench.cache import lock
from tlbench.core.errors import UserError

HELD_TO_THE_END = """
import atexit, sys
from pathlib import Path

def look():  # what was registered first runs last
    from tlbench.cache import lock
    print(lock.try_exclusive(Path(sys.argv[1])))

atexit.register(look)
from tlbench.cache import lock
held = lock.exclusive(Path(sys.argv[1]))
"""


def test_a_lock_is_held_while_a_process_tidies_up(tmp_path: Path) -> None:
    """Another process that begins just then would take what the lock guards for left behind, and remove it."""
    command = [sys.executable, "-c", HELD_TO_THE_END, str(tmp_path / "one.lock")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("None\n", "")


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_a_file_that_may_only_be_read_is_locked_and_none_is_made(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.lock").touch()
    read_only(monkeypatch, number)
    with pytest.raises(UserError, match=f"b.lock cannot be locked .{os.strerror(number)}."):
        lock.shared(tmp_path / "b.lock")
    with lock.shared(tmp_path / "a.lock"), lock.shared(tmp_path / "a.lock"):
        assert lock.try_exclusive(tmp_path / "a.lock") is None


def test_a_lock_of_another_user_is_said_to_be_theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, flags: int, mode: int = 0) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    (tmp_path / "a.lock").touch()
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(UserError, match=r"a.lock cannot be locked, since it is another user's .*; set TLBENCH_CACHE"):
        lock.shared(tmp_path / "a.lock")

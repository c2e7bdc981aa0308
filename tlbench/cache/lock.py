"""Locks between processes: `flock` on a file, held until the lock is closed or garbage-collected."""

import errno
import fcntl
import os
import weakref
from contextlib import suppress
from pathlib import Path
from typing import Self

from tlbench.core.errors import UserError
from tlbench.core.files import READ_ONLY


class Lock:
    """A lock that this process holds. Programs that it starts do not inherit it, and it ends with the process."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._close = weakref.finalize(self, os.close, descriptor)
        self._close.atexit = False  # the system closes it, after all exit handlers

    def close(self) -> None:
        """Release the lock."""
        self._close()

    def remove(self) -> None:
        """Remove the file and release the lock, which must be exclusive; waiting processes take a new file."""
        self.path.unlink(missing_ok=True)
        self.close()

    def keep_for(self, user: object) -> None:
        """Hold the lock at least as long as the object `user` lives, which must support weak references."""
        weakref.finalize(user, _forget, self)  # the finalizer refers to the lock until it has run

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def shared(path: Path) -> Lock:
    """Wait for a shared lock. Raises UserError if the file cannot be locked."""
    lock = _take(path, fcntl.LOCK_SH)
    assert lock is not None
    return lock


def exclusive(path: Path) -> Lock:
    """Wait for an exclusive lock. Raises UserError if the file cannot be locked."""
    lock = _take(path, fcntl.LOCK_EX)
    assert lock is not None
    return lock


def try_exclusive(path: Path) -> Lock | None:
    """Take an exclusive lock without waiting; None if it is held, also by this process. Raises UserError."""
    return _take(path, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _take(path: Path, operation: int) -> Lock | None:
    while True:
        try:
            descriptor = _opened(path)
        except OSError as error:
            raise _unusable(path, error) from error
        try:
            fcntl.flock(descriptor, operation)
            same = _is_still(descriptor, path)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError as error:
            os.close(descriptor)
            raise _unusable(path, error) from error
        except BaseException:
            os.close(descriptor)
            raise
        if same:
            return Lock(path, descriptor)
        os.close(descriptor)


def _opened(path: Path) -> int:
    """The descriptor of the file, made if it does not exist. One that may only be read can be locked as well."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if error.errno not in READ_ONLY:
            raise
        with suppress(FileNotFoundError):
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        raise


def _is_still(descriptor: int, path: Path) -> bool:
    """Whether the file still exists after this process has waited for its lock."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _unusable(path: Path, error: OSError) -> UserError:
    if error.errno == errno.EACCES and path.exists():
        return UserError(
            f"{path} cannot be locked, since it is another user's ({error.strerror}); set TLBENCH_CACHE to a folder of "
            "your own, or share this one with a umask that lets others read"
        )
    return UserError(
        f"{path} cannot be locked ({error.strerror}); set TLBENCH_CACHE to a folder on a local disk that can be written"
    )


def _forget(lock: Lock) -> None:
    del lock

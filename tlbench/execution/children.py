"""A set of child processes that another thread can stop at any moment."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tlbench.execution import process_group
from tlbench.execution.conversation import Conversation
from tlbench.execution.outcome import StoppedError
from tlbench.execution.server import kill_servers


class Children:
    """Running children, and those that are being started; `stop` ends both kinds."""

    def __init__(self) -> None:
        self._running: set[Conversation] = set()
        self._starting, self.stopped, self._lock = 0, False, threading.Lock()

    def started(self, start: Callable[[], Conversation]) -> Conversation | None:
        """The child that `start` starts, perhaps after waiting for the fork server; None if `stop` was called."""
        with self._lock:
            self._starting += 1
        try:
            return start()
        except StoppedError:
            return None
        finally:
            with self._lock:
                self._starting -= 1

    @contextmanager
    def with_it(self, child: Conversation) -> Iterator[None]:
        """Register `child` while the block runs. It is killed at once if `stop` was called before."""
        with self._lock:
            self._running.add(child)
            stopped = self.stopped
        try:
            if stopped:
                child.kill()
            yield
        finally:
            self._running.discard(child)

    def stop(self) -> None:
        """Kill all children, now and in the future; threads that wait for them notice."""
        with self._lock:
            self.stopped, running, starting = True, tuple(self._running), self._starting
        if starting:
            kill_servers()
        try:
            for child in running:
                child.kill()
        except BaseException:  # a second Ctrl-C: kill without time to tidy up
            for child in running:
                process_group.kill(child.pid)
            raise

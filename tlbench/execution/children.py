"""Children that run together: who started them may be stopped by another thread, whatever they are at."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tlbench.execution import group
from tlbench.execution.server import kill_servers

if TYPE_CHECKING:
    from tlbench.execution.child import Conversation


class StoppedError(Exception):
    """A child was not started, since who started it was stopped meanwhile."""


class Children:
    """Children that run, which another thread may end: those too that are only being started then."""

    def __init__(self) -> None:
        self._running: set[Conversation] = set()
        self._starting, self.stopped, self._lock = 0, False, threading.Lock()

    def started(self, start: Callable[[], "Conversation"]) -> "Conversation | None":
        """What `start` starts, which may have to wait until its server has loaded; None where they are stopped."""
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
    def with_it(self, child: "Conversation") -> Iterator[None]:
        """With `child` among them, which is killed at once where they were stopped."""
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
        """Kill all; those who wait for them notice."""
        with self._lock:
            self.stopped, running, starting = True, tuple(self._running), self._starting
        if starting:
            kill_servers()
        try:
            for child in running:
                child.kill()
        except BaseException:  # a second Ctrl-C: there is no time to tidy up
            for child in running:
                group.kill(child.pid)
            raise

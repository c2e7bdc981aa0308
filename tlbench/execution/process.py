"""The processes that fork servers start, with an exit code that several threads may read."""

import os
import threading
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerProcess
from multiprocessing.popen_forkserver import Popen
from multiprocessing.process import BaseProcess


class _Popen(Popen):
    """Reads the exit code from the fork server in one thread at a time.

    The server writes the code to a pipe once and closes it. multiprocessing takes an empty pipe for the end of the
    server and reports 255, so without a lock the second of two threads that read at once would overwrite the code with
    255. One thread waits for the child; another one reads when it stops the child, or starts a child of its own, since
    ``Process.start`` looks for all children that have ended.
    """

    def __init__(self, process: BaseProcess) -> None:
        self._reading = threading.Lock()
        super().__init__(process)

    def poll(self, flag: int = os.WNOHANG) -> int | None:
        """The exit code, or None while the process runs; `flag` 0 waits for its end."""
        if flag != os.WNOHANG and self.returncode is None:
            wait([self.sentinel])  # without the lock, so that other threads need not wait
        with self._reading:
            return super().poll()


class Process(ForkServerProcess):
    """A process that a fork server starts."""

    @staticmethod
    def _Popen(process_obj: BaseProcess) -> Popen:  # noqa: N802 - the name that multiprocessing calls
        return _Popen(process_obj)

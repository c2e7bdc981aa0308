"""A child process that this one talks with: started, heard, killed, and ended with all that it started.

The child is forked from a server that has loaded the framework (`execution/server.py`).
"""

import multiprocessing
import os
import queue
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Self

import psutil

from tlbench.backbones import saved
from tlbench.backbones.saved import SavedFile
from tlbench.core import plugin_files
from tlbench.core.cell import USUAL_BACKEND
from tlbench.core.plugin_files import PluginFile
from tlbench.core.plugins import resolve
from tlbench.execution import process_group, temporary
from tlbench.execution.loading import FrameworkError, explain
from tlbench.execution.outcome import Died, Outcome, Raised, Returned, StoppedError, TimedOut
from tlbench.execution.process import Process
from tlbench.execution.server import surroundings
from tlbench.host import cgroups

SERVER_GONE = 255
"""The exit code that multiprocessing reports for a child whose fork server is gone."""
SERVER_TRIES, SERVER_NOTICED = 5, 0.2
"""The number of attempts to start a child if the fork server dies meanwhile, and the seconds between them."""
LONGEST_WAIT = 2e6
"""Seconds (23 days). poll(2) takes milliseconds in 31 bits, so a longer timeout is replaced by no timeout."""


class Conversation:
    """A child process that exchanges messages with this one; the child's end is a `Channel`.

    Leaving the ``with`` block ends the child, whatever it is doing, and removes its temporary files. The child cannot
    remove them itself, because it is killed or exits without cleaning up.

    Args:
        target: the function to call, as ``package.module:function``.
        payload: its first argument.
        log: the file that receives everything the child prints.
        backend: the Keras backend that the child has loaded.
        given_up: called while the child is started; returns True if the caller no longer needs it.

    Raises:
        FrameworkError: the fork server died because the framework cannot be loaded.
        StoppedError: `given_up` returned True.
    """

    def __init__(
        self,
        target: str,
        payload: Any,
        log: Path | None = None,
        backend: str = USUAL_BACKEND,
        given_up: Callable[[], bool] = lambda: False,
    ) -> None:
        self._backend, self._given_up = backend, given_up
        context = multiprocessing.get_context("forkserver")
        self._connection, theirs = context.Pipe()
        lifeline, self._lifeline = context.Pipe(duplex=False)
        self._temporary = temporary.inner("child-")
        place = str(log) if log else None
        files = (plugin_files.loaded(), saved.known())
        arguments = (target, payload, theirs, lifeline, place, self._temporary.name, files)
        self._process = Process(target=_main, args=arguments, daemon=True)
        self._killed_before = cgroups.killed_for_memory()
        try:
            self._start(log)
        except BaseException:
            self._temporary.cleanup()
            raise
        theirs.close()
        lifeline.close()
        self._without_server = False

    def _start(self, log: Path | None) -> None:
        """Start the child. multiprocessing starts the fork server first if it does not run."""
        for number in range(SERVER_TRIES):
            try:
                with surroundings(self._backend):
                    if self._given_up():
                        raise StoppedError
                    return self._process.start()
            except (EOFError, OSError):
                if self._given_up():
                    raise StoppedError from None
                if number:  # the first death may have been an accident
                    explain(self._backend, log and log.with_name("framework.log"))
                time.sleep(SERVER_NOTICED)
        raise FrameworkError(f"the process that loads Keras was killed {SERVER_TRIES} times; is there enough memory?")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.end()

    @property
    def pid(self) -> int:
        """The child's process id, which is also the id of its process group."""
        assert self._process.pid is not None, "it was started"
        return self._process.pid

    def say(self, message: Any) -> None:
        """Send the child a message. Nothing happens if the child has ended; `listen` reports that."""
        with suppress(OSError):
            self._connection.send(message)

    def listen(self, timeout: float | None = None) -> Any:
        """Wait for the next message from the child. Returns an Outcome if it has ended or after `timeout` seconds.

        A child survives the end of its fork server. From then on, only the closed connection shows that it has ended.
        """
        bound = None if timeout is None or timeout > LONGEST_WAIT else timeout
        ready = wait([self._connection, *([] if self._without_server else [self._process.sentinel])], bound)
        if not ready:
            assert timeout is not None
            return TimedOut(timeout)
        if self._connection in ready:
            with suppress(EOFError, OSError):  # the child ended, perhaps in the middle of a message
                return self._connection.recv()
        elif self._outlived_server():
            self._without_server = True
            return self.listen(timeout)
        self._process.join()
        code = self._process.exitcode or 0
        return Died(code, code == -signal.SIGKILL and self._killed_before != cgroups.killed_for_memory())

    def kill(self) -> None:
        """End the child and all processes that it started. `listen` reports the end."""
        process_group.end(self.pid)
        if self._process.is_alive() or self._outlived_server():  # it was not yet the leader of a group
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def end(self) -> None:
        """End the child and all processes that it started, and release its resources in this process."""
        self.kill()
        self._process.join()
        self._lifeline.close()
        self._connection.close()
        self._temporary.cleanup()

    def _outlived_server(self) -> bool:
        """Whether the fork server has ended but the child still runs."""
        return self._process.exitcode == SERVER_GONE and psutil.pid_exists(self.pid)


class Channel:
    """The child's end of a `Conversation`: call it to send a message to the parent."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._lock = connection, threading.Lock()
        self._received: queue.SimpleQueue[Any] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def __call__(self, message: Any) -> None:
        """Send a message to the parent."""
        with self._lock:
            self._connection.send(message)

    def receive(self) -> Any:
        """Wait for the next message from the parent and return it."""
        return self._received.get()

    def _listen(self) -> None:
        """Receive messages until the parent ends, and then end this process. A thread notices that at any time."""
        try:
            while True:
                self._received.put(self._connection.recv())
        except (EOFError, OSError):
            process_group.kill_own()


def _main(
    target: str,
    payload: Any,
    connection: Connection,
    lifeline: Connection,
    log: str | None,
    folder: str,
    files: tuple[Sequence[PluginFile], Sequence[SavedFile]],
) -> None:
    """The main function of a child process."""
    process_group.lead(lifeline)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    tempfile.tempdir = os.environ["TMPDIR"] = folder
    if log:
        _redirect(log)
    channel = Channel(connection)
    try:
        plugin_files.adopt(files[0])  # before any name is looked up in a registry
        saved.adopt(files[1])
        value = resolve(target)(payload, channel)
        outcome: Outcome = Returned(value)
    except BaseException as error:  # noqa: BLE001 - the parent turns every error into a record
        outcome = Raised.by(error)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # the disk of the log is full
            stream.flush()
    channel(outcome)
    os._exit(0)  # without the teardown of the framework, which may take seconds; nothing is left to save


def _redirect(log: str) -> None:
    """Append all output of this process to a file, including that of C libraries."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)

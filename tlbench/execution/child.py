"""Child processes: one for each piece of work, forked from a server that has the framework loaded.

A fresh import of Keras costs seconds; a fork of a process that has imported it costs milliseconds, and a
crash, a leak or a memory peak stays in the child. Nothing here imports the framework: work is named by
its dotted path (``package.module:function``) and found in the child.
"""

import importlib
import math
import multiprocessing
import os
import queue
import signal
import sys
import tempfile
import threading
import time
import traceback
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
from tlbench.core.errors import UserError
from tlbench.core.plugin_files import PluginFile
from tlbench.execution import group, temporary
from tlbench.execution.children import Children, StoppedError
from tlbench.execution.loading import FrameworkError, explain
from tlbench.execution.outcome import Died, Outcome, Raised, Returned, TimedOut, TooLarge
from tlbench.execution.server import surroundings
from tlbench.host import cgroups

Send = Callable[[Any], None]

SERVER_GONE = 255
"""What multiprocessing says of a child's exit code when the fork server that would know it is gone."""
LOOK = 0.25
"""Seconds between two looks at the memory of a child that has a bound."""
SERVER_TRIES, SERVER_NOTICED = 5, 0.2
"""So often a child is started again when the fork server died under it, and seconds between."""
LONGEST_WAIT = 2e6
"""Seconds, 23 days: the kernel counts them in milliseconds of 31 bits. Who waits longer waits for ever."""


def run(
    target: str,
    payload: Any,
    *,
    backend: str = USUAL_BACKEND,
    on_message: Send = lambda message: None,
    timeout: float | None = None,
    renews: type | None = None,
    log: Path | None = None,
    memory: int | None = None,
    among: Children | None = None,
) -> Outcome:
    """Call ``target(payload, send)`` in a child that has `backend` loaded, and wait for its outcome.

    What the function sends goes to `on_message` as it arrives. `timeout` (seconds) bounds the whole call,
    however much it sends; it begins anew with each message of type `renews`. `log` receives everything the child
    prints. `memory` bounds the bytes that the child and its descendants have for themselves, looked at every
    `LOOK` seconds. The child is `among` others while it runs. The wait sleeps in the kernel: a parent that spins would
    disturb what the child measures.
    """
    begin = time.monotonic()
    deadline = math.inf if timeout is None else begin + timeout
    look = math.inf if memory is None else begin
    among = among or Children()
    started = among.started(lambda: Conversation(target, payload, log, backend, lambda: among.stopped))
    if started is None:
        return Died(-signal.SIGTERM)
    with started as child, among.with_it(child):
        while True:
            until = min(deadline, look)
            answer = child.listen(None if until == math.inf else max(0.0, until - time.monotonic()))
            if isinstance(answer, Outcome) and not isinstance(answer, TimedOut):
                return answer
            if memory is not None and time.monotonic() >= look:
                look = time.monotonic() + LOOK
                if (used := group.memory(child.pid)) > memory:
                    return TooLarge(memory, used)
            if isinstance(answer, TimedOut):
                if timeout is None or time.monotonic() < deadline:
                    continue  # it was time to look at its memory
                return TimedOut(timeout)
            on_message(answer)
            if timeout is not None and renews is not None and isinstance(answer, renews):
                deadline = time.monotonic() + timeout


class Conversation:
    """A child that is talked with: it may be sent messages, which its `Channel` receives.

    Leaving the ``with`` ends the child, whatever it does, and removes the folder that holds its temporary files: a
    child that is killed, or leaves without teardown, cannot do so itself.
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
        self._process = context.Process(target=_main, args=arguments, daemon=True)
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
        """Start the child, and its server first; where that died meanwhile, Python starts another once it notices.

        Raises FrameworkError where the server dies since the framework does not load, and StoppedError where nobody
        waits for it any more.
        """
        for number in range(SERVER_TRIES):
            try:
                with surroundings(self._backend):
                    if self._given_up():
                        raise StoppedError
                    return self._process.start()
            except (EOFError, OSError):
                if self._given_up():
                    raise StoppedError from None
                if number:  # once may be an accident
                    explain(self._backend, log and log.with_name("framework.log"))
                time.sleep(SERVER_NOTICED)
        raise FrameworkError(f"the process that loads Keras was killed {SERVER_TRIES} times; is there enough memory?")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.end()

    @property
    def pid(self) -> int:
        """The child's process id, which is that of its group too."""
        assert self._process.pid is not None, "it was started"
        return self._process.pid

    def say(self, message: Any) -> None:
        """Send the child a message. A child that is gone is noticed by `listen`."""
        with suppress(OSError):
            self._connection.send(message)

    def listen(self, timeout: float | None = None) -> Any:
        """The next message of the child, or the Outcome when it ended or `timeout` (seconds) is over.

        A child lives on when the fork server is killed; its end is then known by the end of the connection alone.
        """
        bound = None if timeout is None or timeout > LONGEST_WAIT else timeout
        ready = wait([self._connection, *([] if self._without_server else [self._process.sentinel])], bound)
        if not ready:
            assert timeout is not None
            return TimedOut(timeout)
        if self._connection in ready:
            with suppress(EOFError, OSError):  # it ended, maybe in the middle of a message
                return self._connection.recv()
        elif self._outlived_server():
            self._without_server = True
            return self.listen(timeout)
        self._process.join()
        code = self._process.exitcode or 0
        return Died(code, code == -signal.SIGKILL and self._killed_before != cgroups.killed_for_memory())

    def kill(self) -> None:
        """End the child and all it started; `listen` notices."""
        group.end(self.pid)
        if self._process.is_alive() or self._outlived_server():  # it was not even the first of its group yet
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def end(self) -> None:
        """Stop the child where it still runs, and what it has left running."""
        self.kill()
        self._process.join()
        self._lifeline.close()
        self._connection.close()
        self._temporary.cleanup()

    def _outlived_server(self) -> bool:
        """Whether what ended is the fork server and not the child."""
        return self._process.exitcode == SERVER_GONE and psutil.pid_exists(self.pid)


class Channel:
    """The child's end: call it to send a message to the parent."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._lock = connection, threading.Lock()
        self._received: queue.SimpleQueue[Any] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def __call__(self, message: Any) -> None:
        """Send a message to the parent."""
        with self._lock:
            self._connection.send(message)

    def receive(self) -> Any:
        """The next message of the parent; sleeps until there is one."""
        return self._received.get()

    def _listen(self) -> None:
        """Also when nobody receives: the end of the parent is the end of the child."""
        try:
            while True:
                self._received.put(self._connection.recv())
        except (EOFError, OSError):
            group.kill_own()


def call(target: str, payload: dict[str, Any], backend: str = USUAL_BACKEND) -> dict[str, Any]:
    """Call ``target(payload)`` in a child and return its answer.

    Raises UserError where the function did, and where the child failed.
    """
    outcome = run(f"{__name__}:{_plain.__name__}", {"target": target, "payload": payload}, backend=backend)
    match outcome:
        case Returned(value=value):
            assert isinstance(value, dict)
            return value
        case Raised(message=message, user_error=True):
            raise UserError(message)
        case Raised(type=kind, message=message, traceback=text):
            sys.stderr.write(text)
            raise UserError(f"{target} failed with {kind}: {message}; this is a fault of tlbench, please report it")
        case _:
            raise UserError(f"{target} ended without an answer ({outcome}); is there enough memory?")


def resolve(target: str) -> Callable[..., Any]:
    """Find ``package.module:function``."""
    module, _, name = target.partition(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return function


def _plain(request: dict[str, Any], send: Send) -> Any:
    del send
    return resolve(request["target"])(request["payload"])


def _main(
    target: str,
    payload: Any,
    connection: Connection,
    lifeline: Connection,
    log: str | None,
    folder: str,
    files: tuple[Sequence[PluginFile], Sequence[SavedFile]],
) -> None:
    group.lead(lifeline)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    tempfile.tempdir = os.environ["TMPDIR"] = folder
    if log:
        _redirect(log)
    channel = Channel(connection)
    try:
        plugin_files.adopt(files[0])  # before anything is looked up
        saved.adopt(files[1])
        value = resolve(target)(payload, channel)
        outcome: Outcome = Returned(value)
    except BaseException as error:  # noqa: BLE001 - whatever it is, the parent makes a record of it
        outcome = Raised(
            type=type(error).__name__,
            message=str(error),
            traceback=traceback.format_exc(),
            user_error=isinstance(error, UserError),
        )
    sys.stdout.flush()
    sys.stderr.flush()
    channel(outcome)
    os._exit(0)  # a framework's own teardown may take seconds, and has nothing left to save


def _redirect(log: str) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)

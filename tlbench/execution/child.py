"""Run each piece of work in a child process that is forked from a server which has loaded the framework.

Importing Keras takes seconds, but forking a process that has imported it takes milliseconds. A crash, a memory leak or
a memory peak affects the child only. This module imports no framework: work is named as ``package.module:function``,
and the child looks the function up.
"""

import math
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tlbench.core.cell import USUAL_BACKEND
from tlbench.core.errors import UserError
from tlbench.core.plugins import resolve
from tlbench.core.text import one_line
from tlbench.execution import process_group
from tlbench.execution.children import Children
from tlbench.execution.conversation import Conversation
from tlbench.execution.outcome import (
    Died,
    FaultError,
    Outcome,
    Raised,
    Returned,
    TimedOut,
    TooLarge,
    failure,
    refuse_full_disk,
)

Send = Callable[[Any], None]

LOOK = 0.25
"""Seconds between two checks of the memory of a child whose memory is limited."""


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
    """Call ``target(payload, send)`` in a child process and wait for its outcome.

    The parent waits in the kernel, because polling would disturb what the child measures.

    Args:
        target: the function, as ``package.module:function``.
        payload: its first argument, which is pickled.
        backend: the Keras backend that the child has loaded.
        on_message: called with each message that the function sends.
        timeout: the longest time in seconds until the outcome; None sets no limit.
        renews: a type of messages; each of them restarts the timeout.
        log: the file that receives everything the child prints.
        memory: limit in bytes on the private memory of the child and its descendants.
        among: the set of children that this one joins, which another thread can stop.

    Returns:
        How the call ended.
    """
    begin = time.monotonic()
    deadline = math.inf if timeout is None else begin + timeout
    next_look = math.inf if memory is None else begin
    among = among or Children()
    started = among.started(lambda: Conversation(target, payload, log, backend, lambda: among.stopped))
    if started is None:
        return Died(-signal.SIGTERM)
    with started as child, among.with_it(child):
        while True:
            until = min(deadline, next_look)
            answer = child.listen(None if until == math.inf else max(0.0, until - time.monotonic()))
            if not isinstance(answer, Outcome):
                on_message(answer)
                if timeout is not None and renews is not None and isinstance(answer, renews):
                    deadline = time.monotonic() + timeout
            elif not isinstance(answer, TimedOut):
                return answer
            elif time.monotonic() >= deadline:
                assert timeout is not None
                return TimedOut(timeout)
            if memory is not None and time.monotonic() >= next_look:
                next_look = time.monotonic() + LOOK
                if (used := process_group.memory(child.pid)) > memory:
                    last = _end_of(child, on_message)
                    return TooLarge(memory, used) if isinstance(last, (Died, TimedOut)) else last


def _end_of(child: Conversation, on_message: Send) -> Outcome:
    """Kill the child, and receive what it had sent by then: it may have finished what it is killed for."""
    child.kill()
    while not isinstance(answer := child.listen(process_group.GRACE), Outcome):
        on_message(answer)
    return answer


def call(target: str, payload: dict[str, Any], backend: str = USUAL_BACKEND) -> dict[str, Any]:
    """Call ``target(payload)`` in a child process and return its result.

    Raises:
        UserError: the function raised one, or memory ran out.
        OSError: the child found a disk full.
        FaultError: the function raised another error.
    """
    outcome = run(f"{__name__}:{_plain.__name__}", {"target": target, "payload": payload}, backend=backend)
    match outcome:
        case Returned(value=value):
            assert isinstance(value, dict)
            return value
        case Raised(message=message, user_error=True):
            raise UserError(message)
        case Raised(type=kind, message=message):
            refuse_full_disk(outcome, Path(tempfile.gettempdir()))
            if failure(outcome)[0] == "oom":
                raise UserError(f"{target} failed with {kind}: {one_line(message)}; is there enough memory?")
            raise FaultError.of(target, outcome)
        case _:
            raise UserError(f"{target} ended without an answer ({outcome}); is there enough memory?")


def _plain(request: dict[str, Any], send: Send) -> Any:
    """Call a function that sends no messages, for `call`."""
    del send
    return resolve(request["target"])(request["payload"])

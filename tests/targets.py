"""Work for child processes in tests: each function stands for one way a worker can end."""

import os
import signal
import sys
import time
from typing import Any

import numpy as np

from tlbench.errors import UserError


def double(payload: Any, send: Any) -> Any:
    for step in range(3):
        send(step)
    return payload * 2


def plain(payload: dict[str, Any]) -> dict[str, Any]:
    return {"seen": payload}


def refuse(payload: dict[str, Any]) -> dict[str, Any]:
    raise UserError(f"no {payload['what']} here")


def fail(payload: Any, send: Any) -> Any:
    raise ValueError(f"cannot use {payload}")


def leave(payload: Any, send: Any) -> Any:
    os._exit(payload)


def killed(payload: Any, send: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def chatter(payload: Any, send: Any) -> Any:
    while True:
        send("still here")
        time.sleep(0.01)


def write(payload: Any, send: Any) -> Any:
    print("to stdout")
    print("to stderr", file=sys.stderr)
    os.write(2, b"from C\n")


def echo(payload: Any, channel: Any) -> Any:
    while (message := channel.receive()) is not None:
        channel(payload + message)
    return "bye"


def echo_once_and_die(payload: Any, channel: Any) -> Any:
    channel(channel.receive())
    os.kill(os.getpid(), signal.SIGKILL)


def cell_beside(payload: Any, send: Any) -> Any:
    """A cell, trained while so many bytes are held."""
    from tlbench.execution.worker import run_cell

    job, size = payload
    held = np.ones(size, dtype=np.uint8)
    finished = run_cell(job, send)
    assert held.size == size
    return finished


def tell_pid_and_sleep(payload: Any, send: Any) -> Any:
    send(os.getpid())
    time.sleep(60)

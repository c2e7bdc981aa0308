"""Work for child processes in tests: each function stands for one way a worker can end."""

import os
import signal
import sys
import time
from typing import Any

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


def tell_pid_and_sleep(payload: Any, send: Any) -> Any:
    send(os.getpid())
    time.sleep(60)

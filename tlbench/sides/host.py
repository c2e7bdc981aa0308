"""Time models in this Python environment on behalf of another one. It is run there as ``python -m tlbench.sides.host
[PLUGIN ...] SOCKET``.

Parent and host exchange JSON over a socket, because they may have different versions of Python and packages. The host
imports its framework once; every model lives in a child of the host.
"""

import json
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from tlbench.core import plugin_files
from tlbench.execution.executors import ProcessExecutor
from tlbench.measuring.hosts import LostError, Pace, Participant
from tlbench.measuring.jobs import TimerJob

PROTOCOL = 4
"""Version of the messages, increased with every change. Parent and host must have the same."""
Message = dict[str, Any]

JOB: TypeAdapter[TimerJob] = TypeAdapter(TimerJob)
"""Converts a job to JSON and back. Raises pydantic.ValidationError for a cell that this version does not know."""


def send(connection: Connection, message: Message) -> None:
    """Send a message."""
    connection.send_bytes(json.dumps(message).encode())


def receive(connection: Connection) -> Message:
    """Receive the next message. Raises EOFError if the other side has ended."""
    message: Message = json.loads(connection.recv_bytes())
    return message


class Host:
    """Answers messages about models. Each model has a number that the parent chooses."""

    def __init__(self) -> None:
        self._executor = ProcessExecutor()
        self._models: dict[int, Participant] = {}

    def answer(self, message: Message) -> Message:
        """Do what `message` asks. A model that is lost is reported in the answer."""
        try:
            match message["do"]:
                case "open":
                    return self._open(message)
                case "turn":
                    pace = Pace.model_validate(message["pace"])
                    turned = self._models[message["model"]].turn(message["index"], pace)
                    return {"turned": turned.model_dump(mode="json")}
                case "close":
                    self._models.pop(message["model"]).close()
                    return {}
                case other:
                    raise ValueError(f"unknown message {other!r}")
        except LostError as error:
            return {"lost": {"status": error.status, "failure": error.failure.model_dump(mode="json")}}

    def _open(self, message: Message) -> Message:
        job = JOB.validate_python(message["job"])
        model = self._executor.open(job, message["timeout"], Path(message["log"]))
        self._models[message["model"]] = model
        return {"ready": model.ready.model_dump(mode="json")}


def main(descriptor: int, plugins: Sequence[str] = ()) -> None:
    """Serve requests until the parent closes the socket.

    Args:
        descriptor: the file descriptor of the socket.
        plugins: plugin files to load.
    """
    for plugin in plugins:
        plugin_files.load(Path(plugin))
    connection = Connection(descriptor)
    send(connection, {"protocol": PROTOCOL})
    host = Host()
    while True:
        try:
            message = receive(connection)
        except (EOFError, OSError):  # also in the middle of a message
            break
        send(connection, host.answer(message))


if __name__ == "__main__":
    main(int(sys.argv[-1]), sys.argv[1:-1])

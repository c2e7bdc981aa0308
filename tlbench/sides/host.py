"""Models of another Python environment that take turns: this file runs there, as ``python -m tlbench.sides.host``.

Parent and host talk in JSON over one socket, since the two may run different versions of Python and of packages. The
host imports its framework once; every model lives in a child of the host.
"""

import json
import sys
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tlbench.core.cell import Cell
from tlbench.execution import child
from tlbench.execution.executors import Participant, ProcessExecutor
from tlbench.execution.job import Ready, StepJob, TimerJob
from tlbench.host.environment import capture
from tlbench.measuring.rounds import LostError
from tlbench.measuring.summary import Opened

PROTOCOL = 1
Message = dict[str, Any]


def send(connection: Connection, message: Message) -> None:
    """One message."""
    connection.send_bytes(json.dumps(message).encode())


def receive(connection: Connection) -> Message:
    """The next message. Raises EOFError when the other side has gone."""
    message: Message = json.loads(connection.recv_bytes())
    return message


def job_to_json(job: TimerJob | None) -> Message | None:
    """A job as the other environment can read it; None stands for the reference workload."""
    if job is None:
        return None
    steps = [asdict(step) for step in job.steps]
    return {"cell": job.cell.model_dump(mode="json"), "classes": job.classes, "steps": steps}


def job_from_json(content: Message | None) -> TimerJob | None:
    """What `job_to_json` wrote. Raises pydantic.ValidationError for a cell that this version does not know."""
    if content is None:
        return None
    steps = tuple(StepJob(**step) for step in content["steps"])
    return TimerJob(Cell.from_json(content["cell"]), content["classes"], steps)


def ready_from_json(content: Message) -> Ready:
    """`Ready`, as `asdict` and JSON left it."""
    opened = tuple(Opened(one["first_call"], tuple(one["warmup"])) for one in content["opened"])
    return Ready(**(content | {"opened": opened}))


def outcome_to_json(outcome: child.Outcome) -> Message:
    """How a model was lost."""
    return {"kind": type(outcome).__name__, "fields": asdict(outcome)}


def outcome_from_json(content: Message) -> child.Outcome:
    """What `outcome_to_json` wrote."""
    kinds = {kind.__name__: kind for kind in (child.Raised, child.Died, child.TimedOut, child.Returned)}
    outcome: child.Outcome = kinds[content["kind"]](**content["fields"])
    return outcome


class Host:
    """Answers messages about models, each known by a number of the parent's choice."""

    def __init__(self) -> None:
        self._executor = ProcessExecutor()
        self._models: dict[int, Participant] = {}

    def answer(self, message: Message) -> Message:
        """Do what `message` asks; a model that is lost is an answer too."""
        try:
            match message["do"]:
                case "open":
                    return self._open(message)
                case "turn":
                    return {"samples": self._models[message["model"]].turn(message["index"])}
                case "close":
                    self._models.pop(message["model"]).close()
                    return {}
                case other:
                    raise ValueError(f"there is no message {other!r}")
        except LostError as error:
            return {"lost": outcome_to_json(error.args[0])}

    def _open(self, message: Message) -> Message:
        log = Path(message["log"])
        job = job_from_json(message["job"])
        model = self._executor.open_timer(job, message["backend"], message["timeout"], log)
        self._models[message["model"]] = model
        return {"ready": asdict(model.ready), "environment": capture(model.ready.device).model_dump(mode="json")}


def main(descriptor: int) -> None:
    """Serve the socket `descriptor` until the parent closes it."""
    connection = Connection(descriptor)
    send(connection, {"protocol": PROTOCOL})
    host = Host()
    while True:
        try:
            message = receive(connection)
        except EOFError:
            break
        send(connection, host.answer(message))


if __name__ == "__main__":
    main(int(sys.argv[1]))

"""Time models in another Python environment as if they were children of this process."""

import contextlib
import itertools
import os
import socket
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

from tlbench.core.errors import UserError
from tlbench.execution.entry_points import SIDE_HOST
from tlbench.execution.outcome import Died, failure
from tlbench.measuring.hosts import LostError, Pace, Ready, Turned
from tlbench.measuring.jobs import TimerJob
from tlbench.results.record import Failure
from tlbench.sides.host import JOB, PROTOCOL, receive, send

START_SECONDS = 120.0
"""Timeout for the start of a process in another environment, in seconds."""
ANOTHER_WAY = (
    f"its tlbench cannot take turns with this one, which needs PROTOCOL = {PROTOCOL} in tlbench/sides/host.py; "
    "give a revision that has it, or `tlbench run` the suite with each and judge the runs by `tlbench compare`"
)
"""Why an environment with its own tlbench is refused, and what to do instead."""


@dataclass(frozen=True)
class Interpreter:
    """A Python interpreter that can run tlbench.

    Attributes:
        python: its path.
        variables: environment variables to set.
        name: its name in messages.
    """

    python: Path
    variables: Mapping[str, str]
    name: str

    def environment(self) -> dict[str, str]:
        """All environment variables of its processes, which do not import from the working directory."""
        return {**os.environ, "PYTHONSAFEPATH": "1", **self.variables}


class Remote:
    """A process in another environment that holds models to be timed; a `TimerHost`.

    Args:
        interpreter: the interpreter.
        log: the file for its output.
        plugins: plugin files that it loads.

    Raises:
        UserError: it cannot be started.
    """

    def __init__(self, interpreter: Interpreter, log: Path, plugins: Sequence[str] = ()) -> None:
        self._interpreter, self._log, self._numbers = interpreter, log, itertools.count()
        self._asking = threading.Lock()
        ours, theirs = socket.socketpair()
        log.parent.mkdir(parents=True, exist_ok=True)
        with theirs, log.open("ab") as output:
            self._process = subprocess.Popen(
                [str(interpreter.python), "-m", SIDE_HOST, *plugins, str(theirs.fileno())],
                env=interpreter.environment(),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self._connection = Connection(ours.detach())
        self._greet()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def open(self, job: TimerJob, timeout: float, log: Path) -> "_Model":
        """Build a model there.

        Raises:
            LostError: that failed.
        """
        number = next(self._numbers)
        asked = {"do": "open", "model": number, "job": JOB.dump_python(job, mode="json")}
        answer = self.ask({**asked, "timeout": timeout, "log": str(log.resolve())})
        return _Model(self, number, Ready.model_validate(answer["ready"]))

    def ask(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Send a message and wait for its answer; only one thread at a time.

        Raises:
            LostError: the model or the whole process has ended.
        """
        with self._asking:  # because answers do not say to which message they belong
            try:
                send(self._connection, dict(message))
                answer = receive(self._connection)
            except (EOFError, OSError) as error:
                raise LostError(*failure(Died(self._process.wait()), f"logs/{self._log.name}")) from error
        if "lost" in answer:
            raise LostError(answer["lost"]["status"], Failure.model_validate(answer["lost"]["failure"]))
        return answer

    def close(self) -> None:
        """End the process and all its models."""
        self._connection.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _greet(self) -> None:
        protocol: object = None
        with contextlib.suppress(EOFError, OSError):
            if self._connection.poll(START_SECONDS):
                protocol = receive(self._connection).get("protocol")
        if protocol == PROTOCOL:
            return
        self._process.kill()
        self.close()
        name, python = self._interpreter.name, self._interpreter.python
        if protocol is None:
            raise UserError(f"{name}: {python} cannot run tlbench; see {self._log}")
        raise UserError(f"{name}: {ANOTHER_WAY}")


class _Model:
    """A model in the other environment, or the reference workload."""

    def __init__(self, remote: Remote, number: int, ready: Ready) -> None:
        self._remote, self._number, self.ready = remote, number, ready

    def turn(self, index: int, pace: Pace) -> Turned:
        asked = {"do": "turn", "model": self._number, "index": index, "pace": pace.model_dump()}
        return Turned.model_validate(self._remote.ask(asked)["turned"])

    def close(self) -> None:
        with contextlib.suppress(LostError):
            self._remote.ask({"do": "close", "model": self._number})

"""Time models in another Python environment, as if they were children of this one."""

import contextlib
import itertools
import os
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

from tlbench.core.errors import UserError
from tlbench.execution.child import Died
from tlbench.execution.job import TimerJob
from tlbench.measuring.rounds import LostError
from tlbench.results.record import Environment
from tlbench.sides.host import PROTOCOL, job_to_json, outcome_from_json, ready_from_json, receive, send

START_SECONDS = 120.0


@dataclass(frozen=True)
class Interpreter:
    """A Python that can run tlbench: its path, what is put in its environment, and the name it goes by."""

    python: Path
    variables: Mapping[str, str]
    name: str

    def environment(self) -> dict[str, str]:
        """All environment variables of its processes."""
        return {**os.environ, **self.variables}


class Remote:
    """A process of another environment in which models wait for their turns; an `Executor` for the timing of steps.

    Raises UserError where it cannot be started.
    """

    def __init__(self, interpreter: Interpreter, log: Path) -> None:
        self.interpreter, self._numbers = interpreter, itertools.count()
        self.environment: Environment | None = None
        ours, theirs = socket.socketpair()
        log.parent.mkdir(parents=True, exist_ok=True)
        with theirs, log.open("ab") as output:
            self._process = subprocess.Popen(
                [str(interpreter.python), "-m", "tlbench.sides.host", str(theirs.fileno())],
                env=interpreter.environment(),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self._connection = Connection(ours.detach())
        self._greet(log)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def open_timer(self, job: TimerJob | None, backend: str, timeout: float, log: Path) -> "_Model":
        """Build a model there (None: the reference workload). Raises LostError where that fails."""
        number = next(self._numbers)
        asked = {"do": "open", "model": number, "job": job_to_json(job), "backend": backend}
        answer = self.ask({**asked, "timeout": timeout, "log": str(log.resolve())})
        self.environment = Environment.model_validate(answer["environment"])
        return _Model(self, number, answer["ready"])

    def ask(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Send a message and wait for its answer. Raises LostError where the model, or the whole process, is gone."""
        try:
            send(self._connection, dict(message))
            answer = receive(self._connection)
        except (EOFError, OSError) as error:
            raise LostError(Died(self._process.wait())) from error
        if "lost" in answer:
            raise LostError(outcome_from_json(answer["lost"]))
        return answer

    def close(self) -> None:
        """End the process and all its models."""
        self._connection.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _greet(self, log: Path) -> None:
        found: object = None
        with contextlib.suppress(EOFError, OSError):
            if self._connection.poll(START_SECONDS):
                found = receive(self._connection).get("protocol")
        if found != PROTOCOL:
            self._process.kill()
            self.close()
            why = "speaks another protocol" if found else "cannot run tlbench"
            raise UserError(f"{self.interpreter.name}: {self.interpreter.python} {why}; {log} says what happened")


class _Model:
    def __init__(self, remote: Remote, number: int, ready: dict[str, Any]) -> None:
        self._remote, self._number = remote, number
        self.ready = ready_from_json(ready)

    def turn(self, index: int) -> tuple[float, ...]:
        return tuple(self._remote.ask({"do": "turn", "model": self._number, "index": index})["samples"])

    def close(self) -> None:
        with contextlib.suppress(LostError):
            self._remote.ask({"do": "close", "model": self._number})

"""The ways in which a child process can end, and the status and failure to record for each. Pure."""

import errno
import os
import re
import signal
from dataclasses import dataclass
from pathlib import Path
from traceback import format_exception
from typing import Any, Self

from tlbench.core.errors import UserError
from tlbench.core.files import FULL_DISK
from tlbench.results.record import Failure, Status

OUT_OF_MEMORY = (
    "ResourceExhaustedError", "MemoryError", "OutOfMemoryError", "RESOURCE_EXHAUSTED", "out of memory", "bad_alloc",
    "OUT_OF_MEMORY", "STATUS_ALLOC_FAILED", "Cannot allocate memory",
)  # fmt: skip
NO_ROOM_FOR_LIBRARIES = (
    "CUBLAS_STATUS_NOT_INITIALIZED", "CUDNN_STATUS_NOT_INITIALIZED", "DNN library initialization failed",
    "to find an engine to execute this computation",
)  # fmt: skip
"""Errors of CUDA's libraries when the GPU's memory is full, and when they do not fit the driver."""
ON_A_DEVICE = ("CUDA", "CUDNN", "CUBLAS", "GPU", "HIP out of memory", "while trying to allocate", "device ordinal")
"""Words in messages about a device's memory, not the machine's. On a CPU, XLA's messages say "allocating"."""
LONGEST_MESSAGE = 2000


class FaultError(Exception):
    """A function in a child process raised an error that nobody foresaw. Its traceback there is a note."""

    @classmethod
    def of(cls, target: str, raised: "Raised") -> Self:
        """The fault of the function `target`."""
        error = cls(f"{target} failed with {raised.type}: {raised.message}")
        error.add_note(raised.traceback)
        return error


class StoppedError(Exception):
    """A child was not started, because all children were stopped meanwhile."""


@dataclass(frozen=True)
class Returned:
    """The function returned `value`."""

    value: Any


@dataclass(frozen=True)
class Raised:
    """The function raised an exception.

    Attributes:
        type: its type.
        message: its message.
        traceback: its traceback.
        user_error: whether it is a UserError, whose message is meant for the user.
        full: the file that a full disk did not take, empty if it is unknown; None for any other exception.
    """

    type: str
    message: str
    traceback: str
    user_error: bool = False
    full: str | None = None

    @classmethod
    def by(cls, error: BaseException, message: str = "", traceback: str = "") -> "Raised":
        """The outcome of a function that raised `error`; the two texts replace those of the exception."""
        is_full = isinstance(error, OSError) and error.errno in FULL_DISK
        return cls(
            type=type(error).__name__,
            message=message or str(error),
            traceback=traceback or "".join(format_exception(error)),
            user_error=isinstance(error, UserError),
            full=str(getattr(error, "filename", None) or "") if is_full else None,
        )


@dataclass(frozen=True)
class Died:
    """The process ended without an answer.

    Attributes:
        exitcode: negative for a signal.
        for_memory: whether, meanwhile, the kernel killed a process because its control group was out of memory.
    """

    exitcode: int
    for_memory: bool = False


@dataclass(frozen=True)
class TimedOut:
    """The process was stopped because it took longer than `seconds`."""

    seconds: float


@dataclass(frozen=True)
class TooLarge:
    """The process was stopped because it used more than `limit` bytes of memory, namely `used`."""

    limit: int
    used: int


@dataclass(frozen=True)
class Lost:
    """The machine on which the process ran is gone; `why` is a clause."""

    why: str


Outcome = Returned | Raised | Died | TimedOut | TooLarge | Lost


def refuse_full_disk(outcome: Outcome, otherwise: Path) -> None:
    """Raise OSError if a child found a disk full: no fault of its cell, which is trained when there is room.

    Args:
        outcome: how the child ended.
        otherwise: where it writes, named if it does not know which file it was.
    """
    if isinstance(outcome, Raised) and outcome.full is not None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), outcome.full or str(otherwise))


def failure(outcome: Outcome, log: str | None = None) -> tuple[Status, Failure]:
    """The status and the failure to record for a child that did not return; `log` names the file of its output."""
    see = f" What the process printed is in {log}." if log else ""
    match outcome:
        case TimedOut(seconds=seconds):
            message = f"stopped after {seconds:g} s, the suite's timeout for one cell"
            return "timeout", Failure(
                type="TimedOut", message=message, advice="Raise `timeout` in the suite, or make the cell smaller."
            )
        case TooLarge(limit=limit, used=used):
            allowed = f"the suite's `memory` allows a cell {limit / 1e9:g} GB"
            advice = "Raise `memory` in the suite, or lower batch_size or image_size."
            message = f"stopped when it had {used / 1e9:.2f} GB of memory; {allowed}"
            return "oom", Failure(type="MemoryLimit", message=message, advice=advice)
        case Lost(why=why):
            message = f"the machine that trained it was lost ({_short(why)})"
            return "killed", Failure(type="MachineLost", message=message, advice="The same command tries it again.")
        case Died(for_memory=True):
            return "oom", Failure(
                type="SIGKILL",
                message="the kernel killed the process since the memory of its control group (its container) ran out",
                advice="Lower batch_size or image_size, or give the container more memory." + see,
            )
        case Died(exitcode=code) if code == -signal.SIGKILL:
            return "killed", Failure(
                type="SIGKILL",
                message="the process was killed by signal 9, most often by the system when memory ran out",
                advice="Lower batch_size or image_size, or give the machine more memory." + see,
            )
        case Died(exitcode=code):
            name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            return "killed", Failure(
                type=name,
                message=f"the process ended with {name} and gave no answer",
                advice="This is a crash inside the framework; run the cell alone with --select." + see,
            )
        case Raised(type=kind, message=message) if any(mark in f"{kind} {message}" for mark in OUT_OF_MEMORY):
            return "oom", Failure(
                type=kind,
                message=_short(message),
                advice=f"{_whose(kind + message)} memory ran out: lower batch_size or image_size; "
                "nothing was reduced by itself.",
            )
        case Raised(type=kind, message=message) if any(mark in message for mark in NO_ROOM_FOR_LIBRARIES):
            advice = (
                "Most often the device's memory ran out: lower batch_size or image_size. Where one small cell alone "
                "fails so too, the CUDA libraries do not fit the driver."
            )
            return "oom", Failure(type=kind, message=_short(message), advice=advice)
        case Raised(type="DivergedError" as kind, message=message):
            advice = "Lower learning_rate, or warm it up; with half precision, try float32."
            return "invalid", Failure(type=kind, message=_short(message), advice=advice)
        case Raised(type=kind, message=message, user_error=True):
            return "invalid", Failure(
                type=kind, message=_short(message), advice="Mend the suite or the input named here."
            )
        case Raised(type="ModuleNotFoundError" as kind, message=message) if backend := _backend_of(message):
            advice = f"Install what this backend needs: pip install 'tlbench[{backend}]'"
            return "failed", Failure(type=kind, message=_short(message), advice=advice)
        case Raised(type="ImportError" | "ModuleNotFoundError" as kind, message=message):
            advice = "A package or a library that it needs is missing here, or does not fit." + see
            return "failed", Failure(type=kind, message=_short(message), advice=advice)
        case Raised(type=kind, message=message):
            return "failed", Failure(type=kind, message=_short(message), advice="The traceback is in the log." + see)
        case _:
            raise AssertionError(f"{outcome!r} is not a failure")


def _backend_of(message: str) -> str:
    """The backend whose module is missing (an extra of this package); empty for any other module."""
    return next((name for name in ("jax", "torch") if re.search(rf"No module named '{name}(lib)?\b", message)), "")


def _whose(text: str) -> str:
    return "The device's" if any(mark in text for mark in ON_A_DEVICE) else "The machine's"


def _short(message: str) -> str:
    text = message.strip() or "(no message)"
    return text if len(text) <= LONGEST_MESSAGE else text[: LONGEST_MESSAGE - 1] + "…"

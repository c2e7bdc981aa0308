"""Find out why the fork server died: load the framework in another process, and explain why that fails."""

import resource
import signal
import subprocess
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from tlbench.core.errors import UserError
from tlbench.core.files import append_text
from tlbench.core.text import one_line
from tlbench.execution.entry_points import RUN_GROUP
from tlbench.execution.server import surroundings

PROGRAM = f"import keras, {RUN_GROUP.partition(':')[0]}"
MEMORY_WORDS = (
    "MemoryError",
    "bad_alloc",
    "Cannot allocate memory",
    "out of memory",
    "can't start new thread",
    "failed to map segment",
)
LONGEST_LINE = 300


class FrameworkError(UserError):
    """The framework cannot be loaded, so no child can be started."""


@dataclass(frozen=True)
class Attempt:
    """A failed attempt to load the framework.

    Attributes:
        exitcode: the exit code of the process; negative for a signal.
        printed: what it wrote to stderr.
    """

    exitcode: int
    printed: str


def explain(backend: str, log: Path | None) -> None:
    """Load the framework in another process, as the fork server does, and explain a failure.

    Args:
        backend: the backend of Keras.
        log: the file to which the output of a failure is appended; None: the message quotes its last line.

    Raises:
        FrameworkError: loading fails. The message is the reason.
    """
    with surroundings(backend):
        done = subprocess.run(
            [sys.executable, "-X", "faulthandler", "-c", PROGRAM],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
    if done.returncode == 0:
        return
    attempt = Attempt(done.returncode, done.stderr.decode(errors="replace"))
    why = reason(attempt, _cpu_flags(), _limits())
    if log is None:
        raise FrameworkError(f"{why}; it printed: {_last_line(attempt.printed)}")
    log.parent.mkdir(parents=True, exist_ok=True)
    append_text(log, attempt.printed)
    raise FrameworkError(f"{why}; what it printed is in {log}")


def reason(attempt: Attempt, flags: Collection[str], limits: Mapping[str, int]) -> str:
    """Explain why the framework did not load, in a sentence without the full stop.

    Args:
        attempt: the failed attempt.
        flags: the features of the CPU as Linux names them; empty if unknown.
        limits: limits on memory in bytes, by the option of `ulimit` that sets them.
    """
    end = signal.Signals(-attempt.exitcode).name if attempt.exitcode < 0 else f"exit code {attempt.exitcode}"
    begin = f"Keras cannot be loaded: the process that imports it ended with {end}"
    no_avx = bool(flags) and "avx" not in flags
    said = attempt.printed
    if end == "SIGILL" or "compiled to use AVX" in said:
        which = "this CPU has no AVX, which TensorFlow's packages need" if no_avx else "this CPU lacks an instruction"
        return f"{begin}: {which}; install a build for this CPU, or take another machine"
    if limits and (end == "SIGKILL" or any(word in said for word in MEMORY_WORDS) or end in {"SIGABRT", "SIGSEGV"}):
        set_by = ", ".join(f"ulimit {option} {count // 1024}" for option, count in limits.items())
        return f"{begin}: memory is limited here ({set_by}), and what the framework needs may not fit; raise the limit"
    if end == "SIGKILL" or any(word in said for word in MEMORY_WORDS):
        return f"{begin}: most likely memory ran out; free some, or take a machine with more"
    if "cannot open shared object file" in said:
        library = next(line for line in said.splitlines() if "cannot open shared object file" in line)
        return f"{begin}: a library is missing ({_last_line(library)}); install it"
    if attempt.exitcode > 0:
        return f"{begin}: {_last_line(said)}; mend the installation, `tlbench doctor` lists the packages"
    return f"{begin}: a package does not fit this machine or another package; reinstall keras and its backend"


def _last_line(printed: str) -> str:
    """The last line of an output, or the line with the cause if faulthandler printed tracebacks after it."""
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    fatal = [line for line in lines if line.startswith("Fatal Python error")]
    return one_line((fatal or lines)[-1])[:LONGEST_LINE] if lines else "nothing"


def _cpu_flags() -> frozenset[str]:
    """The CPU's features according to Linux; empty on other systems, and on processors that list none (ARM)."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return frozenset()
    return frozenset(word for line in lines if line.startswith("flags") for word in line.partition(":")[2].split())


def _limits() -> dict[str, int]:
    """The limits on this process' memory in bytes, by the option of `ulimit` that sets them."""
    asked = {"-v": resource.RLIMIT_AS, "-d": resource.RLIMIT_DATA}
    found = {option: resource.getrlimit(kind)[0] for option, kind in asked.items()}
    return {option: count for option, count in found.items() if count != resource.RLIM_INFINITY}

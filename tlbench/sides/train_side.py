"""Train a suite's cells in one environment with its own `tlbench run`."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tlbench.cache.folders import cache_dir
from tlbench.core.errors import UserError
from tlbench.sides.remote import Interpreter

FINE, SOME_FAILED = 0, 2


def train_side(
    suite: Path, options: Sequence[str], interpreter: Interpreter, out: Path, cache: Path, log: Path
) -> None:
    """Run `suite` in `out` without step times.

    Args:
        suite: the suite file.
        options: further options of `tlbench run`.
        interpreter: the environment.
        out: the folder of the run.
        cache: a temporary cache for this side, which is deleted afterwards. Nothing decoded or computed is shared
            between sides, because it may differ.
        log: the file for the command's output.

    Raises:
        UserError: the suite cannot be run there. Cells that fail have records and raise nothing.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    cache.mkdir(parents=True)
    downloaded = (cache_dir() / "datasets").resolve()
    downloaded.mkdir(parents=True, exist_ok=True)  # because no folder can be made through a dangling link
    (cache / "datasets").symlink_to(downloaded)
    command = [str(interpreter.python), "-m", "tlbench", "run", str(suite), "--out", str(out), "--untimed", *options]
    environment = interpreter.environment() | {"TLBENCH_CACHE": str(cache.resolve())}
    try:
        with log.open("wb") as output:
            done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    finally:
        shutil.rmtree(cache, ignore_errors=True)
    if done.returncode not in {FINE, SOME_FAILED}:
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
        last = (lines or [f"exit {done.returncode}"])[-1]
        raise UserError(f"{interpreter.name}: the suite cannot be run there ({last}); see {log}")

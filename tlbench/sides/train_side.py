"""Train a suite's cells in one environment, by its own `tlbench run`."""

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
    """Make the run of `suite` in `out`, without step times; `options` are further ones of `tlbench run`.

    What it decodes and computes is its own, in `cache`, which goes away afterwards, since that is part of the question.
    `log` receives what the command prints. Raises UserError where it cannot run the suite at all; a cell that fails is
    a record, as ever.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    cache.mkdir(parents=True)
    downloaded = (cache_dir() / "datasets").resolve()
    downloaded.mkdir(parents=True, exist_ok=True)  # nobody can make a folder through a link to nowhere
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
        raise UserError(f"{interpreter.name}: the suite cannot be run there ({last}); {log} says more")

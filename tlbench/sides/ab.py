"""Run a suite in two environments: train in each, then measure their steps in turn."""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tlbench.cache.folders import cache_dir
from tlbench.core.errors import UserError
from tlbench.execution.timing import TimingEvents
from tlbench.results.record import Record
from tlbench.results.run_folder import RunFolder, open_run
from tlbench.results.store import Store
from tlbench.sides.pairs import SIDES, Effort, Undecided, measure, write
from tlbench.sides.remote import Interpreter, Remote

FINE, SOME_FAILED = 0, 2


@dataclass(frozen=True)
class Order:
    """What is to be run: a suite, options of `tlbench run` that choose cells and find images, and the folder for it."""

    suite: Path
    options: tuple[str, ...]
    out: Path
    timeout: float
    readings: Path

    @property
    def logs(self) -> Path:
        """Where the environments' own output goes."""
        return self.out / "logs"


def run(
    order: Order,
    interpreters: Mapping[str, Interpreter],
    effort: Effort,
    undecided: Undecided,
    events: TimingEvents,
) -> dict[str, RunFolder]:
    """The runs of both sides, with step times that were measured in turn.

    Raises UserError where a side cannot run the suite at all; a cell that fails is a record, as ever.
    """
    for side in SIDES:
        train(order, side, interpreters[side])
    runs = {side: open_run(order.out / side) for side in SIDES}
    stores = {side: Store(runs[side].path) for side in SIDES}
    couples = _couples(*(stores[side].read_all().records for side in SIDES))
    with ExitStack() as stack:
        remotes = {
            side: stack.enter_context(Remote(interpreters[side], order.logs / f"host.{side}.log")) for side in SIDES
        }
        pairs = measure(couples, remotes, effort, undecided, events, order.logs, order.timeout)
    write(couples, stores, pairs, order.readings)
    return runs


def train(order: Order, side: str, interpreter: Interpreter) -> None:
    """Train the cells on one side. What it decodes and computes is its own, since that is part of the question."""
    order.logs.mkdir(parents=True, exist_ok=True)
    cache, log = (order.out / f"cache.{side}").resolve(), order.logs / f"train.{side}.log"
    cache.mkdir()
    downloaded = (cache_dir() / "datasets").resolve()
    (cache / "datasets").symlink_to(downloaded)
    command = [str(interpreter.python), "-m", "tlbench", "run", str(order.suite), "--out", str(order.out / side)]
    environment = interpreter.environment() | {"TLBENCH_CACHE": str(cache)}
    try:
        with log.open("wb") as output:
            done = subprocess.run(
                [*command, "--untimed", *order.options],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
    finally:
        shutil.rmtree(cache, ignore_errors=True)
    if done.returncode not in {FINE, SOME_FAILED}:
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
        last = (lines or [f"exit {done.returncode}"])[-1]
        raise UserError(f"{interpreter.name}: the suite cannot be run there ({last}); {log} says more")


def _couples(base: Sequence[Record], new: Sequence[Record]) -> list[tuple[Record, Record]]:
    there = {one.cell_id: one for one in new}
    return [(one, there[one.cell_id]) for one in base if one.cell_id in there]

"""Runs with an executor that replays records in the place of workers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import tlbench
from tests import builders
from tlbench.execution.job import Finished, Group, Job, Progress, Resources
from tlbench.execution.outcome import Outcome, Raised, Returned
from tlbench.host.shares import Share
from tlbench.results.record import Record

SUITE = """\
name: replayed
datasets: {name: intel}
backbones: {name: MobileNet, alpha: 0.25, weights: random}
strategies: [frozen, full]
image_size: 32
limit: {train: 4, validation: 2, test: 2}
train: {epochs: 2, batch_size: 16}
timing: {protocol: none}
fallback: {datasets: synthetic}
"""


@dataclass
class Replay:
    """Runs groups of cells by giving each the record of `builders`, or by failing for strategies in `fails`."""

    fails: set[str] = field(default_factory=set)
    ran: list[str] = field(default_factory=list)

    def run(self, group: Group, on_message: Any, timeout: float, log: Path) -> Outcome:
        for job in group.jobs:
            name = job.cell.strategy.name
            self.ran.append(name)
            if name in self.fails:
                return Raised("ValueError", "cannot", "Traceback", False)
            on_message(Progress("train", 1, 0.5))
            on_message(Finished(self._record(job)))
        return Returned(None)

    def stop(self) -> None:
        raise AssertionError("nothing is to be stopped")

    def slots(self, needs: Resources, workers: int | None) -> Sequence[Share | None]:
        return (None,)

    def open(self, job: object, timeout: float, log: Path) -> Any:
        raise AssertionError("nothing is to be timed")

    def _record(self, job: Job) -> Record:
        assert job.data is not None
        return builders.record(job.cell, data=job.data.provenance(), weights=job.weights, timings=None)


class Heard:
    """Events of which the names are kept, in order, and what each told last."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.told: dict[str, tuple[Any, ...]] = {}

    def __getattr__(self, name: str) -> Any:
        def heard(*told: Any) -> None:
            self.names.append(name)
            self.told[name] = told

        return heard

    @property
    def story(self) -> list[str]:
        """The names, those that come several times in a row once."""
        return [name for name, _ in groupby(self.names)]


def run(**options: Any) -> tlbench.CompletedRun:
    return tlbench.run("suite.yaml", executor="replay", **{"workers": 1, **options})

"""A trained model in several runtimes: all take turns with Keras, and each is told relative to it."""

from collections.abc import Iterable
from itertools import repeat
from pathlib import Path

import pytest

from tests.measuring.played import Heard, Host, Model, cell, killed
from tlbench.core.cell import Timing
from tlbench.measuring.hosts import LostError, Pace, Turned
from tlbench.measuring.jobs import CpuReferenceJob, DeployedJob, StepJob, TimerJob
from tlbench.measuring.opening import TimedSide
from tlbench.measuring.session import Session
from tlbench.session.deploy import Times, times_of

TIMING = Timing(protocol="custom", batch_size=1, warmup=1, iterations=40, seconds=0)
STEPS = tuple(StepJob(step="inference", batch_size=size) for size in (1, 32))
SECONDS = {"keras": (0.004, 0.040), "litert": (0.001, 0.030), "onnx": (0.002, 0.080)}


class Runtimes(Host):
    """Plays models whose time depends on the runtime."""

    def open(self, job: TimerJob, timeout: float, log: Path) -> Model:
        model = super().open(job, timeout, log)
        return InRuntime(job, self, self._dies_at(job)) if isinstance(job, DeployedJob) and model else model


class InRuntime(Model):
    """Takes turns of five calls, as long as `SECONDS` says."""

    def turn(self, index: int, pace: Pace) -> Turned:
        super().turn(index, pace)
        assert isinstance(self.job, DeployedJob)
        return Turned(samples=(SECONDS[self.job.runtime][index],) * 5)


def times(folder: Path, host: Host, room: Iterable[bool] = repeat(True)) -> Times:
    jobs = [
        DeployedJob(cell=cell(timing=None), classes=2, steps=STEPS, runtime=name, file="x", protocol=TIMING)
        for name in SECONDS
    ]
    answers = iter(room)
    session = Session(
        [TimedSide(host)], Heard(), folder / "logs", folder / "readings", 1, lambda largest: next(answers), jobs[0],
        builders=1,
    )  # fmt: skip
    session.measure(jobs)
    return times_of(jobs, session)


def test_each_runtime_is_told_relative_to_keras_at_each_batch_size(tmp_path: Path) -> None:
    host = Runtimes()
    found = times(tmp_path, host)
    assert {name: [step.median for step in steps] for name, steps in found.steps.items()} == {
        name: list(seconds) for name, seconds in SECONDS.items()
    }
    relative = {
        name: [step.relative.estimate for step in steps if step.relative] for name, steps in found.steps.items()
    }
    assert relative == {"keras": [1, 1], "litert": pytest.approx([0.25, 0.75]), "onnx": pytest.approx([0.5, 2])}
    assert [(step.batch_size, len(step.rounds)) for step in found.steps["onnx"]] == [(1, 8), (32, 8)]
    assert found.threads == 2
    assert isinstance(host.opened[0].job, CpuReferenceJob)


def test_where_memory_is_short_keras_takes_turns_in_every_group(tmp_path: Path) -> None:
    host = Runtimes()
    found = times(tmp_path, host, room=[False, True, False, True])
    opened = [job.runtime for job in host.models if isinstance(job, DeployedJob)]
    assert opened == ["keras", "litert", "keras", "onnx", "keras"]
    assert [step.relative and round(step.relative.estimate, 6) for step in found.steps["onnx"]] == [0.5, 2]


def test_a_runtime_that_dies_loses_its_own_times(tmp_path: Path) -> None:
    def dies(job: TimerJob) -> LostError | None:
        return killed() if isinstance(job, DeployedJob) and job.runtime == "litert" else None

    found = times(tmp_path, Runtimes(refuse=dies))
    assert (set(found.steps), set(found.lost)) == ({"keras", "onnx"}, {"litert"})
    assert found.lost["litert"].type == "SIGKILL"

"""A model that is timed on a GPU: what it does while others are being built, and what later."""

import pytest

from tests import builders
from tlbench.core import plugin_code
from tlbench.core.cell import Timing
from tlbench.core.plugin_code import Code
from tlbench.measuring.hosts import WARM_UP
from tlbench.measuring.jobs import ModelJob, StepJob
from tlbench.worker import device, memory, reference, timer


@pytest.mark.parametrize("kind", ["cpu", "gpu"])
def test_on_a_gpu_the_warm_up_waits_until_it_is_asked_for(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    monkeypatch.setattr(device, "describe", lambda: {"kind": kind, "name": kind})
    monkeypatch.setattr(device, "use_jit", lambda cell, kind: False)
    monkeypatch.setattr(memory, "device_peak", lambda: None)
    monkeypatch.setattr(timer, "make_call", lambda model, step, seed: lambda: calls.append(1))
    timing = Timing(protocol="quick", batch_size=1, warmup=5, iterations=10, seconds=0)
    job = ModelJob(
        cell=builders.cell(image_size=32, timing=timing), classes=2, steps=(StepJob(step="inference", batch_size=1),)
    )
    model = timer.ModelTimer(job)
    (opened,) = model.ready.opened
    if kind == "cpu":
        assert len(calls) == 1 + len(opened.warmup) >= 6
    else:
        assert (len(calls), opened.warmup) == (1, ())
        assert len(model.turn(0, WARM_UP).samples) == len(calls) - 1 >= 5


def test_the_reference_workload_is_of_one_machine_whatever_plugins_are_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its readings are kept by the machine and the versions of packages."""
    monkeypatch.setattr(reference, "workload", lambda kind: lambda: 0.0)
    before = timer.ReferenceTimer().ready.environment
    monkeypatch.setattr(plugin_code, "of_files", lambda *groups: Code({"my.py": "0" * 64}, {"of_my_plugin": "1.0"}))
    after = timer.ReferenceTimer().ready.environment
    assert (after.versions, after.plugins) == (before.versions, before.plugins)

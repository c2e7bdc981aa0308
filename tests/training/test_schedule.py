"""The learning rate of each step."""

import math

import pytest

from tlbench.training.schedule import Schedule


def rates(**changes: object) -> list[float]:
    schedule = Schedule(**{"rate": 1.0, "steps": 20, "warmup": 0.2, "shape": "cosine"} | changes)  # type: ignore[arg-type]
    return [schedule.at(step) for step in range(20)]


def test_it_rises_evenly_and_falls_along_half_a_cosine() -> None:
    found = rates()
    assert found[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert found[12] == pytest.approx(0.5), "half of the fall is half of the cosine"
    assert found[4:] == pytest.approx([0.5 * (1 + math.cos(math.pi * step / 16)) for step in range(16)])
    assert all(rate > 0 for rate in found)


def test_constant_is_constant() -> None:
    assert rates(warmup=0.0, shape="constant") == [1.0] * 20
    assert rates(shape="constant")[4:] == [1.0] * 16


def test_the_fall_is_kerass_own() -> None:
    keras = pytest.importorskip("keras")
    theirs = keras.optimizers.schedules.CosineDecay(1.0, 20)
    assert rates(warmup=0.0) == pytest.approx([float(theirs(step)) for step in range(20)], abs=1e-6)


def test_one_step_is_a_whole_step() -> None:
    assert Schedule(1.0, 1, 0.1, "cosine").at(0) == 1.0


def test_other_shapes() -> None:
    assert rates(warmup=0.0, shape="linear") == pytest.approx([1 - step / 20 for step in range(20)])
    assert rates(warmup=0.0, shape="step") == pytest.approx([1.0] * 7 + [0.1] * 7 + [0.01] * 6)

"""Counts are exact."""

import math

import pytest

from tests import builders
from tests.regression.sides import judged, made, number
from tlbench.regression.metrics.count import judged as judged_count


def test_counts_are_exact() -> None:
    counts = builders.record().counts
    assert counts is not None
    more = made(counts=counts.model_copy(update={"params": counts.params + 1}))
    assert number(judged([made()], [more]), "params").verdict == "regressed"
    assert number(judged([more], [made()]), "params").verdict == "improved"


def test_every_change_matters_whatever_the_gate() -> None:
    memory = builders.record().memory
    assert memory is not None
    more = made(memory=memory.model_copy(update={"optimizer": memory.optimizer + 4}))
    found = number(judged([made()], [more], time=1.0, memory=1.0), "memory of optimizer")
    assert (found.verdict, found.gate, found.adjusted) == ("regressed", 0.0, None)
    assert found.effect == pytest.approx(4 / 4128)


@pytest.mark.parametrize(
    ("base", "new", "expected"),
    [
        (0.0, 0.0, ("unchanged", 0.0)),
        (0.0, 5.0, ("regressed", math.inf)),
        (5.0, 0.0, ("improved", -1.0)),
        (0.8356399536132812, 0.83563995361, ("unchanged", pytest.approx(0.0, abs=1e-9))),
    ],
)
def test_counts_of_nothing_and_rounded_sizes(base: float, new: float, expected: tuple[str, float]) -> None:
    assert judged_count(base, new) == expected

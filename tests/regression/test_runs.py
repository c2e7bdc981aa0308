"""Runs at different times: how many would decide what so many cannot."""

import math

import numpy as np
import pytest

from tlbench.regression.runs import MOST, Runs, evidence, runs_needed, shifts
from tlbench.statistics.moderated import Spread

KNOWN, GATE, LEVEL, TESTS = Spread(0.066**2, 10), math.log(1.05), 0.01, 48


def made(slower: float, count: int, noise: float = 0.066, seed: int = 0) -> Runs:
    base, new = np.exp(np.random.default_rng(seed).normal([[0.0], [slower]], noise, (2, count)))
    return Runs(tuple(base.tolist()), tuple(new.tolist()))


def test_so_many_runs_decide_in_most_cases() -> None:
    """A step 30 % slower in runs that vary as is known, one of 48: half of all at the number said, 80 % with half more."""
    slower, exact = math.log(1.3), Runs((1.0,), (1.3,))
    needed = runs_needed(shifts([exact], KNOWN)[0], exact, KNOWN, GATE, LEVEL, TESTS)
    assert needed == pytest.approx(4, abs=1)
    for count, share in ((needed, 0.4), (math.ceil(1.5 * needed), 0.8)):
        drawn = [made(slower, count, seed=seed) for seed in range(200)]
        found = [shifts([cell], KNOWN)[0].p < LEVEL / TESTS for cell in drawn]
        assert np.mean(found) >= share


def test_an_effect_within_the_gate_needs_an_interval_within_it() -> None:
    cell = Runs((1.0,), (1.0,))
    needed = runs_needed(shifts([cell], KNOWN)[0], cell, KNOWN, GATE, LEVEL, TESTS)
    equal = Runs((1.0,) * needed, (1.0,) * needed)
    shift = shifts([equal], KNOWN)[0]
    assert shift.high is not None
    assert shift.high <= GATE


def test_what_no_number_of_runs_decides_is_said() -> None:
    cell = Runs((1.0,), (1.05,))  # exactly at the gate
    shift = shifts([cell], KNOWN)[0]
    assert evidence(shift, cell, KNOWN, GATE, LEVEL, TESTS).decide == f"more than {MOST} runs a side"

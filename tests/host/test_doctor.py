"""Is this machine fit to measure on: the judgement, on readings that a test makes up."""

import pytest

from tlbench.host.doctor import noise


@pytest.mark.parametrize(
    ("spread", "state", "advice"),
    [(0.02, "ok", ""), (0.06, "warn", "Differences below 10 %"), (0.3, "warn", "compare models within one run only")],
)
def test_noise_is_scored_by_the_spread_of_the_reference_workload(spread: float, state: str, advice: str) -> None:
    readings = [0.05 * (1 + spread * step / 50) for step in range(-50, 51)]
    check = noise(readings, [])
    assert check.state == state
    assert check.advice.startswith(advice) or advice in check.advice
    assert check.found == f"±{spread * 0.95 + 1e-9:.1%} over 101 runs of 50 ms"


def test_what_earlier_runs_saw_is_said() -> None:
    assert noise([0.05] * 20, [0.04] * 40 + [0.07] * 40).found.endswith("; -20% to +40% in 80 earlier ones")

"""Played models take turns on a played machine."""

import pytest

from tlbench.measuring import session


class Idle:
    """Nothing else runs."""

    def cores(self) -> float:
        return 0.0


@pytest.fixture(autouse=True)
def idle_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "OtherLoad", Idle)

"""An executor that replays records, for all tests of the room."""

from pathlib import Path

import pytest

from tests.session.replayed import SUITE, Replay
from tlbench.execution import server
from tlbench.execution.executors import EXECUTORS


@pytest.fixture
def replay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Replay:
    executor = Replay()
    monkeypatch.setitem(EXECUTORS._builtin, "replay", lambda: executor)
    monkeypatch.setattr(server, "start_server", lambda backend: None)
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    for variable in ("TLBENCH_DATA", "TLBENCH_WEIGHTS", "TLBENCH_IMAGENET"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "suite.yaml").write_text(SUITE)
    return executor

"""An executor that replays records, for all tests of the room."""

import os
from pathlib import Path

import pytest

from tests import builders
from tests.session.replayed import SUITE, Replay
from tlbench.execution import server
from tlbench.execution.executors import EXECUTORS
from tlbench.host.environment import capture, variables
from tlbench.session import made, start


@pytest.fixture
def replay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Replay:
    for name in variables(os.environ):
        monkeypatch.delenv(name)  # the records that are replayed have none
    executor, here = Replay(), capture()
    installed = here.model_copy(update={"versions": here.versions | builders.environment().versions})
    for module in (start, made):
        monkeypatch.setattr(module, "capture", lambda: installed)  # the records that are replayed are of this software
    monkeypatch.setitem(EXECUTORS._builtin, "replay", lambda: executor)
    monkeypatch.setattr(server, "start_server", lambda backend: None)
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    for variable in ("TLBENCH_DATA", "TLBENCH_WEIGHTS", "TLBENCH_IMAGENET"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "suite.yaml").write_text(SUITE)
    return executor

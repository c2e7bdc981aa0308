"""A side is trained by the `tlbench run` of its environment, with a cache of its own and everybody's data sets."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tlbench.sides import train_side as module
from tlbench.sides.remote import Interpreter


def test_a_data_set_can_be_fetched_where_none_ever_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "never used"))

    def run(command: list[str], env: dict[str, str], **options: Any) -> subprocess.CompletedProcess[bytes]:
        fetched = Path(env["TLBENCH_CACHE"]) / "datasets" / "cats_dogs"
        fetched.parent.mkdir(parents=True, exist_ok=True)  # as `locate.get` does
        fetched.mkdir()
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", run)
    side = Interpreter(Path("python"), {}, "current")
    cache = tmp_path / "out" / "cache.base"
    module.train_side(tmp_path / "suite.yaml", [], side, tmp_path / "out" / "a", cache, tmp_path / "logs" / "log")
    assert not cache.exists()
    assert (tmp_path / "never used" / "datasets" / "cats_dogs").is_dir()  # it stays

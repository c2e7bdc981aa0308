"""What `tlbench run` says besides its report."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tlbench.cli import run
from tlbench.results.run_folder import create


@pytest.mark.parametrize(
    ("options", "again"),
    [
        ([], "the same command goes on from there."),
        (["--fresh"], "the same command without --fresh goes on from there."),
    ],
    ids=["", "fresh"],
)
def test_a_run_that_is_stopped_names_the_command_that_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], again: str
) -> None:
    def stopped(suite: Path, *, events: Any, **others: Any) -> None:
        events.created(create(tmp_path / "run", "made", "", ["a"], datetime(2026, 1, 1, tzinfo=UTC)))
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "run", stopped)
    said = CliRunner().invoke(run.command, ["suite.yaml", *options], standalone_mode=False)
    assert said.return_value == 130
    assert f"Stopped. What is finished is kept in {tmp_path / 'run'}; {again}\n" in said.stderr

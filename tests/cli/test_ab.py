"""`tlbench ab` on the command line."""

from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import TINY
from tlbench import cli
from tlbench.cli import ab as module


def test_an_interruption_is_told_with_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def ended(*args: Any, **options: Any) -> None:
        options["out"].mkdir()
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "ab", ended)
    (tmp_path / "tiny.yaml").write_text(TINY)
    with pytest.raises(SystemExit) as error:
        cli.main(["ab", str(tmp_path / "tiny.yaml"), "--a", "current", "--out", str(tmp_path / "out")])
    assert error.value.code == 130
    said = capsys.readouterr().err
    assert f"{tmp_path / 'out'} can be removed" in said
    assert "interrupted" in said

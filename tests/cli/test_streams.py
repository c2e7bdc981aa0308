"""Whatever a terminal or a pipe is like, a command ends as it should."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import builders
from tests.session.runs import make_run
from tlbench.core.cell import Named

TLBENCH = (sys.executable, "-m", "tlbench")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cell = builders.cell(dataset=Named(name="caf\u00e9 \u4e2d ##[error]x"))
    return make_run(tmp_path_factory.mktemp("streams") / "run", [builders.record(cell)]).path


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_an_encoding_without_a_sign_shows_another(encoding: str, run: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([*TLBENCH, "compare", run, run], env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert b"caf" in done.stdout
    assert b"##[" not in done.stdout


def test_a_reader_that_has_gone_is_no_fault(run: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*TLBENCH, "compare", run, run, "--format", "json"], stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize(("stream", "code"), [("1", 64), ("2", 0)])
def test_a_full_output_is_no_regression(run: Path, stream: str, code: int) -> None:
    command = f'"$0" -m tlbench compare "$1" "$1" --format json {stream}>/dev/full'
    done = subprocess.run(["sh", "-c", command, sys.executable, run], capture_output=True, text=True)
    assert done.returncode == code
    assert done.stderr == ("tlbench: the output: No space left on device; free some space there\n" * (code > 0))


def test_an_error_that_nobody_can_be_told_has_its_code(tmp_path: Path) -> None:
    command = '"$0" -m tlbench plan "$1" 2>/dev/full'
    done = subprocess.run(["sh", "-c", command, sys.executable, tmp_path / "none.yaml"], capture_output=True)
    assert (done.returncode, done.stdout) == (64, b"")


def test_a_closed_output_is_no_fault(run: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", '"$0" -m tlbench compare "$1" "$1" >&-', sys.executable, run], capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")

"""Unexpected errors: one sentence, and an exit code of their own."""

import errno
import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

from tlbench import __main__, cli
from tlbench.cli import signals
from tlbench.core.errors import UserError
from tlbench.execution.outcome import FaultError, Raised


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[BaseException]:
    raised: list[BaseException] = []

    @click.command()
    def command() -> None:
        raise raised[0]

    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(cli.LazyGroup, "get_command", lambda group, ctx, name: command)
    return raised


@pytest.mark.parametrize("error", [ZeroDivisionError("one\ntwo"), EOFError("unexpected EOF")])
def test_a_fault_exits_with_70_and_keeps_its_traceback(
    error: Exception, failing: list[BaseException], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    failing.append(error)
    with pytest.raises(SystemExit) as ended:
        cli.main(["plan"])
    assert ended.value.code == 70
    log = tmp_path / "logs" / f"error-{os.getpid()}.log"
    said = capsys.readouterr().err.lstrip("\n")  # click begins with one
    name = type(error).__name__
    assert said.startswith(f"tlbench: internal error, {name}: {' '.join(str(error).split())}; ")
    assert said.endswith(f"report it with {log}\n")
    assert "raise raised[0]" in log.read_text()
    with pytest.raises(SystemExit):
        cli.main(["--debug", "plan"])
    assert "Traceback" in capsys.readouterr().err


def test_a_fault_in_a_child_keeps_the_traceback_there(
    failing: list[BaseException], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    failing.append(FaultError.of("a:b", Raised("ValueError", "no\ngood", "Traceback of the child\n  in b")))
    with pytest.raises(SystemExit) as ended:
        cli.main(["plan"])
    assert ended.value.code == 70
    assert "internal error, FaultError: a:b failed with ValueError: no good; please report" in capsys.readouterr().err
    assert "Traceback of the child\n  in b" in (tmp_path / "logs" / f"error-{os.getpid()}.log").read_text()


@pytest.mark.parametrize("error", [MemoryError(), ImportError("x.so: failed to map segment from shared object")])
def test_too_little_memory_is_no_fault(
    error: Exception, failing: list[BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    failing.append(error)
    with pytest.raises(SystemExit) as ended:
        cli.main(["plan"])
    assert ended.value.code == 64
    assert capsys.readouterr().err.strip().startswith("tlbench: out of memory (")


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (signals.EndedError(signal.SIGTERM), 143)])
def test_an_interruption_is_none(error: BaseException, code: int, failing: list[BaseException]) -> None:
    failing.append(error)
    with pytest.raises(SystemExit) as ended:
        cli.main(["plan"])
    assert ended.value.code == code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_end_is_answered_unless_it_is_ignored(number: signal.Signals) -> None:
    program = (
        "import os, signal, sys, time\n"
        "from tlbench.cli import signals\n"
        "signal.signal(int(sys.argv[1]), signal.SIG_IGN if sys.argv[2] == 'nohup' else signal.SIG_DFL)\n"
        "signals.listen()\n"
        "try:\n"
        "    os.kill(os.getpid(), int(sys.argv[1])); time.sleep(0.2); print('goes on')\n"
        "except KeyboardInterrupt as error: print('tidies up', signals.exit_code(error))\n"
    )
    for how, said in (("default", f"tidies up {128 + number}"), ("nohup", "goes on")):
        command = [sys.executable, "-c", program, str(int(number)), how]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == said


@pytest.mark.parametrize("words", [["plan"], ["--debug", "plan"]])
def test_no_message_commands_the_terminal_or_the_ci_system_that_keeps_the_log(
    words: list[str], failing: list[BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    failing.append(UserError("no \x1b[31mred\x1b[0m\r##[error]\n::error::x"))
    with pytest.raises(SystemExit):
        cli.main(words)
    said = capsys.readouterr().err
    # several lines are several errors
    assert said.endswith("tlbench: no \\x1b[31mred\\x1b[0m ## [error]\n: :error::x\n")
    assert "\x1b" not in said
    assert "\n::" not in said


@pytest.mark.parametrize("removed", [True, False])
@pytest.mark.parametrize("name", [None, "here.txt", "/nowhere/there.txt"])
@pytest.mark.parametrize("mended", [True, False])
def test_a_working_directory_that_was_removed_is_named(
    removed: bool, name: str | None, mended: bool, failing: list[BaseException], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    missing: Exception = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
    error = UserError("no folder can be made") if mended else missing
    error.__cause__ = missing if mended else None
    failing.append(error)
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    if removed:
        (tmp_path / "gone").rmdir()
    with pytest.raises(SystemExit) as ended:
        cli.main(["plan"])
    assert ended.value.code == 64
    said = capsys.readouterr().err
    assert ("the working directory does not exist any more" in said) == (removed and name != "/nowhere/there.txt")


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (signals.EndedError(signal.SIGTERM), 143)])
def test_an_interruption_while_the_command_line_is_imported_is_quiet(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    class Interrupted:
        @property
        def main(self) -> None:
            raise error

    monkeypatch.setitem(sys.modules, "tlbench.cli", Interrupted())
    with pytest.raises(SystemExit) as ended:
        __main__.main()
    assert ended.value.code == code
    assert capfd.readouterr() == ("", "")
    scripts = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts == {"tlbench": f"{__main__.__name__}:{__main__.main.__name__}"}

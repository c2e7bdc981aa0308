"""A child process may return, raise, crash, hang or print: the parent always learns how it ended."""

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from multiprocessing import forkserver
from multiprocessing.connection import wait
from pathlib import Path
from traceback import format_exception
from typing import Any

import psutil
import pytest

from tests.conftest import end_servers
from tlbench.core.errors import UserError
from tlbench.execution import child, loading, process_group, server
from tlbench.execution.conversation import SERVER_GONE, Conversation
from tlbench.execution.outcome import Died, FaultError, Outcome, Raised, Returned, TimedOut, TooLarge

pytestmark = pytest.mark.usefixtures("light_server")
PATIENCE = 30.0
"""Seconds for an answer, or an end, of a child on a busy machine; by themselves those that sleep end after 60."""


def test_value_and_messages_come_back_in_order() -> None:
    heard: list[int] = []
    month = 30 * 24 * 3600.0
    assert child.run("tests.targets:double", 21, on_message=heard.append, timeout=month) == Returned(42)
    assert heard == [0, 1, 2]


def test_an_exception_comes_back_with_its_traceback() -> None:
    outcome = child.run("tests.targets:fail", "this")
    assert isinstance(outcome, Raised)
    assert (outcome.type, outcome.message, outcome.user_error) == ("ValueError", "cannot use this", False)
    assert "in fail" in outcome.traceback


def test_a_disk_that_a_child_finds_full_is_an_error_of_the_caller_with_the_file() -> None:
    outcome = child.run("tests.targets:fill", "/there/model.keras")
    assert isinstance(outcome, Raised)
    assert outcome.full == "/there/model.keras"
    with pytest.raises(OSError, match="No space left on device") as full:
        child.call("tests.targets:fill_without_a_name", {})
    assert full.value.filename == tempfile.gettempdir()


@pytest.mark.parametrize(
    ("target", "payload", "code"),
    [("leave", 7, 7), ("killed", None, -signal.SIGKILL), ("killed_in_the_middle_of_a_message", None, -signal.SIGKILL)],
)
def test_a_child_that_dies_is_known_by_its_exit_code(target: str, payload: int | None, code: int) -> None:
    assert child.run(f"tests.targets:{target}", payload) == Died(code)


@pytest.mark.parametrize(
    "ask", [Conversation.kill, lambda talk: multiprocessing.active_children()], ids=["stop", "start of another"]
)
def test_the_exit_code_is_the_same_for_two_threads_that_read_it_at_once(
    ask: Callable[[Conversation], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fork server sends it once, and closes the pipe: whoever reads second finds the end, as of a lost server."""
    read, others = forkserver.read_signed, list[threading.Thread]()

    def read_second(descriptor: int) -> Any:
        if not others:
            others.append(threading.Thread(target=ask, args=[talk]))
            others[0].start()
            others[0].join(1)  # it reads here, or waits for its turn
        return read(descriptor)

    with Conversation("tests.targets:leave", 7) as talk:
        monkeypatch.setattr(forkserver, "read_signed", read_second)
        assert talk.listen(PATIENCE) == Died(7)
        others[0].join()
        assert talk.listen(PATIENCE) == Died(7)


def test_the_timeout_bounds_the_whole_call_however_much_the_child_says() -> None:
    heard: list[str] = []
    for timeout in (1.5, 15.0):  # a busy machine may not have started the child within the first
        begin = time.monotonic()
        assert child.run("tests.targets:chatter", None, on_message=heard.append, timeout=timeout) == TimedOut(timeout)
        assert time.monotonic() - begin < timeout + 8.5
        if heard:
            break
    assert heard


@pytest.mark.parametrize("looks", [0, 1], ids=["sent while memory is looked at", "received just before"])
def test_what_a_child_sent_before_it_took_too_much_memory_is_heard(looks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last message may say that a cell is finished, which is then not the one that took too much."""
    talks, used, heard = list[Conversation](), [0] * looks + [2], list[int]()

    class Watched(Conversation):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            talks.append(self)

    def look(pid: int) -> int:
        if len(used) == looks + 1:
            assert talks[0]._connection.poll(PATIENCE)
        return used.pop(0)

    monkeypatch.setattr(child, "Conversation", Watched)
    monkeypatch.setattr(child, "LOOK", 0.0)
    monkeypatch.setattr(process_group, "memory", look)
    outcome = child.run("tests.targets:tell_pid_and_sleep", None, on_message=heard.append, memory=1)
    assert outcome == TooLarge(1, 2)
    assert len(heard) == 1


def test_what_a_child_prints_goes_to_its_log_and_nowhere_else(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "cell.log"
    assert child.run("tests.targets:write", None, log=log) == Returned(None)
    assert sorted(log.read_text().splitlines()) == ["from C", "to stderr", "to stdout"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("end", "outcome"), [("returns", Returned(None)), ("killed", Died(-signal.SIGKILL)), ("hangs", TimedOut(0.2))]
)
def test_temporary_files_of_a_child_go_with_it_however_it_ends(end: str, outcome: Outcome) -> None:
    with Conversation("tests.targets:leave_a_file", end) as talk:
        folder = talk.listen(PATIENCE)
        assert talk.listen(0.2 if end == "hangs" else PATIENCE) == outcome
        assert Path(folder).parent.exists()
    assert Path(folder).parent.name.startswith("child-")
    assert not Path(folder).parent.exists()


def test_call_hands_a_user_error_through() -> None:
    assert child.call("tests.targets:plain", {"a": 1}) == {"seen": {"a": 1}}
    with pytest.raises(UserError, match="no cheese here"):
        child.call("tests.targets:refuse", {"what": "cheese"})


def test_call_tells_a_fault_from_too_little_memory_and_prints_neither(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(FaultError, match=r"^tests.targets:fall failed with ZeroDivisionError: a\nb\n") as raised:
        child.call("tests.targets:fall", {"type": "ZeroDivisionError", "message": "a\nb"})
    assert "in fall" in "".join(format_exception(raised.value))
    with pytest.raises(UserError, match=r"failed with MemoryError: a b; is there enough memory\?"):
        child.call("tests.targets:fall", {"type": "MemoryError", "message": "a\nb"})
    assert capfd.readouterr() == ("", "")


def test_a_child_does_not_outlive_its_parent() -> None:
    program = (
        "from tlbench.execution import child, server\n"
        "if __name__ == '__main__':\n"
        "    server.PRELOAD = 'tests.light_preload'\n"
        "    server.start_server('tensorflow')\n"
        "    child.run('tests.targets:tell_pid_and_sleep', None, on_message=lambda pid: print(pid, flush=True))\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env={**os.environ})
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + PATIENCE
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(pid)


def test_a_conversation_goes_back_and_forth() -> None:
    with Conversation("tests.targets:echo", 10) as talk:
        for number in range(5):
            talk.say(number)
            assert talk.listen(PATIENCE) == 10 + number
        talk.say(None)
        assert talk.listen(PATIENCE) == Returned("bye")


def test_who_is_talked_with_may_die_or_keep_silent() -> None:
    with Conversation("tests.targets:echo_once_and_die", None) as talk:
        talk.say("hello")
        assert talk.listen(PATIENCE) == "hello"
        assert talk.listen(PATIENCE) == Died(-signal.SIGKILL)
        talk.say("are you there?")
    with Conversation("tests.targets:echo", 10) as talk:
        assert talk.listen(0.2) == TimedOut(0.2)


def test_each_backend_has_workers_of_its_own_side_by_side() -> None:
    before = dict(os.environ)
    with Conversation("tests.targets:echo", 10) as talk:
        for backend in ("tensorflow", "jax", "tensorflow"):
            found = child.run("tests.targets:environment", "KERAS_BACKEND", backend=backend)
            assert found == Returned(backend)
        assert dict(os.environ) == before
        talk.say(1)
        assert talk.listen(PATIENCE) == 11
    end_servers()  # other tests look for one


def test_a_setting_that_changed_since_the_last_run_reaches_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with Conversation("tests.targets:echo", 10) as talk:
        for visible in ("-1", "1", "1"):
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
            assert child.run("tests.targets:environment", "CUDA_VISIBLE_DEVICES") == Returned(visible)
        talk.say(1)  # a child of before lives on, and so does its server until then
        assert talk.listen(PATIENCE) == 11
        assert fork_servers_become(2) == 2
    assert fork_servers_become(1) == 1
    end_servers()  # other tests look for one


def test_a_server_that_somebody_else_started_does_not_decide_the_backend() -> None:
    program = (
        "import multiprocessing as m\n"
        "from tlbench.execution import child, server\n"
        "if __name__ == '__main__':\n"
        "    process = m.get_context('forkserver').Process(target=print, args=('theirs',))\n"
        "    process.start(); process.join()\n"
        "    print(child.run('tests.targets:environment', 'KERAS_BACKEND', backend='torch').value)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["theirs", "torch"]


def fork_servers() -> list[psutil.Process]:
    own = psutil.Process().children()
    return [process for process in own if any("forkserver" in word for word in process.cmdline())]


def fork_servers_become(count: int) -> int:
    """How many there are, once there are so many or patience is over."""
    deadline = time.monotonic() + PATIENCE
    while len(fork_servers()) != count and time.monotonic() < deadline:
        time.sleep(0.05)
    return len(fork_servers())


def fork_server() -> psutil.Process:
    (server,) = fork_servers()
    return server


def test_a_child_lives_on_when_the_fork_server_is_killed_and_can_still_die() -> None:
    with Conversation("tests.targets:echo", 10) as talk:
        talk.say(0)
        assert talk.listen(PATIENCE) == 10
        fork_server().kill()
        for number in range(3):
            talk.say(number)
            assert talk.listen(PATIENCE) == 10 + number
        talk.say(None)
        assert talk.listen(PATIENCE) == Returned("bye")
        assert talk.listen(PATIENCE) == Died(SERVER_GONE)  # whoever knew how it ended is gone
    assert child.run("tests.targets:double", 21) == Returned(42)  # from a server that was started anew


def test_a_child_that_outlived_the_fork_server_is_ended_all_the_same() -> None:
    with Conversation("tests.targets:sleep_deaf", None) as talk:
        pid = talk.listen(PATIENCE)
        fork_server().kill()
        assert talk.listen(0.2) == TimedOut(0.2)
        assert psutil.pid_exists(pid)
    deadline = time.monotonic() + PATIENCE
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(pid)


def alive(pid: int) -> bool:
    """Whether it runs; what nobody waits for stays as a zombie where the first process of a container reaps nothing."""
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_a_fork_server_that_was_killed_is_started_again_for_the_next_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed while a child is being forked: the first attempt finds the end of its pipe."""
    start, tries = multiprocessing.get_context("forkserver").Process.start, list[int]()

    def killed_meanwhile(process: Any) -> None:
        tries.append(1)
        if len(tries) == 1:
            fork_server().kill()
            raise EOFError("unexpected EOF")
        start(process)

    assert child.run("tests.targets:double", 1) == Returned(2)
    monkeypatch.setattr(loading, "PROGRAM", "import tests.light_preload")  # what the server loads here
    monkeypatch.setattr(multiprocessing.get_context("forkserver").Process, "start", killed_meanwhile)
    assert child.run("tests.targets:double", 21) == Returned(42)
    assert len(tries) == 2


def test_a_child_that_leads_no_group_yet_is_killed_although_its_server_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that was forked a moment before its run is stopped: no signal reaches its group, nor does the server tell."""
    with Conversation("tests.targets:tell_pid_and_sleep", None) as talk:
        pid = talk.listen(PATIENCE)
        server.kill_servers()
        assert wait([talk._process.sentinel], PATIENCE)
        monkeypatch.setattr(process_group, "end", lambda leader: None)
        talk.kill()
        monkeypatch.undo()
        assert isinstance(talk.listen(PATIENCE), Died)
    assert not alive(pid)

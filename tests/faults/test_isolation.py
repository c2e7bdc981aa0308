"""A child and all it started end together: when it is done, when it is stopped, when its parent is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.execution.test_child import alive
from tlbench.execution import temporary
from tlbench.execution.child import run
from tlbench.execution.conversation import Conversation
from tlbench.execution.outcome import Died, Outcome, Returned, TimedOut, TooLarge

PARENT = """\
import signal, sys
from tlbench.execution import child, server
if __name__ == "__main__":
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # tests may run under nohup
    server.PRELOAD = "tests.light_preload"
    server.start_server("tensorflow")
    say = lambda message: print(*message if isinstance(message, tuple) else (), flush=True)
    child.run("tests.targets:start_another", sys.argv[1], on_message=say)
"""


pytestmark = pytest.mark.usefixtures("light_server")


def gone(pids: tuple[int, ...], within: float = 30.0) -> bool:
    deadline = time.monotonic() + within
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(map(alive, pids))


@pytest.mark.parametrize(
    ("end", "patience", "outcome"), [("returns", 60.0, Returned(None)), ("waits", 0.2, TimedOut(0.2))]
)
def test_what_a_child_started_ends_with_it(end: str, patience: float, outcome: Outcome) -> None:
    with Conversation("tests.targets:start_another", end) as talk:
        started = talk.listen(60)
        assert talk.listen(patience) == outcome
    assert gone(started, within=20.0)  # the program that it started sleeps for a minute


@pytest.mark.parametrize("end", ["waits", "deaf"])
def test_neither_outlives_a_parent_that_is_killed(end: str) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, end], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    first, second = map(int, parent.stdout.readline().split())
    server_pid = next(
        one.pid for one in psutil.Process(parent.pid).children() if "forkserver" in " ".join(one.cmdline())
    )
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert gone((first, second, server_pid))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP])
def test_a_parent_that_is_killed_leaves_no_file(tmp_path: Path, number: signal.Signals) -> None:
    program = PARENT.replace("start_another", "leave_a_file").replace("*message if", "message, *message if")
    variables = {**os.environ, "TMPDIR": str(tmp_path)}
    parent = subprocess.Popen(
        [sys.executable, "-c", program, "hangs"], stdout=subprocess.PIPE, text=True, env=variables
    )
    assert parent.stdout is not None
    assert Path(parent.stdout.readline().strip()).is_relative_to(tmp_path)
    parent.send_signal(number)
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 30
    while list(tmp_path.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert list(tmp_path.iterdir()) == []


def test_a_parent_that_is_killed_while_the_framework_loads_leaves_no_orphan(tmp_path: Path) -> None:
    (tmp_path / "keras.py").write_text("import time\nprint('loading')\ntime.sleep(60)\n")
    program = (
        "from tlbench.execution import server\n"
        "if __name__ == '__main__':\n"
        "    server.start_server('tensorflow')\n"
        "    import time; time.sleep(60)\n"
    )
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])
    variables = {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=variables)
    assert parent.stdout is not None
    assert parent.stdout.readline() == "loading\n"  # said by the fork server
    started = tuple(one.pid for one in psutil.Process(parent.pid).children(recursive=True))
    parent.kill()
    parent.wait()
    assert started
    assert gone(started)
    parent.stdout.close()


def test_a_run_that_is_stopped_while_the_framework_loads_does_not_wait_for_it(tmp_path: Path) -> None:
    (tmp_path / "keras.py").write_text("import time\nprint('loading', flush=True)\ntime.sleep(60)\n")
    program = (
        "import threading, time\n"
        "from tlbench.execution import child, children\n"
        "if __name__ == '__main__':\n"
        "    together, ended = children.Children(), []\n"
        "    start = lambda: ended.append(child.run('tests.targets:double', 21, among=together))\n"
        "    threads = [threading.Thread(target=start) for _ in range(2)]\n"
        "    for thread in threads: thread.start()\n"
        "    input()\n"
        "    together.stop()\n"
        "    for thread in threads: thread.join()\n"
        "    print(ended, flush=True)\n"
    )
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])
    pipe = subprocess.PIPE
    parent = subprocess.Popen(
        [sys.executable, "-c", program], stdin=pipe, stdout=pipe, text=True, env={**os.environ, "PYTHONPATH": path}
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == "loading\n"
    said, _ = parent.communicate("stop\n", timeout=40)
    assert said == f"[{Died(-15)}, {Died(-15)}]\n"


def test_a_fork_server_whose_parent_was_killed_before_its_first_line_removes_what_that_left(tmp_path: Path) -> None:
    left = tmp_path / "tlbench-left"
    left.mkdir()
    (tmp_path / "other").mkdir()
    gone_parent = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True
    )
    said = os.pathsep.join([gone_parent.stdout.strip(), str(left), str(tmp_path / "other")])
    program = "import tlbench.worker.preload"
    variables = {**os.environ, temporary.VARIABLE: said}
    assert subprocess.run([sys.executable, "-c", program], env=variables).returncode == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other"]


def test_ctrl_c_is_not_heard_by_the_fork_server_but_by_its_parent() -> None:
    server_pid = next(one.pid for one in psutil.Process().children() if "forkserver" in " ".join(one.cmdline()))
    status = dict(
        line.split(":\t") for line in Path(f"/proc/{server_pid}/status").read_text().splitlines() if ":\t" in line
    )
    assert int(status["SigBlk"], 16) & 1 << (signal.SIGINT - 1)
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_what_a_process_left_that_was_killed_with_its_fork_server_goes_with_the_next(tmp_path: Path) -> None:
    program = (
        "import sys, time; from tlbench.execution import temporary\n"
        "print(temporary.folder(sys.argv[1]), flush=True); time.sleep(60)\n"
    )

    def begin() -> tuple[subprocess.Popen[str], Path]:
        process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        return process, Path(process.stdout.readline().strip())

    (killed, left), (living, kept) = begin(), begin()
    (left / "features").mkdir()
    (tmp_path / "tlbench-of-nobody").mkdir()
    killed.kill()
    killed.communicate()
    assert left.exists()
    third, made = begin()
    assert {path.name for path in tmp_path.iterdir()} == {kept.name, made.name, "tlbench-of-nobody"}
    for process in (living, third):
        process.terminate()
        process.communicate()


def test_a_child_is_the_first_of_a_session_of_its_own() -> None:
    with Conversation("tests.targets:tell_group", None) as talk:
        assert talk.listen(60) == (talk.pid, talk.pid)


def test_a_child_that_takes_more_memory_than_it_may_is_stopped() -> None:
    begin = time.monotonic()
    outcome = run("tests.targets:take_memory", 600_000_000, memory=500_000_000, timeout=60)
    assert isinstance(outcome, TooLarge)
    assert outcome.limit == 500_000_000
    assert outcome.used > 500_000_000
    assert time.monotonic() - begin < 30
    assert run("tests.targets:double", 21, memory=2_000_000_000, timeout=60) == Returned(42)


def test_a_bound_on_memory_leaves_the_timeout_as_it_is() -> None:
    assert run("tests.targets:chatter", None, memory=10**12, timeout=0.6) == TimedOut(0.6)

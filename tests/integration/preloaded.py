"""Commands of tlbench as forks of one process that has imported what they need: a fresh interpreter takes 5 s to import it.

Each command is a process of its own, with its own arguments, environment and folder, and runs `python -m tlbench` there.
Its fork server is a fork too, made before the command begins, so that it has seen nothing of it. Where coverage is
measured fresh interpreters are started instead.
"""

import atexit
import fcntl
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing import util
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import Any

from tlbench.core.plugins import Registry
from tlbench.execution import temporary

TIMEOUT = 300
BACKEND = "tensorflow"
HIGH = 500
"""Above every number that a fork server's files have."""
ROOT = Path(__file__).parents[2]

_starting = threading.Lock()
_address: str | None = None


def run(args: Sequence[str], folder: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run `tlbench` with `args` in `folder`. It is killed after `TIMEOUT` seconds."""
    with temporary.inner("said-") as said:
        out, err = Path(said) / "out", Path(said) / "err"
        with Client(_server()) as connection:
            connection.send((list(args), str(folder), dict(environment), str(out), str(err)))
            code = connection.recv()
        return subprocess.CompletedProcess(args, code, out.read_text(), err.read_text())


def _server() -> str:
    """The address of this process' server, which is started by the first call and ends with this process."""
    global _address
    with _starting:
        if _address is None:
            folder = temporary.inner("preloaded-")
            address = f"{folder.name}/socket"
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(address)
                listener.listen()
                command = [sys.executable, "-m", "tests.integration.preloaded", str(listener.fileno())]
                quiet = {"KERAS_BACKEND": BACKEND, "KERAS_HOME": folder.name, "TF_CPP_MIN_LOG_LEVEL": "3"}
                server = subprocess.Popen(
                    command, pass_fds=[listener.fileno()], stdin=subprocess.PIPE, cwd=ROOT, env=os.environ | quiet
                )
            atexit.register(folder.cleanup)
            atexit.register(server.wait)
            assert server.stdin is not None
            atexit.register(server.stdin.close)
            _address = address
    return _address


def _serve(listener: socket.socket) -> None:
    """Fork a process for each command; returns in it. The server ends when its standard input does."""
    from tlbench.cli import cli
    from tlbench.execution.entry_points import PRELOAD

    for name in cli.list_commands(None):  # type: ignore[arg-type]
        cli.get_command(None, name)  # type: ignore[arg-type]
    for name in ("tlbench.results.table", "scipy.special", PRELOAD):
        importlib.import_module(name)
    registries = _registries()
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [])
        if listener not in ready:
            sys.exit()
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        accepted, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            _become_command(Connection(accepted.detach()), registries)
            return
        accepted.close()


def _registries() -> list[Registry[Any]]:
    """Those of the loaded modules."""
    modules = [module for name, module in sys.modules.items() if name.startswith("tlbench.")]
    return [one for module in modules for one in vars(module).values() if isinstance(one, Registry)]


def _become_command(connection: Connection, registries: Sequence[Registry[Any]]) -> None:
    """Returns in a process that is as a fresh interpreter is before it runs tlbench; this one tells its exit code."""
    args, folder, environment, out, err = connection.recv()
    if pid := os.fork():
        connection.send(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        os._exit(0)
    connection.close()
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for number, (path, flags) in enumerate(((os.devnull, os.O_RDONLY), (out, os.O_WRONLY), (err, os.O_WRONLY))):
        opened = os.open(path, flags | os.O_CREAT, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    before = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:] = [folder, *before, *(one for one in sys.path if one not in {str(ROOT), *before})]
    sys.argv = ["tlbench", *args]
    for one in registries:  # which have looked for packages where this server does
        vars(one).pop("_plugins", None)
    _spare_fork_server()
    signal.alarm(TIMEOUT)


def _spare_fork_server() -> None:
    """Fork a process that becomes the command's fork server when it would start one, and ends when the command does."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    patched: Any = util
    spawn = patched.spawnv_passfds
    if pid := os.fork():
        theirs.close()

        def started(path: str, args: list[str], passed: list[int]) -> int:
            spare = ours.fileno() != -1 and "forkserver" in args[-1] and os.environ.get("KERAS_BACKEND") == BACKEND
            if not spare:
                return int(spawn(path, args, passed))
            with ours:
                socket.send_fds(ours, [json.dumps([args[-1], passed, dict(os.environ)]).encode()], passed)
            return pid

        patched.spawnv_passfds = started
        return
    ours.close()
    message, received, _, _ = socket.recv_fds(theirs, 2**20, 8)
    if not message:
        os._exit(0)
    program, wanted, environment = json.loads(message)
    os.environ.clear()
    os.environ.update(environment)
    kept = [fcntl.fcntl(one, fcntl.F_DUPFD, HIGH) for one in received]
    os.closerange(3, HIGH)
    for one, number in zip(kept, wanted, strict=True):
        os.dup2(one, number)
        os.close(one)
    theirs.detach()
    exec(program, {})
    sys.exit()


def _run_as_main() -> int:
    """Run `python -m tlbench` in this process; its exit code."""
    try:
        runpy.run_module("tlbench", run_name="__main__", alter_sys=True)
    except SystemExit as exit:
        return exit.code if isinstance(exit.code, int) else int(exit.code is not None)
    except Exception:  # noqa: BLE001
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
    code = _run_as_main()
    atexit.unregister(os._exit)  # of the preloaded module, which ends fork servers by it
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # without the framework's teardown, which takes a second; a command that has no framework has none

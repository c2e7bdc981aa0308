"""Fork servers, which have loaded the framework, and the environment of these servers and their children.

Each backend has its own server, so that models of different backends can exist at the same time. Servers run in a
controlled environment: they import nothing from the working directory, do not read the user's `keras.json`, have
their Keras backend set, and put sockets where their paths are short enough.
"""

import importlib.util
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import forkserver, resource_tracker
from multiprocessing.forkserver import ForkServer
from pathlib import Path

from tlbench.cache.folders import cache_dir
from tlbench.core.errors import UserError
from tlbench.execution import temporary
from tlbench.execution.entry_points import PRELOAD
from tlbench.host.environment import variables as settings_in
from tlbench.host.resources import allowed_cores, usable_cores
from tlbench.host.shares import THREADS, VISIBLE

QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "GRPC_VERBOSITY": "ERROR"}
SHARE_THE_GPU = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
"""Let models in several processes share a GPU: by default each backend takes all of its memory."""
FORKED = {"PYTORCH_NVML_BASED_CUDA_CHECK": "1"}
"""Make torch look for GPUs through NVML when Keras asks during its import.

Through the CUDA runtime, which is the default, the answer would initialize CUDA in the server, and CUDA does not work
in processes forked after that (https://docs.pytorch.org/docs/stable/notes/cuda.html).
"""
HERE = str(Path(__file__).resolve().parents[2])
LONGEST_FOLDER = 54
"""The longest path of a folder, in characters, in which the paths of sockets stay within the limit (104 on macOS)."""
SHORT_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - tlbench creates a private folder in it


class _Server(ForkServer):
    """A fork server that never sees Ctrl-C: the terminal sends it to all processes, but only the parent handles it."""

    def ensure_running(self) -> None:
        resource_tracker.ensure_running()  # first, because starting it unblocks signals
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            super().ensure_running()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


_starting = threading.Lock()
_servers: dict[str, tuple[ForkServer, dict[str, str]]] = {}
"""Servers by backend, with the environment variables that libraries read when the server started.

Python's default fork server is never used: somebody else may have started it in another environment.
"""


def choose_backend(backend: str) -> None:
    """Set the environment variables that choose the backend when Keras is imported in this process.

    Raises:
        UserError: Keras has been imported here with another backend.
    """
    keras = sys.modules.get("keras")
    loaded = backend if keras is None else keras.config.backend()
    if loaded != backend:
        raise UserError(
            f"Keras is imported in this process with backend {loaded} and cannot change it to {backend}; "
            "run the suite in a process of its own"
        )
    for key, value in (QUIET | SHARE_THE_GPU).items():
        os.environ.setdefault(key, value)
    os.environ["KERAS_BACKEND"] = backend


def need_backend(backend: str, what: str = "backend") -> None:
    """Check, without importing it, that the package of `backend` is installed.

    Args:
        backend: the backend.
        what: what needs it, for the message.

    Raises:
        UserError: it is not installed for this Python.
    """
    try:
        spec = importlib.util.find_spec(backend)
    except ValueError:  # sys.modules has a stand-in without a spec
        return
    if spec is None or spec.origin is None:  # no origin: a folder of that name without code
        how = "tensorflow" if backend == "tensorflow" else f"'tlbench[{backend}]'"
        raise UserError(f"{what}: {backend} is not installed for {sys.executable}; pip install {how}")


def start_server(backend: str) -> None:
    """Start the server of a backend unless it runs, without waiting until it has imported the framework.

    The environment of this process does not change; it may use Keras with another backend.
    """
    with surroundings(backend) as server:
        server.ensure_running()


def kill_servers() -> None:
    """Kill all servers. Threads that wait for one to load notice at once; running children survive."""
    for server, _ in tuple(_servers.values()):
        if (pid := server._forkserver_pid) is not None:  # type: ignore[attr-defined]
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _server(backend: str, environment: Mapping[str, str]) -> ForkServer:
    """The server of a backend, replaced if settings in the environment changed, as when a notebook hides a GPU."""
    server, settings = _servers.get(backend, (None, {}))
    if server is None or settings != settings_in(environment):
        if server is not None:  # ends with its last child
            threading.Thread(target=server._stop, daemon=True).start()  # type: ignore[attr-defined]
        server = _Server()
        server.set_forkserver_preload([PRELOAD])
        _servers[backend] = server, settings_in(environment)
    return server


@contextmanager
def surroundings(backend: str) -> Iterator[ForkServer]:
    """A context in which a backend's server, or a child of it, starts in the environment that this module promises.

    multiprocessing takes that environment from global state of this process, so it is changed while something starts,
    visibly to other threads, and restored afterwards. This includes the main module: a child would import it again
    unless it has neither a file nor a spec, and a script that calls `tlbench.run` without a ``__main__`` guard would
    call it again in every child.

    Yields:
        The server of the backend, which need not be running yet.
    """
    with _starting:
        main, temporary_folder, path = vars(sys.modules["__main__"]), tempfile.tempdir, sys.path
        default_connect = forkserver.connect_to_new_process
        kept = {name: value for name, value in main.items() if name in {"__file__", "__spec__"}}
        before = dict(os.environ)
        try:
            temporary.folder(tempfile.gettempdir())  # made now, so that the server knows the folder of its children
            tempfile.tempdir = temporary.folder(socket_folder(tempfile.gettempdir()))
            os.environ.update(variables(backend, before) | {temporary.VARIABLE: temporary.folders()})
            server = _server(backend, before)
            forkserver.connect_to_new_process = server.connect_to_new_process  # Process.start calls it
            sys.path = importable(path, str(Path.cwd()))
            main.pop("__file__", None)
            main["__spec__"] = None
            yield server
        finally:
            forkserver.connect_to_new_process = default_connect
            main.update(kept)
            sys.path, tempfile.tempdir = path, temporary_folder
            for name in os.environ.keys() - before.keys():
                del os.environ[name]
            os.environ.update(before)


def variables(backend: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment variables that children have in place of those in `environment`.

    KERAS_HOME is a folder of the cache, because the user's `keras.json` could change results or break the import.
    Empty entries of PYTHONPATH, which stand for the working directory, are removed.
    """
    ours = {name: environment.get(name, value) for name, value in (QUIET | SHARE_THE_GPU | FORKED).items()}
    ours |= {"PYTHONSAFEPATH": "1", "KERAS_HOME": str(cache_dir().absolute() / "keras")}
    if "PYTHONPATH" in environment:
        ours["PYTHONPATH"] = os.pathsep.join(filter(None, environment["PYTHONPATH"].split(os.pathsep)))
    if backend == "torch" and environment.get(VISIBLE, "").startswith("MIG-"):
        # NVML does not count MIG slices, so torch would fall back to the CUDA runtime when Keras looks for a GPU.
        ours["KERAS_TORCH_DEVICE"] = environment.get("KERAS_TORCH_DEVICE", "cuda")
    return ours | _threads(environment) | {"KERAS_BACKEND": backend}


def _threads(environment: Mapping[str, str]) -> dict[str, str]:
    """Limits on threads where a container's CPU quota allows fewer than the cores that libraries see."""
    usable = usable_cores()
    return {name: environment.get(name, str(usable)) for name in THREADS} if usable < allowed_cores() else {}


def importable(path: Sequence[str], working_directory: str) -> list[str]:
    """The entries of `sys.path` in `path` without the working directory that Python puts first, and with tlbench."""
    rest = path[1:] if path and path[0] == working_directory else path
    kept = [entry for entry in rest if entry]
    return kept if HERE in kept else [*kept, HERE]


def socket_folder(usual: str, short: Sequence[str] = SHORT_FOLDERS) -> str:
    """A writable folder with a path short enough for sockets: `usual`, or else the first suitable one of `short`.

    Raises:
        UserError: there is none.
    """
    for folder in (usual, *short):
        if len(os.fsencode(folder)) <= LONGEST_FOLDER and os.access(folder, os.W_OK | os.X_OK):
            return folder
    raise UserError(
        f"the folder of temporary files has a path of {len(usual)} characters, too long for the sockets of worker "
        f"processes: {usual}; set TMPDIR to one of at most {LONGEST_FOLDER}"
    )

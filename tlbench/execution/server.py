"""The fork servers, which have the framework loaded, and what they and their children find around them.

Each backend has a server of its own, so that models of several can be there side by side. Their surroundings are ours:
they import nothing from the working directory, read no `keras.json` of the user's, have their Keras backend, and their
sockets fit however long the path of temporary files is.
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
"""Models that take turns are in memory together; each backend would take all of a GPU's for itself."""
FORKED = {"PYTORCH_NVML_BASED_CUDA_CHECK": "1"}
"""Keras asks torch for a GPU while it is imported. The CUDA runtime, if it answered, would be of no use in a process
that is forked afterwards; the driver's library can answer too (https://docs.pytorch.org/docs/stable/notes/cuda.html).
"""
HERE = str(Path(__file__).resolve().parents[2])
LONGEST_FOLDER = 54
"""Characters of a folder in which sockets, two folders below, still have names that systems allow (104 on macOS)."""
SHORT_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - a folder of its own is made there


class _Server(ForkServer):
    """One that is deaf to Ctrl-C from its first moment: a terminal sends that to it too, and its parent answers."""

    def ensure_running(self) -> None:
        resource_tracker.ensure_running()  # whose own start lets signals through again
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            super().ensure_running()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


_starting = threading.Lock()
_servers: dict[str, tuple[ForkServer, dict[str, str]]] = {}
"""By backend, with the variables that libraries took settings from when it was started: children have those of their
server. None is Python's own one, which somebody else may have started with other modules and surroundings.
"""


def choose_backend(backend: str) -> None:
    """Set what Keras and its backend read from the environment when they are imported in this process.

    Raises UserError where Keras is imported here already, with another backend.
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
    """Raise UserError where the package of `backend` is not installed for this Python. Imports nothing.

    what: needs it.
    """
    try:
        spec = importlib.util.find_spec(backend)
    except ValueError:  # something that has no spec stands for it in this process
        return
    if spec is None or spec.origin is None:  # a folder of that name, without code
        how = "tensorflow" if backend == "tensorflow" else f"'tlbench[{backend}]'"
        raise UserError(f"{what}: {backend} is not installed for {sys.executable}; pip install {how}")


def start_server(backend: str) -> None:
    """Start the server of a backend, which begins to import the framework; returns at once, also where it runs already.

    The Keras backend is the server's alone: this process may have another, and its environment stays as it is.
    """
    with surroundings(backend) as server:
        server.ensure_running()


def stop_servers() -> None:
    """End them, once they have no children any more."""
    while _servers:
        _, (server, _) = _servers.popitem()
        server._stop()  # type: ignore[attr-defined]


def kill_servers() -> None:
    """Kill them: who waits for one that still loads hears of it at once. Children that run live on."""
    for server, _ in tuple(_servers.values()):
        if (pid := server._forkserver_pid) is not None:  # type: ignore[attr-defined]
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _server(backend: str, environment: Mapping[str, str]) -> ForkServer:
    """The server of a backend; another one where `environment` has other settings: a notebook may hide the GPU."""
    server, settings = _servers.get(backend, (None, {}))
    if server is None or settings != settings_in(environment):
        if server is not None:  # it ends when its last child has
            threading.Thread(target=server._stop, daemon=True).start()  # type: ignore[attr-defined]
        server = _Server()
        server.set_forkserver_preload([PRELOAD])
        _servers[backend] = server, settings_in(environment)
    return server


@contextmanager
def surroundings(backend: str) -> Iterator[ForkServer]:
    """What is started inside, a backend's server or a child of it, has the surroundings that this module promises.

    A child imports the main module of its parent again, unless that has neither a file nor a spec. Children need
    nothing of it, and a script that calls `tlbench.run` without a guard would call it again in each. All of this is
    taken from this process's own state, which other threads see changed for the moment that a start takes.
    """
    with _starting:
        main, usual, path = vars(sys.modules["__main__"]), tempfile.tempdir, sys.path
        python_s = forkserver.connect_to_new_process
        kept = {name: value for name, value in main.items() if name in {"__file__", "__spec__"}}
        before = dict(os.environ)
        try:
            temporary.folder(tempfile.gettempdir())  # of children, which the server is to know of
            tempfile.tempdir = temporary.folder(socket_folder(tempfile.gettempdir()))
            os.environ.update(variables(backend, before) | {temporary.VARIABLE: temporary.folders()})
            server = _server(backend, before)
            forkserver.connect_to_new_process = server.connect_to_new_process  # which starting a child calls
            sys.path = importable(path, str(Path.cwd()))
            main.pop("__file__", None)
            main["__spec__"] = None
            yield server
        finally:
            forkserver.connect_to_new_process = python_s
            main.update(kept)
            sys.path, tempfile.tempdir = path, usual
            for name in os.environ.keys() - before.keys():
                del os.environ[name]
            os.environ.update(before)


def variables(backend: str, environment: Mapping[str, str]) -> dict[str, str]:
    """What children find in their environment in the place of what `environment` has.

    KERAS_HOME is a folder of the cache: a `keras.json` of the user's would change numbers, or keep Keras from loading.
    An empty part of PYTHONPATH stands for the working directory.
    """
    ours = {name: environment.get(name, value) for name, value in (QUIET | SHARE_THE_GPU | FORKED).items()}
    ours |= {"PYTHONSAFEPATH": "1", "KERAS_HOME": str(cache_dir().absolute() / "keras")}
    if "PYTHONPATH" in environment:
        ours["PYTHONPATH"] = os.pathsep.join(filter(None, environment["PYTHONPATH"].split(os.pathsep)))
    if backend == "torch" and environment.get(VISIBLE, "").startswith("MIG-"):
        # NVML counts no parts of cards: torch, asked by Keras for a GPU, would ask the CUDA runtime all the same.
        ours["KERAS_TORCH_DEVICE"] = environment.get("KERAS_TORCH_DEVICE", "cuda")
    return ours | _threads(environment) | {"KERAS_BACKEND": backend}


def _threads(environment: Mapping[str, str]) -> dict[str, str]:
    """As many threads as a container's quota feeds, where libraries would start one for each core they see."""
    usable = usable_cores()
    return {name: environment.get(name, str(usable)) for name in THREADS} if usable < allowed_cores() else {}


def importable(path: Sequence[str], working_directory: str) -> list[str]:
    """`path`, as in `sys.path`, without the working directory where Python put it, first; tlbench can be found."""
    first = path[1:] if path and path[0] == working_directory else path
    kept = [entry for entry in first if entry]
    return kept if HERE in kept else [*kept, HERE]


def socket_folder(usual: str, short: Sequence[str] = SHORT_FOLDERS) -> str:
    """The folder of temporary files, or a shorter one where the names of sockets in it would be too long.

    Raises UserError where there is none.
    """
    for folder in (usual, *short):
        if len(os.fsencode(folder)) <= LONGEST_FOLDER and os.access(folder, os.W_OK | os.X_OK):
            return folder
    raise UserError(
        f"the folder of temporary files has a path of {len(usual)} characters, too long for the sockets of worker "
        f"processes: {usual}; set TMPDIR to one of at most {LONGEST_FOLDER}"
    )

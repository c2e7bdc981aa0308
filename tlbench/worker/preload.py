"""The module that the fork server imports before it forks children. It loads the framework.

It must not run any operation of the framework, because that starts threads, which do not survive a fork.
"""

import atexit
import gc
import importlib
import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from tlbench.execution import temporary
from tlbench.execution.entry_points import RUN_GROUP, SERVE_TIMER

LOOK = 0.5
"""Seconds between two checks whether the parent is alive, while modules load."""
PARENT_ENDS = 1.0
"""Seconds that the parent may take to end after it has closed its last pipe."""
UNUSED = ("pandas", "sklearn")
"""Packages that Keras imports if they are installed, which takes a second, but that no worker uses."""
MODULES = ("keras", "keras.applications", *(name.partition(":")[0] for name in (RUN_GROUP, SERVE_TIMER)))


def import_quietly() -> None:
    """Import the framework with its output on stderr discarded.

    TensorFlow's C++ libraries print while they load, at any log level. If a module is missing, a child will import it
    again, with its output in the log. Any other error ends this process silently; `execution/loading.py` then repeats
    the import to find out why.
    """
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    gc.disable()  # objects of modules are never garbage
    try:
        with left_out(UNUSED):
            for name in MODULES:
                importlib.import_module(name)
    except ImportError:
        raise
    except Exception:  # noqa: BLE001 - mostly MemoryError and its consequences
        os._exit(1)
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
        gc.freeze()  # children collect only their own objects, and keep sharing the pages of these
        gc.enable()


@contextmanager
def left_out(names: Iterable[str]) -> Iterator[None]:
    """Make packages that are not imported yet look as if they were not installed."""
    hidden: dict[str, Any] = {name: None for name in names if name not in sys.modules}
    sys.modules.update(hidden)
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


def clean_up() -> None:
    """Remove the temporary folders of the parent if it has ended; a parent that is killed cannot do so itself."""
    deadline = time.monotonic() + PARENT_ENDS
    while not _orphaned():  # the kernel closes pipes a moment before it reparents children
        if time.monotonic() > deadline:
            return
        time.sleep(0.01)
    temporary.remove(_said())


def _said() -> str:
    return os.environ.get(temporary.VARIABLE, "")


def _orphaned() -> bool:
    """Whether the process that started this one has ended; False if that process is unknown."""
    parent = temporary.owner(_said())
    return parent is not None and os.getppid() != parent


@contextmanager
def ended_with_its_parent() -> Iterator[None]:
    """End this process if its parent ends during the ``with`` block. Later the fork server notices that by itself.

    The thread that checks has ended before anything is forked.
    """
    loaded = threading.Event()

    def look() -> None:
        while not _orphaned():
            if loaded.wait(LOOK):
                return
        clean_up()
        os._exit(1)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        loaded.set()
        thread.join()


with ended_with_its_parent():
    import_quietly()
atexit.register(os._exit, 0)  # skip the teardown of the framework: for a second, it would keep a pipe to `tlbench` open
atexit.register(clean_up)

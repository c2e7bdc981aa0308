"""What the fork server imports once for all children. It must run no operation: threads do not survive a fork."""

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
"""Seconds between two looks at whether the parent lives, while modules load."""
PARENT_ENDS = 1.0
"""Seconds that a parent may take to end after its last pipe was closed."""
UNUSED = ("pandas", "sklearn")
"""Keras imports them where they are installed, a second in all, for data and wrappers that no worker has."""
MODULES = ("keras", "keras.applications", *(name.partition(":")[0] for name in (RUN_GROUP, SERVE_TIMER)))


def import_quietly() -> None:
    """Import the framework with the file descriptor of stderr closed to it.

    TensorFlow's C++ libraries print there as they load, whatever the log level. A child that misses a module imports it
    again with its output in the log; any other exception ends this process without a word, since a second attempt tells
    why (execution/loading.py).
    """
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    gc.disable()  # modules are made to stay
    try:
        with left_out(UNUSED):
            for name in MODULES:
                importlib.import_module(name)
    except ImportError:
        raise
    except Exception:  # noqa: BLE001 - MemoryError and what follows from it, most of all
        os._exit(1)
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
        gc.freeze()  # children look for garbage in what they have made, and share the pages of the rest
        gc.enable()


@contextmanager
def left_out(names: Iterable[str]) -> Iterator[None]:
    """As if packages that nobody has imported yet were not installed."""
    hidden: dict[str, Any] = {name: None for name in names if name not in sys.modules}
    sys.modules.update(hidden)
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


def clean_up() -> None:
    """Remove what the parent left, where it has ended: one that is killed cannot do so itself."""
    deadline = time.monotonic() + PARENT_ENDS
    while not _orphaned():  # the kernel closes pipes a moment before children have another parent
        if time.monotonic() > deadline:
            return
        time.sleep(0.01)
    temporary.remove(_said())


def _said() -> str:
    return os.environ.get(temporary.VARIABLE, "")


def _orphaned() -> bool:
    """Whether the process that started this one has ended; False where it has not told who it is."""
    parent = temporary.owner(_said())
    return parent is not None and os.getppid() != parent


@contextmanager
def ended_with_its_parent() -> Iterator[None]:
    """End this process where its parent ends meanwhile: only what is loaded hears of that by itself.

    The thread that looks is gone before anything is forked.
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
atexit.register(os._exit, 0)  # the framework's own teardown takes a second, in which a pipe to `tlbench` stays open
atexit.register(clean_up)

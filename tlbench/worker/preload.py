"""What the fork server imports once for all children. It must run no operation: threads do not survive a fork."""

import atexit
import importlib
import os
import sys

from tlbench.execution.entry_points import RUN_GROUP, SERVE_TIMER

MODULES = ("keras", "keras.applications", *(name.partition(":")[0] for name in (RUN_GROUP, SERVE_TIMER)))


def import_quietly() -> None:
    """Import the framework with the file descriptor of stderr closed to it.

    TensorFlow's C++ libraries print there as they load, whatever the log level; an exception still shows,
    since a child that misses a module imports it again with its output in the log.
    """
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        for name in MODULES:
            importlib.import_module(name)
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


import_quietly()
atexit.register(os._exit, 0)  # the framework's own teardown takes a second, in which a pipe to `tlbench` stays open

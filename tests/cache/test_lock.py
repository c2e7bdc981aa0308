"""A lock ends with its process, not a moment before."""

import subprocess
import sys
from pathlib import Path

HELD_TO_THE_END = """
import atexit, sys
from pathlib import Path

def look():  # what was registered first runs last
    from tlbench.cache import lock
    print(lock.try_exclusive(Path(sys.argv[1])))

atexit.register(look)
from tlbench.cache import lock
held = lock.exclusive(Path(sys.argv[1]))
"""


def test_a_lock_is_held_while_a_process_tidies_up(tmp_path: Path) -> None:
    """Another process that begins just then would take what the lock guards for left behind, and remove it."""
    command = [sys.executable, "-c", HELD_TO_THE_END, str(tmp_path / "one.lock")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("None\n", "")

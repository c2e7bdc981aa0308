"""What this process may use of the machine, and who goes first on it."""

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tlbench.host.resources import BEHIND, give_way


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has niceness of threads")
def test_a_thread_that_gives_way_does_so_alone() -> None:
    before = niceness()
    with ThreadPoolExecutor(1, initializer=give_way) as pool:
        assert pool.submit(niceness).result() == min(19, before + BEHIND)
    assert niceness() == before

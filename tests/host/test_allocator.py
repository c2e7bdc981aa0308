"""A process that trains keeps what it frees; nobody's own choice of an allocator is changed."""

import platform
import subprocess
import sys

import pytest

from tlbench.host import allocator

CHURN = """
import ctypes
from tlbench.host.allocator import keep_memory, usage
{first}
size, libc = 48 * 2**20, ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]

def churn():
    block = libc.malloc(ctypes.c_size_t(size))
    ctypes.memset(block, 1, size)
    libc.free(block)

churn()
before = usage()
for _ in range(5):
    churn()
print(usage().since(before, 5).faults)
"""


def faults(first: str) -> float:
    """Page faults of asking for 48 MiB, filling and freeing them, once it was done before."""
    done = subprocess.run([sys.executable, "-c", CHURN.format(first=first)], capture_output=True, text=True, check=True)
    return float(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="what is set is glibc's")
def test_memory_that_is_kept_costs_no_faults_when_it_is_asked_for_again() -> None:
    assert faults("pass") > 20 * max(1.0, faults("assert keep_memory({})"))


@pytest.mark.parametrize("name", ["MALLOC_ARENA_MAX", "GLIBC_TUNABLES", "LD_PRELOAD"])
def test_who_chose_an_allocator_keeps_it(name: str) -> None:
    assert allocator.keep_memory({name: "x"}) is None

"""A framework that does not load is told for what it is."""

import subprocess
import sys

import pytest

from tlbench.execution.loading import Attempt, _last_line, reason

AVX = "The TensorFlow library was compiled to use AVX instructions, but these aren't available on your machine."


@pytest.mark.parametrize(
    ("attempt", "flags", "limits", "words"),
    [
        (Attempt(-4, ""), {"sse2"}, {}, ["SIGILL", "this CPU has no AVX", "install a build for this CPU"]),
        (Attempt(-6, AVX), {"sse2"}, {}, ["SIGABRT", "this CPU has no AVX"]),
        (Attempt(-4, ""), {"avx"}, {}, ["SIGILL", "lacks an instruction"]),
        (Attempt(-4, ""), (), {}, ["SIGILL", "lacks an instruction"]),
        (Attempt(-9, ""), (), {}, ["SIGKILL", "memory ran out"]),
        (Attempt(-9, ""), (), {"-v": 1_536_000_000}, ["SIGKILL", "ulimit -v 1500000", "raise the limit"]),
        (Attempt(1, "x\nMemoryError\n"), (), {"-d": 1024}, ["exit code 1", "ulimit -d 1"]),
        (Attempt(1, "ImportError: libm.so.9: cannot open shared object file: No such file"), (), {}, ["libm.so.9"]),
        (
            Attempt(1, "Traceback\n  File\nRuntimeError: numpy 3 is too new\n"),
            (),
            {},
            ["RuntimeError: numpy 3 is too new"],
        ),
        (Attempt(1, "ImportError: x.so: failed to map segment from shared object"), (), {"-v": 1024}, ["ulimit -v 1"]),
        (Attempt(-11, "Fatal Python error"), (), {}, ["SIGSEGV", "does not fit"]),
    ],
)
def test_reasons(attempt: Attempt, flags: set[str], limits: dict[str, int], words: list[str]) -> None:
    said = reason(attempt, flags, limits)
    assert said.startswith("Keras cannot be loaded: the process that imports it ended with")
    assert "\n" not in said
    assert [word for word in words if word not in said] == []


def test_without_a_log_the_line_that_says_why_is_told() -> None:
    dump = "Fatal Python error: Illegal instruction\n\nCurrent thread 0x1:\n  File x\n\nExtension modules: numpy (total: 1)\n"
    assert _last_line(dump) == "Fatal Python error: Illegal instruction"
    assert _last_line("Traceback\nMemoryError\n") == "MemoryError"


def test_a_server_whose_framework_does_not_load_ends_without_a_word_and_a_missing_module_is_left_to_children() -> None:
    program = (
        "import sys, tests.light_preload\n"
        "from tlbench.worker import preload\n"
        "def load(name): raise {error}('from the framework')\n"
        "preload.importlib.import_module = load\n"
        "preload.import_quietly()\n"
    )
    ends = {}
    for error in ("MemoryError", "SystemError", "ImportError"):
        done = subprocess.run([sys.executable, "-c", program.format(error=error)], capture_output=True, text=True)
        ends[error] = done.stderr.strip()[-len("from the framework") :]
    assert ends == {"MemoryError": "", "SystemError": "", "ImportError": "from the framework"}

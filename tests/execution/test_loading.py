"""A framework that does not load is told for what it is."""

import pytest

from tlbench.execution.loading import Attempt, reason

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

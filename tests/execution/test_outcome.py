"""How a child ended decides the record's status, and every failure says what to do next."""

import signal

import pytest

from tlbench.execution.outcome import LONGEST_MESSAGE, Died, Outcome, Raised, TimedOut, TooLarge, failure


@pytest.mark.parametrize(
    ("outcome", "status", "advice"),
    [
        (TimedOut(60), "timeout", "timeout"),
        (Died(-signal.SIGKILL), "killed", "batch_size"),
        (Died(-signal.SIGSEGV), "killed", "--select"),
        (Died(3), "killed", "--select"),
        (Died(-signal.SIGKILL, for_memory=True), "oom", "give the container more memory"),
        (TooLarge(4 * 10**9, 5 * 10**9), "oom", "Raise `memory`"),
        (Raised("InternalError", "CUDA_ERROR_OUT_OF_MEMORY: failed", ""), "oom", "The device's memory ran out"),
        (Raised("OutOfMemoryError", "CUDA out of memory. Tried to allocate", ""), "oom", "The device's memory"),
        (Raised("ImportError", "libx.so: cannot open shared object file", ""), "failed", "missing here"),
        (Raised("ModuleNotFoundError", "No module named 'jax'", ""), "failed", "pip install 'tlbench[jax]'"),
        (Raised("ModuleNotFoundError", "No module named 'jaxlib.x'", ""), "failed", "pip install 'tlbench[jax]'"),
        (Raised("ModuleNotFoundError", "No module named 'torch'", ""), "failed", "pip install 'tlbench[torch]'"),
        (Raised("ModuleNotFoundError", "No module named 'torchvision'", ""), "failed", "missing here"),
        (Raised("MemoryError", "", ""), "oom", "The machine's memory ran out"),
        (Raised("ResourceExhaustedError", "OOM when allocating tensor", ""), "oom", "batch_size"),
        (Raised("XlaRuntimeError", "RESOURCE_EXHAUSTED: Out of memory", ""), "oom", "batch_size"),
        (
            Raised("JaxRuntimeError", "RESOURCE_EXHAUSTED: Out of memory allocating 8 bytes.", ""),
            "oom",
            "The machine's",
        ),
        (
            Raised("JaxRuntimeError", "RESOURCE_EXHAUSTED: Out of memory while trying to allocate 8 bytes", ""),
            "oom",
            "The device's memory",
        ),
        (
            Raised(
                "ResourceExhaustedError",
                "OOM when allocating tensor with shape[8] on /job:localhost/task:0/device:CPU:0 by allocator cpu",
                "",
            ),
            "oom",
            "The machine's memory",
        ),
        (
            Raised(
                "ResourceExhaustedError",
                "OOM when allocating tensor with shape[8] on /job:localhost/task:0/device:GPU:0 by allocator GPU_0_bfc",
                "",
            ),
            "oom",
            "The device's memory",
        ),
        (
            Raised(
                "RuntimeError",
                "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to "
                "allocate 70368744177664 bytes. Error code 12 (Cannot allocate memory)",
                "",
            ),
            "oom",
            "The machine's memory",
        ),
        (
            Raised("RuntimeError", "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling", ""),
            "oom",
            "Most often the d",
        ),
        (Raised("RuntimeError", "cuDNN error: CUDNN_STATUS_NOT_INITIALIZED", ""), "oom", "do not fit the driver"),
        (Raised("XlaRuntimeError", "FAILED_PRECONDITION: DNN library initialization failed.", ""), "oom", "Most often"),
        (Raised("RuntimeError", "Unable to find an engine to execute this computation", ""), "oom", "Most often"),
        (Raised("UserError", "image_size 16 is too small", "", user_error=True), "invalid", "suite"),
        (Raised("ValueError", "shapes differ", ""), "failed", "traceback"),
    ],
)
def test_status_and_advice(outcome: Outcome, status: str, advice: str) -> None:
    found, why = failure(outcome)
    assert found == status
    assert why.message
    assert advice in why.advice


def test_a_crash_names_its_signal_and_its_log() -> None:
    _, why = failure(Died(-signal.SIGSEGV), "logs/abc.log")
    assert why.type == "SIGSEGV"
    assert "logs/abc.log" in why.advice


def test_a_message_of_any_length_stays_readable() -> None:
    _, why = failure(Raised("ValueError", "x" * 100_000, ""))
    assert len(why.message) == LONGEST_MESSAGE
    assert why.message.endswith("…")

"""Work for child processes in tests: each function stands for one way a worker can end."""

import os
import signal
import sys
import time
from typing import Any

import numpy as np

from tlbench.errors import UserError


def double(payload: Any, send: Any) -> Any:
    for step in range(3):
        send(step)
    return payload * 2


def plain(payload: dict[str, Any]) -> dict[str, Any]:
    return {"seen": payload}


def refuse(payload: dict[str, Any]) -> dict[str, Any]:
    raise UserError(f"no {payload['what']} here")


def fail(payload: Any, send: Any) -> Any:
    raise ValueError(f"cannot use {payload}")


def leave(payload: Any, send: Any) -> Any:
    os._exit(payload)


def killed(payload: Any, send: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def chatter(payload: Any, send: Any) -> Any:
    while True:
        send("still here")
        time.sleep(0.01)


def write(payload: Any, send: Any) -> Any:
    print("to stdout")
    print("to stderr", file=sys.stderr)
    os.write(2, b"from C\n")


def echo(payload: Any, channel: Any) -> Any:
    while (message := channel.receive()) is not None:
        channel(payload + message)
    return "bye"


def echo_once_and_die(payload: Any, channel: Any) -> Any:
    channel(channel.receive())
    os.kill(os.getpid(), signal.SIGKILL)


def cell_beside(payload: Any, send: Any) -> Any:
    """A cell, trained while so many bytes are held."""
    from tlbench.execution.worker import run_cell

    job, size = payload
    held = np.ones(size, dtype=np.uint8)
    finished = run_cell(job, send)
    assert held.size == size
    return finished


def tell_pid_and_sleep(payload: Any, send: Any) -> Any:
    send(os.getpid())
    time.sleep(60)


def harness_and_bare_loop(payload: Any, send: Any) -> Any:
    """Medians of turns taken by the harness and by a loop written by hand, one after the other, on one model."""
    from statistics import median

    from tlbench.execution.job import StepJob
    from tlbench.execution.timer import make_call
    from tlbench.measurement import device
    from tlbench.measurement.steps import StepTimer
    from tlbench.modeling.assemble import build
    from tlbench.training.fit import compile_model

    cell, step, pairs = payload
    model = build(cell, 2, None).model
    compile_model(model, cell, False)
    timer = StepTimer(make_call(model, StepJob(step, 32), 0))
    for _ in range(10):
        timer.once()
    images, labels = device.random_batch(model, 32, 0), device.random_labels(model, 32, 0)

    def by_hand() -> float:
        taken = []
        for index in range(6):
            if step == "inference":
                begin = time.perf_counter()
                model.predict_on_batch(images)
                end = time.perf_counter()
            else:
                begin = time.perf_counter()
                logs = model.train_function(iter([(images, labels)]))
                float(logs["loss"])
                end = time.perf_counter()
            if index:
                taken.append(end - begin)
        return median(taken)

    harness, bare = [], []
    for number in range(pairs):
        for way in ("harness", "bare") if number % 2 else ("bare", "harness"):
            if way == "harness":
                harness.append(median(timer.turn()))
            else:
                bare.append(by_hand())
    return harness, bare

"""Work for child processes in tests: each function stands for one way a worker can end."""

import builtins
import errno
import os
import signal
import struct
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from tlbench.core import plugin_files
from tlbench.core.errors import UserError

SHORT_FILE = Path(__file__).parent / "data" / "short_mobilenet.py"


def double(payload: Any, send: Any) -> Any:
    for step in range(3):
        send(step)
    return payload * 2


def callables(payload: list[str], send: Any) -> list[bool]:
    """Which names of functions lead to one, found as a child finds its work."""
    from tlbench.core.plugins import resolve

    return [callable(resolve(name)) for name in payload]


def left_out(payload: list[str], send: Any) -> list[tuple[bool, bool]]:
    """Of packages: whether they are imported as the child begins, and whether they can be."""
    from importlib.util import find_spec

    return [(name in sys.modules, find_spec(name) is not None) for name in payload]


def plain(payload: dict[str, Any]) -> dict[str, Any]:
    return {"seen": payload}


def refuse(payload: dict[str, Any]) -> dict[str, Any]:
    raise UserError(f"no {payload['what']} here")


def fall(payload: dict[str, Any]) -> dict[str, Any]:
    raise getattr(builtins, payload["type"])(payload["message"])


def fail(payload: Any, send: Any) -> Any:
    raise ValueError(f"cannot use {payload}")


def give_up(payload: Any) -> Any:
    raise MemoryError("no memory left")


def start_another(payload: Any, send: Any) -> Any:
    """Starts a program that ends on no SIGTERM, tells both process ids, and ends as asked."""
    import subprocess

    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    other = subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE)
    assert other.stdout is not None
    other.stdout.readline()
    send((os.getpid(), other.pid))
    if payload == "deaf":
        sleep_deaf(None, send)
    if payload == "waits":
        time.sleep(60)


def tell_group(payload: Any, send: Any) -> Any:
    send((os.getpgid(0), os.getsid(0)))


def take_memory(payload: Any, send: Any) -> Any:
    held = np.ones(payload, dtype=np.uint8)
    time.sleep(60)
    return held.size


def leave(payload: Any, send: Any) -> Any:
    os._exit(payload)


def environment(payload: Any, send: Any) -> Any:
    return os.environ.get(payload)


def killed(payload: Any, send: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def killed_in_the_middle_of_a_message(payload: Any, channel: Any) -> Any:
    os.write(channel._connection.fileno(), struct.pack("!i", 1000) + b"half")
    os.kill(os.getpid(), signal.SIGKILL)


def leave_a_file(payload: Any, send: Any) -> Any:
    """In the folder of temporary files, before the end that is asked for."""
    folder = tempfile.mkdtemp()
    Path(folder, "large").write_bytes(bytes(1000))
    send(folder)
    if payload == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if payload == "hangs":
        time.sleep(600)


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
    """A group, trained while so many bytes are held."""
    from tlbench.worker.train import run_group

    group, size = payload
    held = np.ones(size, dtype=np.uint8)
    run_group(group, send)
    assert held.size == size


def cells_whose_features_take(payload: Any, send: Any) -> Any:
    """A group, trained with a feature pass that holds so many more bytes while it runs."""
    from tlbench.worker.bench import Bench
    from tlbench.worker.train import run_group

    group, size = payload
    make = Bench.__init__

    def held_meanwhile(*args: Any) -> None:
        held = np.ones(size, dtype=np.uint8)
        make(*args)
        assert held.size == size

    setattr(Bench, "__init__", held_meanwhile)  # noqa: B010
    run_group(group, send)


def tell_pid_and_sleep(payload: Any, send: Any) -> Any:
    send(os.getpid())
    time.sleep(60)


def sleep_deaf(payload: Any, send: Any) -> Any:
    """Tells its process id and sleeps in C with the interpreter locked, as a stuck framework may: it hears no more."""
    import ctypes

    send(os.getpid())
    ctypes.PyDLL(None).sleep(60)


def harness_and_bare_loop(payload: Any, send: Any) -> Any:
    """Medians of turns taken by the harness and by a loop written by hand, one after the other, on one model."""
    from statistics import median

    from tlbench.measuring.hosts import Pace
    from tlbench.measuring.jobs import StepJob
    from tlbench.measuring.steps import StepTimer
    from tlbench.modeling.assemble import build
    from tlbench.training.compiling import compile_model
    from tlbench.worker import device
    from tlbench.worker.timer import make_call

    cell, step, pairs = payload
    model = build(cell, 2, None).model
    compile_model(model, cell, False)
    timer = StepTimer(make_call(model, StepJob(step=step, batch_size=32), 0))
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
                harness.append(median(timer.turn(Pace(uncounted=1, counted=2))))
            else:
                bare.append(by_hand())
    return harness, bare


def train(group: Any, send: Any) -> None:
    """A group, of which the backbone may be the short one of tests."""
    from tlbench.worker.train import run_group

    plugin_files.load(SHORT_FILE)
    run_group(group, send)


def save_backbone(payload: Any, send: Any) -> None:
    """Random weights in a file, with moving statistics that fit some images: without, rounding is all there is."""
    import keras

    from tlbench.backbones import registry
    from tlbench.modeling.assemble import make_backbone
    from tlbench.modeling.preprocessing import scaling_layers

    plugin_files.load(SHORT_FILE)
    backbone, data, path = payload
    info = registry.get(backbone.name)
    keras.utils.set_random_seed(0)
    pictures = data.splits["train"].open(1.0)[0]
    model = make_backbone(info, backbone.args, pictures.shape[1:], None)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    images = pictures.astype("float32")
    for layer in scaling_layers(info.scaling):
        images = layer(images)
    model(images, training=True)
    model.save_weights(path)


def train_cut_and_whole(group: Any, send: Any) -> Any:
    """The cut's path in each phase, how far training moved a weight, the largest differences of weights and predictions."""
    from dataclasses import replace

    import keras

    from tlbench.modeling.assemble import build
    from tlbench.worker.bench import Bench

    plugin_files.load(SHORT_FILE)
    (job,), sides = group.jobs, []
    for keep in (group.keep, None):
        assembled = build(job.cell, len(job.data.classes), job.weights_path)
        bench = Bench(assembled, replace(group, keep=keep), jit=False)
        begin = [keras.ops.convert_to_numpy(weight.value) for weight in assembled.model.trainable_weights]
        trained = bench.train(job, lambda epoch: None)
        weights = [keras.ops.convert_to_numpy(weight.value) for weight in assembled.model.weights]
        sides.append(([phase.path for phase in trained.phases], weights, bench.predict("test", 16).probabilities))
    end = [keras.ops.convert_to_numpy(weight.value) for weight in assembled.model.trainable_weights]
    (paths, cut, cut_predictions), (_, whole, whole_predictions) = sides
    return paths, _apart(begin, end), _apart(cut, whole), _apart([cut_predictions], [whole_predictions])


def _apart(some: Any, others: Any) -> float:
    return max(float(np.abs(one - other).max()) for one, other in zip(some, others, strict=True))


def train_with_little_memory(payload: Any, send: Any) -> Any:
    """A group, with so many bytes of private memory at most; pages of mapped files are the system's to drop."""
    import resource

    from tlbench.worker.train import run_group

    group, most = payload
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    run_group(group, send)


def train_and_compare(group: Any, send: Any) -> Any:
    """What a training did to the backbone: names of all variables, of those that moved, of those of the part.

    Then the trained parameters and the words of each phase, and whether the low-rank factors are empty.
    """
    from tlbench.modeling.adapters import adapted
    from tlbench.modeling.assemble import build
    from tlbench.worker.bench import Bench

    plugin_files.load(SHORT_FILE)
    (job,) = group.jobs
    assembled = build(job.cell, len(job.data.classes), job.weights_path)
    backbone = assembled.backbone
    part = [one.path for one in backbone.trainable_weights]
    bench = Bench(assembled, group, jit=False)
    begin = [one.numpy() for one in backbone.weights]
    trained = bench.train(job, lambda epoch: None)
    bench.predict("test", 16)
    moved = [one.path for one, old in zip(backbone.weights, begin, strict=True) if not np.array_equal(one.numpy(), old)]
    empty = all(not np.any(layer.lora_kernel_b.numpy()) for layer in adapted(backbone))
    return [one.path for one in backbone.weights], moved, part, trained, empty


def save_classifier(payload: Any, send: Any) -> None:
    """Weights of a backbone with its original classifier, of which those below the classifier are from a file."""
    import keras

    from tlbench.backbones import registry
    from tlbench.modeling.assemble import make_backbone

    plugin_files.load(SHORT_FILE)
    backbone, below, path = payload
    info, shape = registry.get(backbone.name), (48, 48, 3)
    keras.utils.set_random_seed(1)
    whole = make_backbone(info, backbone.args, shape, None, top=True)
    lower = make_backbone(info, backbone.args, shape, below)
    for of_whole, own in zip(whole.layers, lower.layers, strict=False):
        of_whole.set_weights(own.get_weights())
    whole.save_weights(path)


def save_lambda(payload: dict[str, Any]) -> dict[str, Any]:
    """A model whose Lambda layer writes a file wherever it is called."""
    import keras

    ran = payload["ran"]

    def leave_a_trace(images: Any) -> Any:
        Path(ran).touch()
        return images

    inputs = keras.Input((32, 32, 3))
    outputs = keras.layers.Lambda(leave_a_trace)(inputs)
    keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(outputs)).save(payload["path"])
    return {}


def save_without_litert(payload: dict[str, Any]) -> dict[str, Any]:
    """A classifier of two classes with an operation that LiteRT does not have."""
    import keras

    keras.utils.set_random_seed(0)
    inputs = keras.Input((32, 32, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 256)(inputs))
    outputs = keras.layers.Dense(2, activation="softmax")(keras.ops.erfinv(pooled))
    keras.Model(inputs, outputs).save(payload["path"])
    return {}


def save_text(payload: dict[str, Any]) -> dict[str, Any]:
    """A file that is no model."""
    Path(payload["path"]).write_text("no model")
    return {}


def head_of_a_plugin(payload: str, send: Any) -> object:
    """What a plugin file adds as a head in this process."""
    return plugin_files.added("tlbench.heads")[payload].value


def saved_model(payload: dict[str, Any], send: Any) -> str:
    """Where the file of a saved model is."""
    from tlbench.backbones.saved import file_of

    return str(file_of(payload).path)


def played_readings(payload: dict[str, Any]) -> dict[str, Any]:
    """As `tlbench.worker.reference.readings` answers, without a framework."""
    environment = {"identity": {"cpu": "Example CPU"}, "volatile": {}, "versions": {}, "variables": {}}
    device = {"kind": "cpu", "name": "cpu"}
    found = {"backend": "tensorflow", "device": device, "environment": environment}
    return {"readings": [0.01, 0.011, 0.01], **found, "workload": 1}


def fill(file: str, send: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device", file)


def fill_without_a_name(payload: dict[str, Any]) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")

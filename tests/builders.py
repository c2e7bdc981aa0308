"""Hand-made cells and records for tests; every field can be overridden."""

from itertools import count
from typing import Any

from tlbench.core.cell import Cell, Head, Limit, Named, StepName, Timing, Weights
from tlbench.core.training import Training
from tlbench.results.images import DataProvenance
from tlbench.results.measured import Environment, Memory, StepTiming, Timings
from tlbench.results.record import Accuracy, Counts, Failure, PartCounts, Provenance, Record, WeightsProvenance
from tlbench.results.trained import Epoch

CALLS = count()


def cell(**changes: Any) -> Cell:
    fields: dict[str, Any] = {
        "backbone": Named(name="MobileNet", args={"alpha": 0.25}),
        "weights": "imagenet",
        "dataset": Named(name="cats_dogs"),
        "limit": Limit(train=100),
        "strategy": Named(name="frozen"),
        "head": Head(),
        "image_size": 96,
        "train": Training(epochs=3, batch_size=32, optimizer="adam", learning_rate=1e-3),
        "seed": 0,
        "precision": "float32",
        "backend": "tensorflow",
        "jit": "auto",
        "timing": Timing(protocol="quick", batch_size=32, warmup=2, iterations=10, seconds=1.0),
    }
    return Cell(**fields | changes)


def step(kind: StepName = "inference", median: float = 0.02, first_call: float = 1.5, **changes: Any) -> StepTiming:
    samples = tuple(median * factor for factor in (0.9, 0.95, 0.97, 0.99, 1.0, 1.0, 1.01, 1.03, 1.05, 1.1))
    fields: dict[str, Any] = {
        "step": kind,
        "batch_size": 32,
        "measured_with": "0" * 12,
        "first_call": first_call,
        "warmup": (0.03, 0.025),
        "rounds": (samples[:5], samples[5:]),
        "reference": (0.05, 0.051),
        "mean": median,
        "median": median,
        "low": samples[1],
        "high": samples[8],
        "minimum": samples[0],
        "p95": samples[9],
        "normalised": median / 0.0505,
        "models": 3,
        "drift": 0.02,
        "complete": True,
        "doubts": (),
    }
    return StepTiming(**fields | changes)


def timings(device: str = "cpu", inference: float = 0.02, training: float = 0.06) -> Timings:
    return Timings(
        device="gpu" if device == "gpu" else "cpu",
        device_name=device,
        jit=device == "gpu",
        threads=2,
        protocol="quick",
        steps=(step("inference", inference), step("training", training, first_call=12.6)),
    )


def accuracy(correct: int = 186, images: int = 200) -> Accuracy:
    return Accuracy(
        top1=correct / images,
        correct=correct,
        images=images,
        low=0.886,
        high=0.958,
        loss=0.21,
        top5=None,
        macro_f1=0.93,
        calibration_error=0.03,
        confusion=((92, 8), (6, 94)),
        per_class={"cats": 0.92, "dogs": 0.94},
        validation_top1=0.91,
        validation_loss=0.25,
    )


def data(fallback: bool = False) -> DataProvenance:
    return DataProvenance(
        source="synthetic" if fallback else "real",
        fallback=fallback,
        fingerprint="f" * 64,
        classes=("cats", "dogs"),
        counts={split: {"cats": 100, "dogs": 100} for split in ("train", "validation", "test")},
    )


def weights(fallback: bool = False, source: Weights = "random") -> WeightsProvenance:
    if fallback:
        return WeightsProvenance(source=source, fallback=True)
    return WeightsProvenance(source="imagenet", fallback=False, file="mobilenet_2_5_224_tf_no_top.h5", sha256="a" * 64)


def environment(**identity: str) -> Environment:
    machine = {"cpu": "Test CPU", "threads": "2", "memory_gib": "24.0", "os": "Linux 6", "python": "3.11.7"}
    return Environment(identity=machine | identity, volatile={"load_1min": "0.10"}, versions={"keras": "3.15.1"})


def record(of: Cell | None = None, **changes: Any) -> Record:
    of = of or cell()
    fields: dict[str, Any] = {
        "cell_id": of.id,
        "cell": of,
        "status": "ok",
        "environment": environment(),
        "provenance": Provenance(
            tlbench="0.1.0",
            git_commit=None,
            started=f"2026-01-31T12:00:00.{next(CALLS):06}Z",  # each call is a measurement of its own
            finished="2026-01-31T12:00:10Z",
        ),
        "data": data(),
        "weights": weights(),
        "counts": Counts(
            params=219_058,
            trainable=514,
            non_trainable=218_544,
            depth=55,
            size_mb=0.836,
            flops=15_000_000,
            backbone=PartCounts(params=218_544, trainable=0, depth=54, size_mb=0.834, flops=14_998_976),
            head=PartCounts(params=514, trainable=514, depth=1, size_mb=0.002, flops=1024),
        ),
        "accuracy": accuracy(),
        "history": (
            Epoch(epoch=1, loss=0.7, accuracy=0.6, val_loss=0.5, val_accuracy=0.8, learning_rate=1e-3, seconds=2.0),
        ),
        "timings": timings(),
        "phases": {"build": 0.5, "train": 6.0, "evaluate": 1.5},
        "memory": Memory(
            peak=600 * 2**20, start=230 * 2**20, device_peak=None, weights=876_232, gradients=2056, optimizer=4128
        ),
    }
    return Record(**fields | changes)


def failed(of: Cell | None = None, **changes: Any) -> Record:
    nothing: dict[str, Any] = {
        "counts": None,
        "accuracy": None,
        "history": (),
        "timings": None,
        "memory": None,
        "phases": {},
    }
    failure = Failure(type="SIGKILL", message="the process was killed", advice="Lower batch_size.")
    return record(of, **{"status": "killed", "failure": failure, **nothing, **changes})

"""tlbench and a plain careful Keras loop on the same cells, in turn; wall times with start-up on both sides.

    TLBENCH_DATA=... TLBENCH_WEIGHTS=... python benchmarks/against_a_loop.py [case ...]

Every run begins with an empty cache; tlbench runs before and after the loop, since the machine drifts. Prints a line of
Markdown for each case; docs/performance.md has the results.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

V2 = ("MobileNetV2", 0.35, "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5")
V1 = ("MobileNet", 0.25, "mobilenet_2_5_224_tf_no_top.h5")
PARTIAL = {"name": "partial", "trainable": 0.3}
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """Cells that both sides train. `images`: for each class, of the splits train, validation and test."""

    strategies: tuple[str, ...]
    seeds: int = 1
    hidden: tuple[tuple[int, ...], ...] = ((),)
    backbones: tuple[tuple[str, float, str], ...] = (V2,)
    datasets: tuple[str, ...] = ("cats_dogs",)
    size: int = 160
    epochs: int = 10
    images: tuple[int, int, int] = (200, 200, 100)


CASES = {
    "one frozen cell": Case(("frozen",)),
    "one partial cell": Case(("partial",)),
    "one full cell": Case(("full",)),
    "frozen sweep": Case(("frozen",), seeds=5, hidden=((), (64,))),
    "five seeds of a full cell": Case(("full",), seeds=5),
    "small suite": Case(
        ("frozen", "partial", "full"),
        backbones=(V1, V2),
        datasets=("cats_dogs", "intel"),
        size=96,
        epochs=3,
        images=(100, 50, 200),
    ),
    "frozen cell, 2000 images": Case(("frozen",), images=(1000, 250, 500)),
}


def link_images(case: Case, data: Path, target: Path) -> None:
    """The first images of each class, as links, so that both sides read the same files."""
    for name in case.datasets:
        for split, count in zip(("train", "validation", "test"), case.images, strict=True):
            for folder in sorted((data / name / split).iterdir()):
                into = target / name / split / folder.name
                into.mkdir(parents=True)
                for file in sorted(folder.iterdir())[:count]:
                    (into / file.name).symlink_to(file)


def loop(case: Case, data: Path, weights: Path, folder: Path) -> tuple[float, list[float]]:
    """Seconds and accuracies of the plain loop."""
    cells = [
        {"dataset": d, "backbone": name, "alpha": alpha, "weights": file, "strategy": s, "hidden": h, "seed": seed}
        for d in case.datasets
        for name, alpha, file in case.backbones
        for s in case.strategies
        for h in case.hidden
        for seed in range(case.seeds)
    ]
    asked = {"cells": cells, "data": str(data), "weights": str(weights), "size": case.size, "epochs": case.epochs}
    (folder / "cells.json").write_text(json.dumps(asked))
    seconds, said = timed([sys.executable, str(HERE / "plain_loop.py"), str(folder / "cells.json")], os.environ)
    return seconds, json.loads(said.splitlines()[-1])


def tlbench(case: Case, data: Path, weights: Path, folder: Path) -> tuple[float, list[float]]:
    """Seconds and accuracies of `tlbench run`."""
    suite = {
        "name": "against",
        "datasets": [{"name": name, "path": str(data / name)} for name in case.datasets],
        "backbones": [{"name": name, "alpha": alpha} for name, alpha, _ in case.backbones],
        "strategies": [PARTIAL if name == "partial" else name for name in case.strategies],
        "heads": [{"name": "gap", "hidden": list(hidden)} for hidden in case.hidden],
        "image_size": case.size,
        "train": {"epochs": case.epochs, "batch_size": 32},
        "seeds": list(range(case.seeds)),
        "timing": {"protocol": "none"},
    }
    folder.mkdir()
    (folder / "suite.yaml").write_text(json.dumps(suite))
    environment = {**os.environ, "TLBENCH_CACHE": str(folder / "cache"), "TLBENCH_WEIGHTS": str(weights)}
    command = [sys.executable, "-m", "tlbench", "run", str(folder / "suite.yaml"), "--out", str(folder / "run")]
    seconds, _ = timed(command, environment)
    records = [json.loads(file.read_text()) for file in (folder / "run/records").glob("*.json")]
    return seconds, [record.get("record", record)["accuracy"]["top1"] for record in records]


def timed(command: Sequence[str], environment: Mapping[str, str]) -> tuple[float, str]:
    """Wall seconds of a command, and what it printed."""
    begin = time.perf_counter()
    done = subprocess.run(command, env=dict(environment), capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return time.perf_counter() - begin, done.stdout


def main() -> None:
    """Run the cases that are named, or all."""
    weights, data = (Path(os.environ[name]).resolve() for name in ("TLBENCH_WEIGHTS", "TLBENCH_DATA"))
    print("| Case | Cells | Plain loop (s) | tlbench (s) | Times faster | Mean accuracy, loop | tlbench |", flush=True)
    print("|:--|--:|--:|--:|--:|--:|--:|", flush=True)
    for name in sys.argv[1:] or CASES:
        case = CASES[name]
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            link_images(case, data, folder / "data")
            before, found = tlbench(case, folder / "data", weights, folder / "before")
            theirs, expected = loop(case, folder / "data", weights, folder)
            after, _ = tlbench(case, folder / "data", weights, folder / "after")
            ours = (before + after) / 2
        means = [sum(one) / len(one) for one in (expected, found)]
        times = f"{theirs:.1f} | {ours:.1f} | {theirs / ours:.1f}"
        print(f"| {name} | {len(found)} | {times} | {means[0]:.1%} | {means[1]:.1%} |", flush=True)


main()

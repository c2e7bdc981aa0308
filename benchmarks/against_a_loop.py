"""tlbench and Keras' transfer learning guide on the same cells, in pairs; wall and CPU times, start-up on both sides.

    TLBENCH_DATA=... TLBENCH_WEIGHTS=... python benchmarks/against_a_loop.py [--pairs 5] [--cached] [case ...]

Every run begins with an empty cache. In each pair the two sides run one right after the other, in an order that is
turned around every time, since the machine drifts. A case runs by its name: "five seeds of a full cell". Prints a
line of Markdown for each case: the geometric mean of the ratios with its 95 % interval (Student's, of their
logarithms); docs/performance.md has the results. ``--cached``: the opponent keeps features itself.
"""

import argparse
import ctypes
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from scipy import stats

V2 = ("MobileNetV2", 0.35, "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5")
V1 = ("MobileNet", 0.25, "mobilenet_2_5_224_tf_no_top.h5")
PARTIAL = {"name": "partial", "trainable": 0.3}
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """Cells that both sides train. `images`: for each class, of the splits train, validation and test.

    timed: tlbench takes step times as well, which the loop never does: the ratio is then of unequal work.
    """

    strategies: tuple[str, ...]
    seeds: int = 1
    hidden: tuple[tuple[int, ...], ...] = ((),)
    backbones: tuple[tuple[str, float, str], ...] = (V2,)
    datasets: tuple[str, ...] = ("cats_dogs",)
    size: int = 160
    epochs: int = 10
    images: tuple[int, int, int] = (200, 200, 100)
    timed: bool = False


SMALL = Case(
    ("frozen", "partial", "full"),
    backbones=(V1, V2),
    datasets=("cats_dogs", "intel"),
    size=96,
    epochs=3,
    images=(100, 50, 200),
)
CASES = {
    "one frozen cell": Case(("frozen",)),
    "one partial cell": Case(("partial",)),
    "one full cell": Case(("full",)),
    "frozen sweep": Case(("frozen",), seeds=5, hidden=((64,), (128,))),
    "five seeds of a full cell": Case(("full",), seeds=5),
    "small suite": SMALL,
    "small suite with step times": replace(SMALL, timed=True),
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


@dataclass(frozen=True)
class Taken:
    """What one run of one side took, in seconds, and the accuracies it came to."""

    wall: float
    user: float
    system: float
    accuracies: Sequence[float]


def loop(case: Case, data: Path, weights: Path, folder: Path, *, cached: bool) -> Taken:
    """The guide's loop."""
    cells = [
        {"dataset": d, "backbone": name, "alpha": alpha, "weights": file, "strategy": s, "hidden": h, "seed": seed}
        for d in case.datasets
        for name, alpha, file in case.backbones
        for s in case.strategies
        for h in case.hidden
        for seed in range(case.seeds)
    ]
    asked = {"cells": cells, "data": str(data), "weights": str(weights), "size": case.size, "epochs": case.epochs}
    folder.mkdir()
    (folder / "cells.json").write_text(json.dumps(asked | {"cached": cached}))
    command = [sys.executable, str(HERE / "plain_loop.py"), str(folder / "cells.json")]
    taken, said = timed(command, os.environ)
    return Taken(*taken, json.loads(said.splitlines()[-1]))


def tlbench(case: Case, data: Path, weights: Path, folder: Path) -> Taken:
    """`tlbench run`."""
    suite = {
        "name": "against",
        "datasets": [{"name": name, "path": str(data / name)} for name in case.datasets],
        "backbones": [{"name": name, "alpha": alpha} for name, alpha, _ in case.backbones],
        "strategies": [PARTIAL if name == "partial" else name for name in case.strategies],
        "heads": [{"name": "gap", "hidden": list(hidden)} for hidden in case.hidden],
        "image_size": case.size,
        "train": {"epochs": case.epochs, "batch_size": 32},
        "seeds": list(range(case.seeds)),
        "timing": {"protocol": "quick" if case.timed else "none"},
    }
    folder.mkdir()
    (folder / "suite.yaml").write_text(json.dumps(suite))
    environment = {**os.environ, "TLBENCH_CACHE": str(folder / "cache"), "TLBENCH_WEIGHTS": str(weights)}
    command = [sys.executable, "-m", "tlbench", "run", str(folder / "suite.yaml"), "--out", str(folder / "run")]
    taken, _ = timed(command, environment)
    records = [json.loads(file.read_text()) for file in (folder / "run/records").glob("*.json")]
    return Taken(*taken, [record["accuracy"]["top1"] for record in records])


def timed(command: Sequence[str], environment: Mapping[str, str]) -> tuple[tuple[float, float, float], str]:
    """Wall, user and system seconds of a command with all that it started, and what it printed."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, env=dict(environment), capture_output=True, text=True)
    wall = time.perf_counter() - begin
    if done.returncode:
        sys.exit(done.stderr)
    with suppress(ChildProcessError):  # fork servers that outlive the command by a moment are children of this process
        while True:
            os.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (wall, after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime), done.stdout


def ratio(theirs: Sequence[float], ours: Sequence[float]) -> str:
    """``4.1 (3.8 to 4.4)``: how many times `ours` goes into `theirs`, pair by pair; of one pair no interval."""
    logs = [math.log(one / other) for one, other in zip(theirs, ours, strict=True)]
    mean = statistics.fmean(logs)
    if len(logs) == 1:
        return f"{math.exp(mean):.1f}"
    half = stats.t.ppf(0.975, len(logs) - 1) * statistics.stdev(logs) / math.sqrt(len(logs))
    return f"{math.exp(mean):.1f} ({math.exp(mean - half):.1f} to {math.exp(mean + half):.1f})"


def line(name: str, theirs: Sequence[Taken], ours: Sequence[Taken]) -> str:
    """A row of the table."""
    cells = len(ours[0].accuracies)
    wall = [f"{statistics.median(one.wall for one in side):.1f}" for side in (theirs, ours)]
    cpu = [
        f"{statistics.median(one.user + one.system for one in side):.0f} "
        f"({statistics.median(one.system / (one.user + one.system) for one in side):.0%})"
        for side in (theirs, ours)
    ]
    accuracy = [f"{statistics.fmean(a for one in side for a in one.accuracies):.1%}" for side in (theirs, ours)]
    times = ratio([one.wall for one in theirs], [one.wall for one in ours])
    return f"| {' | '.join([name, str(cells), str(len(ours)), *wall, times, *cpu, *accuracy])} |"


def main() -> None:
    """Run the cases that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="case", help=", ".join(CASES))
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--cached", action="store_true")
    asked = parser.parse_args()
    ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER: CPU time of orphans is counted too
    weights, data = (Path(os.environ[name]).resolve() for name in ("TLBENCH_WEIGHTS", "TLBENCH_DATA"))
    print(HEADINGS, flush=True)
    for name in asked.cases or CASES:
        theirs, ours = list[Taken](), list[Taken]()
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            link_images(CASES[name], data, folder / "data")
            for pair in range(asked.pairs):
                for side in ("loop", "tlbench") if pair % 2 else ("tlbench", "loop"):
                    place = folder / f"{side} {pair}"
                    if side == "loop":
                        theirs.append(loop(CASES[name], folder / "data", weights, place, cached=asked.cached))
                    else:
                        ours.append(tlbench(CASES[name], folder / "data", weights, place))
                seconds = f"loop {theirs[-1].wall:.1f} s, tlbench {ours[-1].wall:.1f} s"
                print(f"{name}, pair {pair + 1}: {seconds}", file=sys.stderr, flush=True)
        print(line(name, theirs, ours), flush=True)


HEADINGS = (
    "| Case | Cells | Pairs | Loop (s) | tlbench (s) | Times faster (95 %) | CPU of the loop (s; kernel's share) "
    "| of tlbench | Mean accuracy, loop | tlbench |\n|:--|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
)

if __name__ == "__main__":
    main()

"""How a run grows with its cells, images, classes, image size and workers: CPU time, wall time and memory, and slopes.

    python -m benchmarks.growth [axis ...]

Each point is a whole `tlbench run` from an empty cache, in a process of its own: MobileNet 0.25 with drawn weights on
made-up pixels, heads on the frozen backbone, no step times. Only one thing grows in each row. CPU time is user and
system of the command and all that it starts; memory the largest resident set of one of its processes. The slope is
that of a least-squares line, beside how far the worst point lies from it. Prints a Markdown row for each axis.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

WAITED = """import ctypes, os, resource, subprocess, sys
ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER: orphans are waited for here
code = subprocess.run(sys.argv[1:], stdout=sys.stderr).returncode
try:
    while True:
        os.wait()
except ChildProcessError:
    pass
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
sys.exit(code)"""
"""Runs a command, and prints the CPU seconds and MiB of it and of all that it started."""


@dataclass(frozen=True)
class Point:
    """One run. images: for training, in all. cells: heads with a hidden layer, which differ in their seed and share a
    model, or, apart, in their width and share none.
    """

    at: int
    images: int = 200
    classes: int = 2
    size: int = 32
    cells: int = 1
    apart: bool = False
    workers: int = 1


AXES: Mapping[str, tuple[str, tuple[Point, ...]]] = {
    "cells": ("cell", tuple(Point(count, cells=count) for count in (2, 16, 64, 256))),
    "images": ("1000 images", tuple(Point(count, images=count) for count in (1000, 4000, 16000, 64000))),
    "classes": ("class", tuple(Point(count, images=4000, classes=count) for count in (2, 10, 100, 1000))),
    "image size": ("million pixels an image", tuple(Point(side, size=side) for side in (64, 128, 256, 512))),
    "workers": ("worker", tuple(Point(count, cells=8, apart=True, workers=count) for count in (1, 2))),
}
UNITS = {"images": 1000.0}


def steps_of(axis: str, points: Sequence[Point]) -> list[float]:
    """Where the points lie on the axis, in the unit of the slope."""
    if axis == "image size":
        return [point.at**2 / 1e6 for point in points]
    return [point.at / UNITS.get(axis, 1.0) for point in points]


def made(point: Point, folder: Path) -> Path:
    """The suite of a point, and its images in one npz."""
    generator = np.random.default_rng(0)
    arrays = {}
    for split, count in (("train", point.images), ("val", max(40, point.classes)), ("test", max(40, point.classes))):
        labels = np.arange(count) % point.classes
        shades = generator.integers(0, 256, (point.classes, 1, 1, 3))
        noise = generator.integers(-60, 60, (count, point.size, point.size, 3))
        arrays[f"{split}_images"] = np.clip(shades[labels] + noise, 0, 255).astype(np.uint8)
        arrays[f"{split}_labels"] = labels
    np.savez(folder / "grown.npz", **arrays)
    widths = range(16, 16 + point.cells) if point.apart else [16] if point.cells > 1 else []
    suite = {
        "name": "growth",
        "datasets": {"name": "grown", "npz": str(folder / "grown.npz")},
        "backbones": {"name": "MobileNet", "alpha": 0.25},
        "strategies": "frozen",
        "heads": [{"name": "gap", "hidden": [width]} for width in widths] or "gap",
        "image_size": point.size,
        "train": {"epochs": 1, "batch_size": 32},
        "seeds": list(range(1 if point.apart else point.cells)),
        "timing": {"protocol": "none"},
        "fallback": {"weights": "drawn"},
    }
    (folder / "suite.yaml").write_text(json.dumps(suite))
    return folder / "suite.yaml"


def run(point: Point) -> tuple[float, float, float]:
    """Wall and CPU seconds, and MiB."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        command = ["run", str(made(point, folder)), "--out", str(folder / "run"), "--workers", str(point.workers)]
        environment = {**os.environ, "TLBENCH_CACHE": str(folder / "cache"), "TLBENCH_OFFLINE": "1"}
        begin = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", WAITED, sys.executable, "-m", "tlbench", *command],
            env=environment, capture_output=True, text=True,
        )  # fmt: skip
        wall = time.perf_counter() - begin
        if done.returncode:
            sys.exit(done.stderr)
        cpu, memory = map(float, done.stdout.split())
        return wall, cpu, memory


def slope(at: Sequence[float], values: Sequence[float]) -> str:
    """``0.12 (3%)``: the line's slope, and the worst point's distance from it as a share of that point; of two points
    nothing, for a line goes through them.
    """
    if len(at) < 3:
        return "—"
    line = np.polynomial.Polynomial.fit(at, values, 1).convert()
    apart = np.abs(line(np.array(at)) / np.array(values) - 1).max()
    return f"{line.coef[1]:.2g} ({apart:.0%})"


def main() -> None:
    """Print a row for each axis."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("axes", nargs="*", default=list(AXES), metavar="axis", help=", ".join(AXES))
    asked = parser.parse_args()
    print("| What grows | To | CPU (s) | Wall (s) | MiB | CPU seconds more for each | MiB more for each |")
    print("|:--|:--|:--|:--|:--|:--|:--|")
    for axis in asked.axes:
        each, points = AXES[axis]
        walls, cpus, memories = zip(*(run(point) for point in points), strict=True)
        at = steps_of(axis, points)
        cells = [axis, ", ".join(f"{point.at:,}" for point in points)]
        cells += [", ".join(f"{value:.1f}" for value in row) for row in (cpus, walls)]
        cells += [", ".join(f"{value:.0f}" for value in memories)]
        print(f"| {' | '.join([*cells, *(f'{each}: {slope(at, row)}' for row in (cpus, memories))])} |", flush=True)


main()

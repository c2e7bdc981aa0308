"""Real runs of a suite's gate: `python -m tests.benchmarks.gate_runs FOLDER KIND COUNT [option of tlbench ab ...]`.

KIND `same` compares this environment with itself; `slower` with one in which the training step of the fully trained
MobileNetV2 0.35 with two classes takes 10 % longer, by an extra computation. Each run lies in FOLDER; prints a line of
Markdown for each, with its exit code, seconds and what was not `unchanged`.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.integration.slowed import slowed_python

SUITE = Path("suites/ci.yaml")
SLOWED: dict[str, Any] = {"factor": 1.1, "step": "training", "trainable": 398_690}


def main(folder: Path, kind: str, count: int, options: list[str]) -> None:
    second = "current" if kind == "same" else str(slowed_python(folder / "slowed", **SLOWED).resolve())
    for number in range(1, count + 1):
        place, begin = folder / f"{kind}{number}", time.monotonic()
        command = [sys.executable, "-m", "tlbench", "ab", str(SUITE), "--a", "current", "--b", second]
        done = subprocess.run(
            [*command, "--out", str(place), "--format", "json", *options], stdout=subprocess.PIPE, text=True
        )
        (folder / f"{kind}{number}.json").write_text(done.stdout)
        seconds, found = time.monotonic() - begin, json.loads(done.stdout or '{"cells": []}')
        print(f"| {kind} {number} | {done.returncode} | {seconds:.0f} | {'; '.join(_said(found))} |", flush=True)


def _said(found: dict[str, Any]) -> list[str]:
    said = [
        f"{one['name']} of {cell['cell']} {one['verdict']}, {one['effect']:+.1%}"
        for cell in found["cells"]
        for one in cell["judgements"]
        if one["verdict"] != "unchanged"
    ]
    return said or ["all unchanged"]


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4:])

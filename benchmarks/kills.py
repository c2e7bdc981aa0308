"""Kill a run of 24 tiny cells at random moments and start it again, until all is done; say what was lost.

    python benchmarks/kills.py [--signal SIGKILL] [--kills 20] [--seed 0] [--folder DIR]

A moment is drawn: some seconds after the start (the framework loads, images are decoded), or a part of a second after
so many new records. After each kill: no record that was finished is changed, and 2 s later no process of the run lives
and no temporary file is there. How long the command takes to end at a signal that it answers is told as well.
docs/reliability.md has the figures.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from tlbench.datasets import synthetic
from tlbench.results.store import Store

SUITE = """\
name: kills
datasets: {name: shapes, path: shapes}
backbones: {name: MobileNet, alpha: 0.25, weights: random}
strategies: [frozen, full]
image_size: 32
train: {epochs: 2, batch_size: 16}
seeds: 0-11
timing: {protocol: none}
"""
CELLS = 24
AFTER = 2.0
"""Seconds after a kill when nothing may live."""
LONGEST = 900.0


def ours(mark: str) -> list[int]:
    """Processes of the run: those that have its cache in their environment, zombies left out."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("TLBENCH_CACHE") == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def finished(run: Path) -> dict[str, tuple[int, str]]:
    """When each record that says `ok` was written, and its checksum, by its cell."""
    found = {}
    for path in (run / "records").glob("*.json"):
        content = json.loads(path.read_bytes())
        if content["status"] == "ok":
            found[path.stem] = (path.stat().st_mtime_ns, content["checksum"])
    return found


def wait_for_moment(command: subprocess.Popen[bytes], run: Path, draw: random.Random) -> None:
    """Return at a random moment of the command, or at its end."""
    begin, before = time.monotonic(), len(finished(run))
    early, records = draw.random() < 0.3, draw.randint(0, 2)
    until = begin + (draw.uniform(0.0, 8.0) if early else LONGEST)
    while time.monotonic() < until and command.poll() is None:
        if not early and (run / "run.json").exists() and len(finished(run)) >= before + records:
            until, early = time.monotonic() + draw.uniform(0.0, 1.5), True
        time.sleep(0.02)


def main() -> int:
    """Exit code 1 where a promise was not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--signal", default="SIGKILL", choices=["SIGKILL", "SIGTERM", "SIGHUP", "SIGINT"])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=None)
    asked = parser.parse_args()
    number, draw = signal.Signals[asked.signal], random.Random(f"{asked.signal} {asked.seed}")
    with tempfile.TemporaryDirectory(dir=asked.folder, prefix="kills-") as scratch:
        place = Path(scratch)
        (place / "suite.yaml").write_text(SUITE)
        (place / "tmp").mkdir()
        synthetic.write_tree(place / "shapes", ("stripes", "bars"), {"train": 20, "validation": 6, "test": 10}, 32)
        variables = {**os.environ, "TLBENCH_CACHE": str(place / "cache"), "TMPDIR": str(place / "tmp")}
        arguments = [sys.executable, "-m", "tlbench", "run", str(place / "suite.yaml"), "--out", str(place / "run")]
        killed = orphans = left = changed = 0
        longest = 0.0
        done: dict[str, tuple[int, str]] = {}
        while True:
            command = subprocess.Popen(
                arguments, cwd=place, env=variables, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
            )
            if killed < asked.kills:
                wait_for_moment(command, place / "run", draw)
            if killed == asked.kills or command.poll() is not None:
                code = command.wait()
                break
            command.send_signal(number)
            sent = time.monotonic()
            command.wait()
            took = time.monotonic() - sent
            longest = max(longest, took)
            time.sleep(max(0.0, sent + AFTER - time.monotonic()))
            killed += 1
            orphans += bool(living := ours(variables["TLBENCH_CACHE"]))
            left += bool(files := sorted(path.name for path in (place / "tmp").iterdir()))
            now = finished(place / "run")
            changed += sum(now.get(cell) != before for cell, before in done.items())
            done = now
            ended = f"ended after {took:.1f} s"
            print(f"{asked.signal} {killed}: {len(done)} records, {ended}, alive {living}, files {files}", flush=True)
        records = Store(place / "run").read_all()
        good = sum(record.status == "ok" for record in records.records)
        again = sum(finished(place / "run").get(cell) != before for cell, before in done.items()) + changed
    print(
        f"{asked.signal}: killed {killed} times; {good} of {CELLS} records good, {len(records.set_aside)} damaged, "
        f"{again} finished ones made again; orphans after {AFTER:g} s in {orphans} of {killed}, files left in {left}; "
        f"the command ended within {longest:.1f} s; the last run exited with {code}"
    )
    return int(good != CELLS or bool(again or orphans or left or records.set_aside))


if __name__ == "__main__":
    sys.exit(main())

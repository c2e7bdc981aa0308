"""Take the noise out of real A/A measurements: `python -m tests.benchmarks.record_noise AB_FOLDER... > aa_rounds.json`.

Each folder is one of `tlbench ab SUITE --a current --out FOLDER --no-confirm`; every step gives the log ratios of its
rounds, process by process.
"""

import json
import sys
from pathlib import Path

from tlbench.regression.entries import Entry
from tlbench.regression.metrics.time import in_turn
from tlbench.regression.side import entry
from tlbench.results.store import Store


def steps_of(folder: Path) -> list[list[list[float]]]:
    """Log ratios of every step that was measured in `folder`, by process; a measurement that cells share counts once."""
    base, new = (_entries(folder / side) for side in "ab")
    found = {}
    for cell_id, one in base.items():
        for step, beside in zip(one.times, new[cell_id].times, strict=True):
            ratios = in_turn(step.draws[0], beside.draws[0])
            found[json.dumps(ratios)] = [[round(ratio, 5) for ratio in process] for process in ratios]
    return list(found.values())


def _entries(run: Path) -> dict[str, Entry]:
    return {one.cell_id: entry(one, None) for one in Store(run).read_all().records}


if __name__ == "__main__":
    steps = [step for folder in sys.argv[1:] for step in steps_of(Path(folder))]
    print(json.dumps({"source": "tlbench ab suites/ci.yaml --a current, two cores, shared", "steps": steps}))

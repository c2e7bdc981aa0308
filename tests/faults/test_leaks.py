"""Fifty cells in a row: the parent's memory stays, and nothing is left among temporary files."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.integration.conftest import TINY, environment, make_place
from tlbench.results.store import Store

HEADS = [f"{{name: gap, hidden: [{units}]}}" for units in range(4, 14)]
SUITE = (
    TINY.replace("[frozen, full]", "frozen").replace("quick, batch_size: 8, seconds: 0", "none")
    + f"heads: [{', '.join(HEADS)}]\nseeds: 0-4\n"
)
MOST = 20e6


@pytest.mark.slow
def test_fifty_cells_leave_nothing_and_the_parent_does_not_grow(tmp_path: Path) -> None:
    place = make_place(tmp_path / "place")
    (place / "tiny.yaml").write_text(SUITE)
    (place / "tmp").mkdir()
    command = [sys.executable, "-m", "tlbench", "run", "tiny.yaml", "--out", "run", "--workers", "1"]
    variables = environment(place, TMPDIR=str(place / "tmp"))
    with subprocess.Popen(command, cwd=place, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as run:
        parent, looks = psutil.Process(run.pid), dict[int, int]()
        records = place / "run" / "records"
        while run.poll() is None:
            done = len(list(records.glob("*.json"))) if records.is_dir() else 0
            if 0 < done < 50:  # then the report is written, which reads them all
                looks[done] = parent.memory_info().rss
            try:
                run.wait(0.02)
            except subprocess.TimeoutExpired:
                continue
    assert run.returncode == 0
    assert sum(record.status == "ok" for record in Store(place / "run").read_all().records) == 50
    first, last = looks[min(looks)], looks[max(looks)]
    print(f"parent: {first / 1e6:.1f} MB at cell {min(looks)}, {last / 1e6:.1f} MB at cell {max(looks)}")
    assert max(looks) - min(looks) > 25
    assert last - first <= MOST
    assert list((place / "tmp").iterdir()) == []

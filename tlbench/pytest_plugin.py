"""A pytest plugin: a test says that a cell must not be worse than the baseline.

    def test_the_model_we_ship(tlbench_gate):
        tlbench_gate("suites/ci.yaml", "baselines/ci.json", "backbone=MobileNetV2 strategy=full")

Nothing of tlbench is imported unless a test asks for the fixture.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tlbench.regression.comparison import Comparison

Gate = Callable[..., "Comparison"]


@pytest.fixture
def tlbench_gate(tmp_path: Path) -> Gate:
    """A function that runs cells of a suite, compares them with a baseline, and fails the test where one is worse.

    ``gate(suite, baseline, select="", options=())``: the suite file, the baseline (a file of `tlbench baseline save` or
    a run), which cells, and further options of `tlbench run`. Returns the Comparison. Fails where something regressed,
    a cell fails or is missing, or nothing could be compared.
    """

    def gate(suite: str | Path, baseline: str | Path, select: str = "", options: tuple[str, ...] = ()) -> "Comparison":
        import subprocess
        import sys

        from tlbench.regression.comparison import compare
        from tlbench.regression.entries import Side
        from tlbench.reporting.comparison_formats import text
        from tlbench.session.loading import load_side

        run = tmp_path / f"tlbench-{sum(1 for _ in tmp_path.glob('tlbench-*'))}"
        command = [sys.executable, "-m", "tlbench", "run", str(suite), "--out", str(run), *options]
        done = subprocess.run([*command, *(["--select", select] if select else [])], capture_output=True, text=True)
        if done.returncode not in {0, 2}:
            pytest.fail(f"tlbench run ended with {done.returncode}: {done.stderr.strip()}", pytrace=False)
        new, base = load_side(run), load_side(Path(baseline))
        asked = {one.cell.id for one in new.entries}
        kept = tuple(one for one in base.entries if one.cell.id in asked) if select else base.entries
        chosen: Side = base.model_copy(update={"entries": kept})
        found = compare(chosen, new, new.gates)
        if found.exit_code:
            pytest.fail(text(found), pytrace=False)
        return found

    return gate

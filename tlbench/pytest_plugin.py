"""A pytest plugin: a test says that a cell must not be worse than the baseline.

    def test_the_model_we_ship(tlbench_gate):
        tlbench_gate("suites/ci.yaml", "baselines/ci.json", "backbone=MobileNetV2 strategy=full")

Nothing that tlbench needs is imported unless a test asks for the fixture.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tlbench.regression.comparison import Comparison

Gate = Callable[..., "Comparison"]


@pytest.fixture
def tlbench_gate(tmp_path: Path) -> Gate:
    """A function that runs cells of a suite, compares them with a baseline, and fails the test where one is worse.

    ``gate(suite, baseline, select="", **options)``: the suite file, the baseline (a file of `tlbench baseline save` or
    a run), which cells, and further options of `tlbench.run`. Returns the Comparison. Fails where something regressed,
    a cell fails or is missing, or nothing but counts could be compared; and before anything is trained where there is
    no baseline.
    """

    def gate(suite: str | Path, baseline: str | Path, select: str = "", **options: Any) -> "Comparison":
        from tlbench.core.errors import UserError
        from tlbench.regression.comparison import compare
        from tlbench.reporting.comparison_formats import text
        from tlbench.session.run import run
        from tlbench.session.side import read_side

        try:
            base = read_side(baseline)
        except UserError as error:
            raise pytest.fail.Exception(str(error), pytrace=False) from None
        out = tmp_path / f"tlbench-{sum(1 for _ in tmp_path.glob('tlbench-*'))}"
        try:
            done = run(suite, select=select, out=out, **options)
        except UserError as error:
            message = f"tlbench run ended with {error.exit_code}: {error}"
            raise pytest.fail.Exception(message, pytrace=False) from None
        new = read_side(done)
        if select:
            asked = {entry.cell.id for entry in new.entries}
            base = base.model_copy(update={"entries": tuple(one for one in base.entries if one.cell.id in asked)})
        comparison = compare(base, new, base.gates)
        if comparison.exit_code:
            pytest.fail(text(comparison), pytrace=False)
        return comparison

    return gate

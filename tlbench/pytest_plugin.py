"""Pytest plugin: a fixture for tests that fail if a cell has regressed from a baseline.

    def test_the_model_we_ship(tlbench_gate):
        tlbench_gate("suites/ci.yaml", "baselines/ci.json", "backbone=MobileNetV2 strategy=full")

tlbench and its dependencies are imported only when a test calls the fixture's function.
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
    """A function that runs cells of a suite and fails the test if they have regressed from a baseline.

    The test fails if a metric regressed, if a cell is missing or newly fails, if a number of the baseline was not
    measured again, if only counts could be compared although both sides have more, if an accuracy of both sides could
    not be judged, or, before anything is trained, if the baseline cannot be read.

    ``gate(suite, baseline, select="", **options)`` takes the suite file; the baseline, which is a file of
    `tlbench baseline save` or the folder of a run; which cells to run, as in `tlbench run --select`; and further
    arguments of `tlbench.run`. It returns the Comparison.
    """

    def gate(suite: str | Path, baseline: str | Path, select: str = "", **options: Any) -> "Comparison":
        from tlbench.core.errors import UserError
        from tlbench.reporting.comparison_formats import text
        from tlbench.session.compare import compare
        from tlbench.session.run import run
        from tlbench.session.side import read_side

        try:
            read_side(baseline)
        except UserError as error:
            raise pytest.fail.Exception(str(error), pytrace=False) from None
        out = tmp_path / f"tlbench-{sum(1 for _ in tmp_path.glob('tlbench-*'))}"
        try:
            done = run(suite, select=select, out=out, **options)
        except UserError as error:
            message = f"tlbench run ended with {error.exit_code}: {error}"
            raise pytest.fail.Exception(message, pytrace=False) from None
        comparison = compare(baseline, done, select=select, shard=options.get("shard", ""), suite=suite)
        if comparison.exit_code:
            pytest.fail(text(comparison), pytrace=False)
        return comparison

    return gate

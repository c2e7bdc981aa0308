"""Differences in accuracy are tested between cells that exist and have predictions."""

from pathlib import Path

import pytest

from tests.session.runs import make_run, seeds
from tlbench.core.errors import NothingThereError, UserError
from tlbench.session.differences import differences


def test_differences_need_cells_that_exist(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", seeds(0, 1))
    with pytest.raises(UserError, match="give two cells, or none; here are 1"):
        differences(run, ["a"])
    with pytest.raises(UserError, match="means 2 cells, one is needed"):
        differences(run, ["", ""])
    with pytest.raises(UserError, match="means 2 cells, one is needed"):
        differences(run, ["seed=*", "seed=0"])
    with pytest.raises(UserError, match="seed=2 matches none of the 2 cells"):
        differences(run, ["seed=1", "seed=2"])
    with pytest.raises(UserError, match="has no predictions"):
        differences(run, [record.cell_id for record in seeds(0, 1)])
    with pytest.raises(UserError, match="has no predictions"):
        differences(run, ["seed=0", "seed=1"])
    with pytest.raises(UserError, match=r"mean the same cell, .*; name two"):
        differences(run, ["seed=0", seeds(0)[0].cell_id[:8]])
    with pytest.raises(NothingThereError, match="no two recipes"):
        differences(make_run(tmp_path / "one", seeds(0)))

"""Differences in accuracy are tested between cells that exist and have predictions."""

from pathlib import Path

import pytest

from tests import builders
from tests.session.runs import keep_answers, make_run, seeds
from tlbench.core.cell import Named
from tlbench.core.errors import NothingThereError, UserError
from tlbench.session.differences import differences
from tlbench.session.report import load


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


@pytest.mark.parametrize("turned", [False, True])
def test_of_equal_accuracies_the_first_is_the_leader_of_the_report(tmp_path: Path, turned: bool) -> None:
    records = [
        builders.record(builders.cell(strategy=Named(name=name)), timings=builders.timings(inference=inference))
        for name, inference in (("frozen", 0.03), ("full", 0.01), ("scratch", 0.02))
    ]
    run = make_run(tmp_path / "run", records[::-1] if turned else records)
    for record in records:
        keep_answers(tmp_path / "run", record)
    (decision,) = load(run).decisions
    leader, *others = [seeds[0].record.cell_id for seeds in decision.recipes]
    found = [[of.records[0].cell_id for of in (one.first, one.second)] for one in differences(run)]
    assert found == [[leader, other] for other in others]
    assert leader == records[1].cell_id

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
    with pytest.raises(UserError, match=r"'' and '' mean the same, .*; name two"):
        differences(run, ["", ""])
    with pytest.raises(UserError, match=r"'seed=\*' and 'seed=0' mean the same, .*; name two"):
        differences(run, ["seed=*", "seed=0"])
    with pytest.raises(UserError, match="seed=2 matches none of the 2 cells"):
        differences(run, ["seed=1", "seed=2"])
    with pytest.raises(UserError, match="has no predictions"):
        differences(run, [record.cell_id for record in seeds(0, 1)])
    with pytest.raises(UserError, match="has no predictions"):
        differences(run, ["seed=0", "seed=1"])
    with pytest.raises(UserError, match=r"mean the same, .*; name two"):
        differences(run, ["seed=0", seeds(0)[0].cell_id[:8]])
    with pytest.raises(NothingThereError, match="no two recipes"):
        differences(make_run(tmp_path / "one", seeds(0)))


def test_a_name_of_several_seeds_stands_for_its_recipe(tmp_path: Path) -> None:
    records = [
        builders.record(builders.cell(strategy=Named(name=name), seed=seed), accuracy=builders.accuracy(right))
        for name, right in (("full", 190), ("layerwise", 180))
        for seed in range(2)
    ]
    run = make_run(tmp_path / "run", records)
    for record in records:
        keep_answers(tmp_path / "run", record)
    (by_name,) = differences(run, [records[0].cell.title, "strategy=layerwise"])
    (by_id,) = differences(run, [records[0].cell_id, records[2].cell_id])
    assert by_name == by_id
    assert [len(one.records) for one in (by_name.first, by_name.second)] == [2, 2]
    with pytest.raises(UserError, match="means 4 cells, one is needed"):
        differences(run, ["backbone=*", "strategy=full"])


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

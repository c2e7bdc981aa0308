"""Two runs are compared: which cells, by which gates, and without the plugins that they used."""

from pathlib import Path

import pytest

import tlbench
from tests import builders
from tests.session.runs import SUITE, make_run, seeds
from tlbench.core.cell import Named
from tlbench.core.errors import UserError
from tlbench.results.store import Store
from tlbench.session.side import read_side
from tlbench.session.trends import trends


def test_runs_of_a_plugin_are_compared_and_followed_without_it(tmp_path: Path) -> None:
    records = [builders.record(builders.cell(strategy=Named(name="of_a_plugin")))]
    base, new = (make_run(tmp_path / name, records, day=day) for day, name in enumerate("ab", 1))
    for one in (base, new):
        (one.path / "suite.yaml").write_text(SUITE.replace("frozen", "of_a_plugin"))
    assert tlbench.compare(base.path, new.path).cells
    assert read_side(base.path).gates.everywhere()["time"] == pytest.approx(0.07)
    assert trends(tmp_path).runs == 2
    (base.path / "suite.yaml").write_text(SUITE.replace("time: 7%", "tmie: 7%"))
    with pytest.raises(UserError, match=r"suite\.yaml:6:9: gates: unknown key 'tmie'; did you mean 'time'\?"):
        tlbench.compare(base.path, new.path)


def test_cells_that_are_not_selected_are_not_missing(tmp_path: Path) -> None:
    base, new = make_run(tmp_path / "base", seeds(0, 1, 2)), make_run(tmp_path / "new", seeds(1), day=2)
    assert tlbench.compare(base, new).exit_code == 2
    part = tlbench.compare(base, new, select="seed=1")
    assert (len(part.cells), part.exit_code) == (1, 0)
    assert tlbench.compare(base, new, select="seed=1,2").exit_code == 2
    assert len(tlbench.compare(base, base, select="seed=0,2").cells) == 2
    with pytest.raises(UserError, match="seed=7 matches none of the 3 cells"):
        tlbench.compare(base, new, select="seed=7")


def test_a_record_that_was_taken_over_is_not_compared_with_itself(tmp_path: Path) -> None:
    first, second = seeds(0, 1)
    base = make_run(tmp_path / "base", [first, second])
    new = make_run(tmp_path / "new" / "1", seeds(1, 2), day=28)
    Store(new.path).take_over(first, Store(base.path))
    assert {cell.verdict for cell in tlbench.compare(base, base).cells} == {"same measurement"}
    verdicts = [cell.verdict for cell in tlbench.compare(base, new).cells]
    assert sorted(verdicts) == ["inconclusive", "new", "same measurement"]
    fresh = make_run(tmp_path / "new" / "2", seeds(first.cell.seed), day=29)
    both = tlbench.compare(base, tmp_path / "new")
    assert first.cell_id not in [cell.id for cell in both.cells if cell.verdict == "same measurement"]
    (again,) = [one for one in both.new.entries if one.cell.id == first.cell_id]
    assert again.measured == read_side(fresh).entries[0].measured


def test_gates_of_a_call_take_the_place_of_the_suites(tmp_path: Path) -> None:
    base, new = make_run(tmp_path / "base", seeds(0, 1, 2)), make_run(tmp_path / "new", seeds(0, 1, 2))

    assert repr(tlbench.compare(base, new)) == f"<Comparison of {new.path} with {base.path}: 3 inconclusive>"

    def gates(comparison: tlbench.Comparison) -> dict[str, float | None]:
        return {judgement.metric: judgement.gate for judgement in comparison.judgements}

    assert gates(tlbench.compare(base, new))["time"] == pytest.approx(0.07)
    asked = gates(tlbench.compare(base, new, gates={"time": "5%", "accuracy": "3pp"}))
    assert asked["time"] == pytest.approx(0.05)
    assert asked["accuracy"] == pytest.approx(0.03)
    lax = make_run(tmp_path / "lax", seeds(0, 1, 2))
    (lax.path / "suite.yaml").write_text(SUITE.replace("time: 7%", "time: 70%"))
    judged = tlbench.compare(base, lax)
    assert gates(judged)["time"] == pytest.approx(0.07)
    assert "gates differ, and those of the base count: time 0.07 in the base, 0.7 now" in judged.notes
    assert not any("gates differ" in note for note in tlbench.compare(base, new).notes)
    (base.path / "suite.yaml").unlink()
    judged = tlbench.compare(base, new)
    assert gates(judged)["time"] == pytest.approx(0.05)
    assert f"{base.path} has no suite.yaml any more: its gates are the defaults" in judged.notes
    with pytest.raises(UserError, match="there is no gate 'tmie'; did you mean 'time'"):
        tlbench.compare(base, new, gates={"tmie": 0.1})
    with pytest.raises(UserError, match="time=much: a share between 0 and 1"):
        tlbench.compare(base, new, gates={"time": "much"})


def test_a_gate_of_a_call_leaves_the_suites_gates_of_other_kinds_for_some_cells(tmp_path: Path) -> None:
    base, new = make_run(tmp_path / "base", seeds(0, 1, 2)), make_run(tmp_path / "new", seeds(0, 1, 2))
    cells = 'cells: [{strategy: "*", accuracy: 10pp, time: 20%}]'
    (base.path / "suite.yaml").write_text(SUITE.replace("time: 7%", f"time: 7%, {cells}"))
    gates = {one.metric: one.gate for one in tlbench.compare(base, new, gates={"time": "8%"}).judgements}
    assert gates["time"] == pytest.approx(0.08)
    assert gates["accuracy"] == pytest.approx(0.1)

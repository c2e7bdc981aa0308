"""Sides of a comparison are read from runs, folders of runs and baselines, and baselines are saved."""

import shutil
from pathlib import Path

import pytest

from tests import builders
from tests.session.runs import keep_answers, make_run, seeds
from tlbench.core.cell import Named
from tlbench.core.errors import UserError
from tlbench.regression.contrasts import Right
from tlbench.results.record import Record
from tlbench.results.store import Store
from tlbench.session import baseline, report
from tlbench.session.compare import compare
from tlbench.session.differences import differences
from tlbench.session.side import read_side
from tlbench.session.trends import trends


def test_answers_are_read_of_a_cell_s_newest_record_and_for_trends_of_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = {day: tmp_path / "runs" / str(day) for day in (1, 2)}
    for day, records in ((1, seeds(0, 1)), (2, seeds(0))):
        make_run(runs[day], records, day=day)
        for record in records:
            keep_answers(runs[day], record)
    read: list[tuple[Path, str]] = []
    read_right = Store.read_right

    def noted(self: Store, record: Record) -> Right:
        read.append((self.models.parent, record.cell_id))
        return read_right(self, record)

    monkeypatch.setattr(Store, "read_right", noted)
    first, second = (record.cell_id for record in seeds(0, 1))
    side = read_side(tmp_path / "runs")
    assert all(entry.right for entry in side.entries)
    assert sorted(read) == sorted([(runs[2], first), (runs[1], second)])
    read.clear()
    assert trends(tmp_path).runs == 2
    assert not read


def test_several_runs_are_one_side_and_one_baseline(tmp_path: Path) -> None:
    for day in (1, 2):
        make_run(tmp_path / "runs" / str(day), seeds(0), day=day)
    side = read_side(tmp_path / "runs")
    assert (side.kind, len(side.entries[0].times[0].draws)) == ("runs", 2)
    assert side.gates.everywhere()["time"] == pytest.approx(0.07)
    file = tmp_path / "base.json"
    kept, number = baseline.save([tmp_path / "runs" / "1", tmp_path / "runs" / "2"], file)
    assert number == 2
    assert read_side(file).entries[0].cell == kept.entries[0].cell
    make_run(tmp_path / "other", seeds(0), suite="other")
    with pytest.raises(UserError, match=r"different suites \(made, other\)"):
        baseline.save([tmp_path / "runs", tmp_path / "other"], file)


def test_cells_that_the_suite_of_the_newest_run_no_longer_has_are_left_out_of_a_folder_of_runs(tmp_path: Path) -> None:
    first, second = seeds(0, 1)
    make_run(tmp_path / "runs" / "1", [first, second], day=1)
    make_run(tmp_path / "runs" / "2", [first], day=2)
    left_out = f"left out: 1 cell that the suite of the newest run does not have ({second.cell.label} in 1)"
    side, (kept, _) = read_side(tmp_path / "runs"), baseline.save([tmp_path / "runs"], tmp_path / "base.json")
    for found in (side, kept):
        assert [entry.cell.id for entry in found.entries] == [first.cell_id]
        assert left_out in found.notes
    make_run(tmp_path / "runs" / "3", day=3, cells=["another"])  # stopped before its first record
    assert len(read_side(tmp_path / "runs").entries) == 1
    named, _ = baseline.save([tmp_path / "runs" / "1", tmp_path / "runs" / "2"], tmp_path / "base.json")
    assert len(named.entries) == 2  # each run was asked for
    make_run(
        tmp_path / "runs" / "4", [builders.record(builders.cell(strategy=Named(name="full")))], day=4, suite="other"
    )
    assert len(read_side(tmp_path / "runs").entries) == 2, "a suite has cells of its own"


def test_which_runs_of_a_folder_count_is_said(tmp_path: Path) -> None:
    runs, file = tmp_path / "runs", tmp_path / "base.json"
    make_run(runs / "drawn", [builders.record(builders.cell(seed=0), data=builders.data(fallback=True))], day=1)
    make_run(runs / "real", seeds(0), day=2)
    expected = (
        f"{runs}: taking its newest run, real",
        f"left out: {runs / 'drawn'} in 1 cell (other stand-ins than in the newest run of the cell)",
    )
    assert read_side(runs).notes[:2] == expected
    kept, number = baseline.save([runs], file)
    assert (kept.notes[:2], number) == (expected, 1)
    make_run(runs / "again", seeds(0), day=3)
    rests = "the accuracy of a cell is that of its newest run"
    assert read_side(runs).notes[0] == f"{runs}: taking 2 of 3 runs (again, real); {rests}"
    shutil.rmtree(runs / "drawn")
    assert read_side(runs).notes[0] == f"{runs}: taking all 2 runs (again, real); {rests}"
    for day in range(4, 12):
        make_run(runs / f"other{day}", seeds(0), day=day)
    make_run(runs / "last", [builders.record(builders.cell(seed=0), data=builders.data(fallback=True))], day=20)
    notes = [note for note in read_side(runs).notes if note.startswith("left out")]
    assert (len(notes), notes[-1]) == (6, "left out: 5 more of the same kind")


def test_saving_a_baseline_that_mixes_stand_ins_and_photographs_warns(tmp_path: Path) -> None:
    drawn = builders.record(builders.cell(strategy=Named(name="full")), data=builders.data(fallback=True))
    make_run(tmp_path / "drawn", [drawn], day=1)
    make_run(tmp_path / "real", seeds(0), day=2)
    kept, _ = baseline.save([tmp_path / "drawn", tmp_path / "real"], tmp_path / "base.json")
    mixed = "this baseline mixes stand-ins with the real thing: synthetic data in 1 of 2 cells. "
    assert kept.notes[0].startswith(mixed)
    for one in ("drawn", "real"):
        alone, _ = baseline.save([tmp_path / one], tmp_path / "base.json")
        assert not any("mixes" in note for note in alone.notes)


def test_a_baseline_that_is_replaced_is_told_with_its_time(tmp_path: Path) -> None:
    old, new, file = make_run(tmp_path / "old", seeds(0), day=1), make_run(tmp_path / "new", seeds(0), day=2), "b.json"
    first, _ = baseline.save([old.path], tmp_path / file)
    again, _ = baseline.save([new.path], tmp_path / file)
    assert not any("replaced" in note for note in first.notes)
    assert again.notes[-1] == f"replaced {tmp_path / file} (was of {old.run.created})"
    (tmp_path / file).write_text('{"tlbench_baseline": 2, <<<<<<<')
    mended, _ = baseline.save([new.path], tmp_path / file)
    assert mended.notes[-1] == f"replaced {tmp_path / file} (was damaged, or of another version of tlbench)"


def test_a_run_that_was_stopped_looks_so_in_its_report_in_a_comparison_and_in_a_baseline(tmp_path: Path) -> None:
    kept, lost = seeds(0, 1)
    stopped = make_run(tmp_path / "stopped", [kept], cells=[kept.cell_id, lost.cell_id])
    whole = make_run(tmp_path / "whole", [kept, lost], day=2)
    assert report.write(stopped).markdown.startswith("# tlbench: made (1 of 2 cells)\n")
    said: list[str] = []
    assert report.load(stopped.path, whole, say=said.append).title == "tlbench: made (1 of 2 cells), made"
    assert said == [f"note: {stopped.path}: 1 of 2 cells have a record"]  # a CSV has no title
    with pytest.raises(UserError, match="no two recipes"):
        differences(stopped, say=said.append)
    assert len(said) == 2
    assert f"{stopped.path}: 1 of 2 cells have a record" in compare(stopped, whole).notes
    said.clear()
    trends(tmp_path, say=said.append)
    assert said == [f"note: {stopped.path}: 1 of 2 cells have a record"]
    file = tmp_path / "base.json"
    side, _ = baseline.save([stopped.path], file)
    assert f"{stopped.path}: 1 of 2 cells have a record" in side.notes
    assert f"{file}: 1 of 2 cells were kept" in compare(file, whole).notes
    baseline.save([whole.path], file)
    assert not any("of 2 cells" in note for note in compare(file, whole).notes)


def test_the_copy_of_a_runs_folder_is_no_second_measurement(tmp_path: Path) -> None:
    later = builders.record().provenance.model_copy(update={"started": "2026-01-05", "finished": "2026-01-05"})
    records = [one.model_copy(update={"provenance": later}) for one in seeds(0, 1)]
    first = make_run(tmp_path / "runs" / "first", records)
    shutil.copytree(first.path, tmp_path / "runs" / "backup")
    assert baseline.save([tmp_path / "runs"], tmp_path / "base.json")[1] == 1
    assert [len(entry.memory) for entry in read_side(tmp_path / "runs").entries] == [1, 1]
    quicker = [one.model_copy(update={"phases": {"train": 0.5}}) for one in records]
    make_run(tmp_path / "runs" / "beside", quicker)  # of another machine, within the same seconds
    assert baseline.save([tmp_path / "runs"], tmp_path / "base.json")[1] == 2


def test_a_record_with_what_nobody_can_have_measured_is_left_out_and_named(tmp_path: Path) -> None:
    good, odd = seeds(0, 1)
    odd = odd.model_copy(update={"timings": builders.timings(inference=0.0)})
    side = read_side(make_run(tmp_path / "run", [good, odd]))
    assert [entry.cell.id for entry in side.entries] == [good.cell_id]
    assert any(
        f"{odd.cell_id}.json is no readable record (timings: mean of inference is not a time)" in note
        for note in side.notes
    )

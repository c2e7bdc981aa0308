"""Runs are found, read in the order of their cells, reported, followed and kept as baselines."""

import json
import os
import re
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tlbench
from tests import builders
from tests.session.runs import SUITE, make_run, seeds
from tlbench.core.cell import Named
from tlbench.core.errors import NothingThereError, UserError
from tlbench.regression.contrasts import Right
from tlbench.reporting.formats import with_columns
from tlbench.reporting.numbers import DASH, significant
from tlbench.results.record import Record, SmallerBatch
from tlbench.results.report_files import report_files
from tlbench.results.run_folder import open_run
from tlbench.results.store import Store
from tlbench.results.table import COLUMNS
from tlbench.session import baseline, report
from tlbench.session.compare import compare
from tlbench.session.differences import differences
from tlbench.session.folder import find_run, outdate_report, written_report
from tlbench.session.side import read_side
from tlbench.session.trends import trends


def test_a_folder_of_runs_stands_for_its_newest_and_says_so(tmp_path: Path) -> None:
    make_run(tmp_path / "old", seeds(0), day=1)
    newest = make_run(tmp_path / "new", seeds(0), day=2)
    said: list[str] = []
    assert find_run(tmp_path, said.append) == newest
    assert said == [f"{tmp_path}: taking its newest run, new"]
    make_run(tmp_path / "interrupted", [], day=3, cells=["0" * 12])
    assert find_run(tmp_path, said.append) == newest
    assert said[1:] == [f"{tmp_path}: taking its newest run with a record, new"]
    assert find_run(newest, said.append) is newest
    with pytest.raises(UserError, match="does not exist"):
        find_run(tmp_path / "nowhere", said.append)


@pytest.mark.parametrize("name", ["empty", "file.txt"])
def test_what_is_no_run_ends_with_one_code_however_it_is_opened(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.txt").touch()
    openers: tuple[Callable[[Path], object], ...] = (lambda path: find_run(path, print), open_run)
    for opener in openers:
        with pytest.raises(NothingThereError, match=r"is not the folder of a run: it has no run\.json; `tlb") as told:
            opener(tmp_path / name)
        assert told.value.exit_code == 3


def test_a_folder_of_folders_of_runs_names_those(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("small", "photos"):
        make_run(Path("results") / name / "1", seeds(0))
    Path("results/reference").mkdir()
    with pytest.raises(UserError) as told:
        tlbench.load("results")
    assert str(told.value) == (
        "results is not the folder of a run, and has runs further below: name one of results/photos, results/small"
    )
    with pytest.raises(UserError, match=r"has no run\.json; `tlbench run SUITE` makes one"):
        tlbench.load("results/reference")
    for number in range(9):
        make_run(Path("results") / f"a{number}" / "1", seeds(0))
    with pytest.raises(UserError, match=r"results/a0, .*, results/a4 and 6 more$"):
        tlbench.load("results")


def test_a_report_has_a_row_for_each_record_in_the_order_of_the_cells(tmp_path: Path) -> None:
    records = seeds(2, 0, 1)
    make_run(tmp_path / "run", records)
    loaded = tlbench.load(tmp_path / "run")
    assert list(loaded.frame.seed) == [2, 0, 1]
    assert list(loaded.frame.columns) == ["run", *COLUMNS]
    both = tlbench.load(tmp_path / "run", make_run(tmp_path / "other", records))
    assert list(both.frame.run.unique()) == ["run", "other"]


def test_columns_are_chosen_by_their_names(tmp_path: Path) -> None:
    missing = builders.record(builders.cell(seed=7), accuracy=None, status="failed")
    make_run(tmp_path / "run", [*seeds(2, 0), missing])
    loaded = tlbench.load(tmp_path / "run")
    names = ["seed", "backbone", "top1", "params"]
    said = with_columns(loaded, names, "text").splitlines()
    assert said[0].split() == names
    assert [line.split()[0] for line in said[2:]] == ["2", "0", "7"]
    assert said[2].split()[-2:] == [significant(loaded.frame.top1[0]), str(loaded.frame.params[0])]
    assert said[4].split()[-2] == DASH, "nothing was measured"
    assert with_columns(loaded, names, "csv").splitlines()[0] == ",".join(names)
    rows = json.loads(with_columns(loaded, names, "json"))["rows"]
    assert [row["seed"] for row in rows] == [2, 0, 7]
    assert list(rows[0]) == names
    assert rows[2]["top1"] is None
    assert "| seed" in with_columns(loaded, names, "markdown").replace("|   seed", "| seed")


@pytest.mark.parametrize(
    ("names", "form", "said"),
    [
        (["backbone", "top-1"], "text", "there is no column 'top-1'; did you mean 'top1'"),
        (["xyzzyx"], "text", "there is no column 'xyzzyx'; known columns: advice, backbone, "),
        (["seed", "seed"], "csv", "a column is named twice"),
        (["seed"], "html", "not available in format html; known formats: text, markdown, latex, csv, json"),
    ],
)
def test_columns_that_are_none_are_answered_with_the_list(
    names: list[str], form: str, said: str, tmp_path: Path
) -> None:
    loaded = tlbench.load(make_run(tmp_path / "run", seeds(0)))
    with pytest.raises(UserError, match=re.escape(f"--columns: {said}")):
        with_columns(loaded, names, form)


def test_gains_are_paired_by_the_predictions_of_a_run(tmp_path: Path) -> None:
    head = builders.record(accuracy=builders.accuracy(150).model_copy(update={"resampled": (0.75, 0.76, 0.74)}))
    tuned = [builders.record(builders.cell(strategy=Named(name="full"), seed=seed)) for seed in range(3)]
    run = make_run(tmp_path / "run", [head, *tuned])
    (apart,) = tlbench.load(run).gains
    for record in (head, *tuned):
        keep_answers(run.path, record)
    (paired,) = tlbench.load(run).gains
    assert apart.shift is not None
    assert paired.shift is not None
    assert paired.difference == apart.difference == pytest.approx(0.18)
    assert apart.shift.p > paired.shift.p


def test_a_notebook_shows_the_tables_and_none_of_the_html_in_them(tmp_path: Path) -> None:
    make_run(tmp_path / "run", seeds(0), suite="<b>made</b>")
    loaded = tlbench.load(tmp_path / "run")
    html = loaded._repr_html_()
    assert "<td" in html
    assert "MobileNet (alpha=0.25)" in html
    assert "<b>" not in html
    assert "| MobileNet (alpha=0.25) |" in loaded._repr_markdown_()
    assert repr(loaded) == "<Report 'tlbench: <b>made</b>': 1 records>"


def test_a_run_without_records_and_a_damaged_record_are_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(NothingThereError, match="there is no record in"):
        tlbench.load(make_run(tmp_path / "empty"))
    run = make_run(tmp_path / "run", seeds(0, 1))
    sorted((run.path / "records").iterdir())[0].write_text("{")
    assert len(tlbench.load(run.path).frame) == 1
    said, missing = caplog.messages
    assert missing == f"note: {run.path}: 1 of 2 cells have a record"
    assert "is no readable record (it is not JSON" in said


@pytest.mark.parametrize("ask", [partial(tlbench.predict, cell="seed=1", images=[]), tlbench.deploy])
def test_a_damaged_record_is_said_by_whoever_sets_it_aside(tmp_path: Path, ask: Callable[..., object]) -> None:
    damaged, whole = seeds(0, 1)
    run, said = make_run(tmp_path / "run", [damaged, whole]), list[str]()
    (run.path / "records" / f"{damaged.cell_id}.json").write_text("{")
    with pytest.raises(UserError, match="save_models: true"):
        ask(run, say=said.append)
    (sentence,) = said
    assert f"set_aside/{damaged.cell_id}.json is no readable record (it is not JSON" in sentence


def test_written_reports_replace_earlier_ones_and_are_taken_while_they_are_newer(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", [*seeds(0), builders.failed(builders.cell(seed=1))])
    (run.path / "report.synthetic-data.md").write_text("of earlier")
    written = report.write(run)
    assert {path.name for path in written.files} == {path.name for path in run.path.glob("report*")}
    assert {"report.csv", "report.html", "report.json", "report.md", "report.txt"} <= {p.name for p in written.files}
    assert written_report(run) == (written.markdown, written.text)
    assert written.text == (run.path / "report.txt").read_text()
    assert [record.cell.seed for record in written.troubled()] == [1]
    assert written.troubled({seeds(0)[0].cell_id}) == ()
    record = next((run.path / "records").iterdir())
    os.utime(record, ns=(2**62, 2**62))
    assert written_report(run) is None


def test_what_a_user_keeps_beside_a_report_stays_as_it_is(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", seeds(0))
    for kind in ("tex", "svg", "notes.md"):
        (run.path / f"report.{kind}").write_text("mine")
    (run.path / "report.d").mkdir()
    own = ("report.batch-16-for-32.csv", "report.synthetic-data.random-weights.choice-cats-dogs.svg")
    for name in own:
        (run.path / name).write_text("of earlier")
    os.utime(run.path / "report.notes.md", (1e9, 1e9))
    written = report.write(run)
    assert (run.path / "report.d").is_dir()
    assert [(run.path / f"report.{kind}").read_text() for kind in ("tex", "svg", "notes.md")] == ["mine"] * 3
    assert not any((run.path / name).exists() for name in own)
    assert written_report(run) == (written.markdown, written.text)
    outdate_report(run)
    assert (run.path / "report.md").stat().st_mtime == 0
    assert (run.path / "report.notes.md").stat().st_mtime == 1e9
    assert written_report(run) is None


def test_all_that_a_report_writes_is_known_for_its_own(tmp_path: Path) -> None:
    smaller = SmallerBatch(asked=32, trained=16)
    stand_ins: dict[str, Any] = {
        "data": builders.data(fallback=True),
        "weights": builders.weights(fallback=True, source="drawn"),
    }
    run = make_run(
        tmp_path / "run", [builders.record(**stand_ins), builders.record(builders.cell(seed=1), smaller_batch=smaller)]
    )
    written = report.write(run)
    assert any(path.suffix == ".svg" for path in written.files)
    assert set(report_files(run.path, ("md", "csv", "json", "html", "txt", "svg"))) == set(written.files)


def test_runs_whose_folders_are_called_alike_are_told_apart(tmp_path: Path) -> None:
    places = [tmp_path / "a" / "small", tmp_path / "b" / "small", tmp_path / "b" / "large"]
    runs = [make_run(place, seeds(0)) for place in places]
    assert list(tlbench.load(*runs, runs[0]).frame.run) == ["a/small", "b/small", "large", "a/small"]


def keep_answers(folder: Path, record: Record) -> None:
    """Predictions of which the first are right, as many as the record says."""
    assert record.accuracy is not None
    right = np.arange(record.accuracy.images) < record.accuracy.correct
    probabilities = np.stack([right, ~right], axis=1).astype(np.float32)
    Store(folder).write_predictions(record.cell_id, {"test": (probabilities, np.zeros(len(right), np.int32))})


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
    with pytest.raises(UserError, match="seed=7 matches none of the 4 cells"):
        tlbench.compare(base, new, select="seed=7")


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
    with pytest.raises(UserError, match="there is no gate 'tmie'; did you mean 'time'"):
        tlbench.compare(base, new, gates={"tmie": 0.1})
    with pytest.raises(UserError, match="time=much: a share between 0 and 1"):
        tlbench.compare(base, new, gates={"time": "much"})


def test_trends_leave_out_runs_without_records_and_say_so(tmp_path: Path) -> None:
    make_run(tmp_path / "a" / "one", seeds(0), day=1)
    make_run(tmp_path / "b" / "two", seeds(0), day=2)
    make_run(tmp_path / "b" / "empty", day=3)
    said: list[str] = []
    followed = trends(tmp_path, say=said.append)
    assert followed.runs == 2
    assert {len(series.points) for series in followed.series} == {2}
    assert said == ["note: empty has no records; run the suite to its end first"]
    with pytest.raises(NothingThereError, match="holds no run"):
        trends(tmp_path / "nowhere")


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


def test_a_record_with_what_nobody_can_have_measured_is_left_out_and_named(tmp_path: Path) -> None:
    good, odd = seeds(0, 1)
    odd = odd.model_copy(update={"timings": builders.timings(inference=0.0)})
    side = read_side(make_run(tmp_path / "run", [good, odd]))
    assert [entry.cell.id for entry in side.entries] == [good.cell_id]
    assert any(
        f"{odd.cell_id}.json is no readable record (timings: mean of inference is not a time)" in note
        for note in side.notes
    )

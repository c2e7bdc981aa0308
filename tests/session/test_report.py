"""The records of runs are loaded as a report, in the order of their cells, and reports are written to files."""

import json
import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import tlbench
from tests import builders
from tests.session.runs import keep_answers, make_run, seeds
from tlbench.core.cell import Named
from tlbench.core.errors import NothingThereError, UserError
from tlbench.core.text import DASH
from tlbench.reporting.formats import with_columns
from tlbench.reporting.numbers import significant
from tlbench.results.record import SmallerBatch
from tlbench.results.report_files import report_files
from tlbench.results.table import COLUMNS
from tlbench.session import report
from tlbench.session.folder import outdate_report, written_report


def test_a_report_has_a_row_for_each_record_in_the_order_of_the_cells(tmp_path: Path) -> None:
    records = seeds(2, 0, 1)
    make_run(tmp_path / "run", records)
    loaded = tlbench.load(tmp_path / "run")
    assert list(loaded.frame.seed) == [2, 0, 1]
    assert list(loaded.frame.columns) == ["run", *COLUMNS]
    both = tlbench.load(tmp_path / "run", make_run(tmp_path / "other", records))
    assert list(both.frame.run.unique()) == ["run", "other"]


def test_runs_whose_folders_are_called_alike_are_told_apart(tmp_path: Path) -> None:
    places = [tmp_path / "a" / "small", tmp_path / "b" / "small", tmp_path / "b" / "large"]
    runs = [make_run(place, seeds(0)) for place in places]
    assert list(tlbench.load(*runs, runs[0]).frame.run) == ["a/small", "b/small", "large", "a/small"]


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
def test_a_damaged_record_is_named_by_whoever_reads_it_and_left_there(
    tmp_path: Path, ask: Callable[..., object]
) -> None:
    damaged, whole = seeds(0, 1)
    run, said = make_run(tmp_path / "run", [damaged, whole]), list[str]()
    (run.path / "records" / f"{damaged.cell_id}.json").write_text("{")
    with pytest.raises(UserError, match="save_models: true"):
        ask(run, say=said.append)
    (sentence,) = said
    assert f"records/{damaged.cell_id}.json is no readable record (it is not JSON" in sentence
    assert not (run.path / "set_aside").exists()


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

"""Formats for other programs: CSV, JSON, the data frame, and pytest-benchmark."""

import csv
import io
import json

import pytest

from tests import builders
from tests.narrow import present
from tests.reporting.tables import rows, text_of
from tlbench.core.cell import Named
from tlbench.results.table import COLUMNS, STEP_COLUMNS, to_frame


def test_csv_and_json_give_plain_full_numbers() -> None:
    named = rows(builders.record(), builders.failed(builders.cell(seed=1)))
    first, second = csv.DictReader(io.StringIO(text_of("csv", named)))
    assert (first["run"], first["params"], first["top1"], first["inference_ms"]) == ("run", "219058.0", "0.93", "20.0")
    assert second["top1"] == ""
    ok, bad = json.loads(text_of("json", named))["rows"]
    assert (ok["params"], ok["training_ms"], ok["data_fallback"]) == (219058, 60.0, False)
    assert (bad["top1"], bad["status"], bad["advice"]) == (None, "killed", "Lower batch_size.")


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "\n", "＝"])
def test_no_text_of_a_csv_is_a_formula_and_numbers_stay_numbers(sign: str) -> None:
    name = f"{sign}HYPERLINK(1)"
    failure = present(builders.failed().failure).model_copy(update={"advice": name})
    worse = builders.accuracy(100, 200).model_copy(update={"loss": -0.5})
    records = rows(builders.record(builders.cell(dataset=Named(name=name)), accuracy=worse), run=name)
    records += rows(builders.failed(failure=failure), run="a-b")
    first, second = csv.DictReader(io.StringIO(text_of("csv", records), newline=""))
    assert (first["run"], first["dataset"], second["advice"]) == (f"'{name}", f"'{name}", f"'{name}")
    assert (first["test_loss"], second["run"]) == ("-0.5", "a-b")
    assert json.loads(text_of("json", records))["rows"][0]["dataset"] == name


def test_the_frame_has_its_documented_columns() -> None:
    assert tuple(to_frame([builders.record()]).columns) == COLUMNS


def test_fewer_than_six_steps_are_no_number_for_other_programs() -> None:
    few = builders.step("training").model_copy(update={"rounds": ((0.02, 0.02), (0.02,)), "low": None, "high": None})
    times = builders.timings()
    record = builders.record(timings=times.model_copy(update={"steps": (times.inference, few)}))
    (row,) = to_frame([record]).to_dict("records")
    told = {name.removeprefix("training_"): row[name] for name in STEP_COLUMNS if name.startswith("training_")}
    given = {name for name, value in told.items() if value is not None and value == value}
    assert given == {"stable", "steps", "measured_with", "first_s"}
    assert (told["steps"], row["inference_ms"]) == (3, 20.0)
    named = rows(record)
    (of_csv,) = csv.DictReader(io.StringIO(text_of("csv", named)))
    assert (of_csv["training_ms"], of_csv["training_median_ms"], of_csv["training_steps"]) == ("", "", "3")
    benchmarks = json.loads(text_of("pytest-benchmark", named))["benchmarks"]
    assert [one["group"] for one in benchmarks] == ["inference"]
    exported = json.loads(text_of("github-action-benchmark", named))
    assert [one["name"].split(" · ")[-1] for one in exported] == ["inference batch 32", "test error"]


@pytest.mark.parametrize(
    ("commit", "id_", "dirty"), [("abc123", "abc123", False), ("abc123+", "abc123", True), (None, None, False)]
)
def test_local_changes_are_told_to_pytest_benchmark(commit: str | None, id_: str | None, dirty: bool) -> None:
    provenance = builders.record().provenance.model_copy(update={"git_commit": commit})
    found = json.loads(text_of("pytest-benchmark", rows(builders.record(provenance=provenance))))["commit_info"]
    assert (found["id"], found["dirty"]) == (id_, dirty)

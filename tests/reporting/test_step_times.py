"""Step times in reports: intervals, doubts, batch sizes, and the machine that took them."""

import json

import pytest

from tests import builders
from tests.reporting.tables import render, rows, table, text_of
from tlbench.core.cell import Named, Timing
from tlbench.reporting.formats import FORMATS
from tlbench.reporting.report import Report
from tlbench.results.measured import Doubt
from tlbench.results.table import to_frame
from tlbench.results.trained import TrainedPhase, TrainingPath


def test_a_search_has_no_step_times_and_the_table_says_why() -> None:
    phase = {"name": "head", "frozen": 7, "trainable": 0, "epochs": 0, "learning_rate": 0.0, "batch_norm": "inference"}
    searched = TrainedPhase(**{**phase, "solver": "neighbours"}, path=TrainingPath(whole=None))
    strategy = Named(name="frozen", args={"solver": "neighbours"})
    search = builders.record(builders.cell(strategy=strategy, timing=None), timings=None, training=(searched,))
    text = render("t", rows(builders.record(), search))
    assert "counted as parameters; the search is no part of the model, so there is no step to time" in text
    plain, other = table(text, "cats_dogs")
    assert "Timing" not in plain
    assert other["Time (ms) per inference step (CPU)"] == "—"
    assert "no step to time" not in render("t", rows(builders.record()))


def test_an_interval_stands_beside_the_statistic_it_is_of() -> None:
    """Protocol `keras` shows means: 80 ms in 77 to 92, where the median is 72."""
    step = builders.step(median=0.072, mean=0.080, low=0.077, high=0.092)
    keras = Timing(protocol="keras", batch_size=32, warmup=1, iterations=300, seconds=0)
    timings = builders.timings().model_copy(update={"steps": (step,), "protocol": "keras"})
    record = builders.record(builders.cell(timing=keras), timings=timings)
    (row,) = to_frame([record]).to_dict("records")
    shown = [row[f"inference_{name}"] for name in ("ms", "low_ms", "high_ms", "median_ms", "mean_ms")]
    assert shown == pytest.approx([80, 77, 92, 72, 80])
    exported = json.loads(text_of("github-action-benchmark", rows(record)))[0]
    assert (exported["value"], exported["range"]) == (pytest.approx(80), "77 to 92")
    assert to_frame([builders.record(timings=timings)])["inference_ms"][0] == pytest.approx(72)
    several = timings.model_copy(update={"steps": (step, step.model_copy(update={"batch_size": 1}))})
    text = render("t", rows(record.model_copy(update={"timings": several})))
    (line,) = table(text, "Inference by batch size")
    assert (line["Batch 1"], line["Batch 32"]) == ("12 images/s (80.0 ms)", "400 images/s (80.0 ms)")


def test_each_measurement_has_one_line_with_what_it_stands_for_and_what_speaks_against_it() -> None:
    doubt = Doubt(kind="drift", message="the machine's speed moved by 24% meanwhile", advice="Measure for longer.")
    owner, other = builders.cell(), builders.cell(seed=1)
    steps = (
        builders.step(measured_with=owner.id, doubts=(doubt,)),
        builders.step("training", 0.06, measured_with=owner.id, complete=False),
    )
    timings = builders.timings().model_copy(update={"steps": steps})
    text = render("t", rows(*(builders.record(cell, timings=timings) for cell in (owner, other))))
    inference, training = table(text, "Step times")
    assert (inference["Strategy"], inference["Cells"]) == ("all", "2")
    assert inference["Stable"] == "no"
    assert inference["In reference workloads"] == "0.396"
    assert (training["Strategy"], training["Stable"], training["Steps timed"]) == ("frozen", "yes", "10 (bound)")
    beside = text.partition("Why it is not stable")[2].splitlines()
    assert [line.split("|")[-2].strip() for line in beside if line.startswith("|") and "inference" in line] == [
        doubt.message
    ]
    assert "What would make these stable:" in text
    assert text.count(doubt.advice) == 1
    (row,) = table(text, "cats_dogs")
    assert row["Time (ms) per inference step (CPU)"].startswith("~20.0")
    assert not row["Time (ms) per training step (CPU)"].startswith("~")


def test_a_batch_size_and_a_device_that_all_lines_share_stand_below_the_table() -> None:
    """The table does not fit a page of 1200 pixels with them."""
    small, large = builders.step(), builders.step(batch_size=64)
    for steps, there in (((small, builders.step("training", 0.06)), False), ((small, large), True), ((small,), True)):
        timings = builders.timings().model_copy(update={"steps": steps})
        text = render("t", rows(builders.record(timings=timings)))
        line = table(text, "Step times")[0]
        assert ("Batch" in line) is there
        assert ("All lines: batch 32, device CPU." in text) is not there
    assert (line["Batch"], line["Device"]) == ("32", "CPU")


def test_of_several_advices_of_a_kind_the_one_that_asks_for_the_most_is_given() -> None:
    doubts = [Doubt(kind="wide", message=f"±{n}%", advice=f"About {n} more rounds are needed.") for n in (4, 12, 9)]
    steps = tuple(builders.step(batch_size=n + 1, doubts=(doubt,)) for n, doubt in enumerate(doubts))
    text = render("t", rows(builders.record(timings=builders.timings().model_copy(update={"steps": steps}))))
    assert "About 12 more rounds" in text
    assert "About 9 more rounds" not in text


def test_batch_sizes_give_a_curve() -> None:
    steps = tuple(builders.step(median=0.01 * size, batch_size=size) for size in (32, 1, 8))
    timings = builders.timings().model_copy(update={"steps": steps})
    (row,) = table(render("t", rows(builders.record(timings=timings))), "Inference by batch size")
    assert row["Batch 1"] == "100 images/s (10.0 ms)"
    assert row["Batch 32"] == "100 images/s (320 ms)"
    assert "Inference by batch size" not in render("t", rows(builders.record()))


def test_a_batch_size_with_fewer_than_six_steps_has_no_number() -> None:
    few = ((0.01, 0.011), (0.012, 0.01, 0.011))
    steps = tuple(builders.step(median=0.01 * size, batch_size=size) for size in (32, 8))
    steps += (builders.step(median=0.011, batch_size=1, rounds=few),)
    timings = builders.timings().model_copy(update={"steps": steps})
    (row,) = table(render("t", rows(builders.record(timings=timings))), "Inference by batch size")
    assert "Batch 8" in row
    assert "Batch 1" not in row


def test_a_trained_cell_whose_step_times_were_lost_says_so() -> None:
    lost = builders.record(timings=None, timing_failure=builders.failed().failure)
    text = render("t", rows(lost))
    (row,) = table(text, "cats_dogs")
    assert row["Top-1"] == "93.0% (89–96)"
    assert "Time (ms) per training step (CPU)" not in row
    (trouble,) = table(text, "Cells that gave no numbers")
    assert trouble["Status"] == "no step times"
    assert to_frame([lost])["error"][0] == "SIGKILL: the process was killed"


def test_a_machine_that_only_timed_is_named_with_its_versions_and_what_it_did() -> None:
    server = builders.environment(cpu="Server CPU", threads="32").model_copy(update={"versions": {"keras": "3.16.0"}})
    elsewhere = builders.timings().model_copy(update={"environment": server})
    text = render("t", rows(builders.record(timings=elsewhere), builders.record(builders.cell(seed=1), timings=None)))
    assert (
        "Machine: Test CPU, 2 threads, 24.0 GiB, Linux 6; step times: Server CPU, 32 threads, 24.0 GiB, Linux 6."
        in text
    )
    assert "Versions: python 3.11.7, keras 3.15.1; step times: python 3.11.7, keras 3.16.0." in text
    assert "Linux 6; step times" not in render("t", rows(builders.record()))
    report = Report("t", rows(builders.record(timings=elsewhere)))
    machine = json.loads(str(FORMATS["pytest-benchmark"].make(report)))["machine_info"]
    assert machine["cpu"] == {"brand_raw": "Server CPU"}

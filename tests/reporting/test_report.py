"""Reports say what was measured, what stands in for what, and what failed."""

import csv
import io
import json
import re
from typing import Any

import pytest

from tests import builders
from tests.narrow import present
from tlbench.core.cell import (
    Augmentation,
    EarlyStopping,
    Head,
    Limit,
    Named,
    RandAugment,
    ReduceLROnPlateau,
    Timing,
    Tuning,
)
from tlbench.reporting import numbers
from tlbench.reporting.formats import FORMATS, as_markdown, file_name
from tlbench.reporting.report import Report, RunRecord
from tlbench.results.measured import Doubt
from tlbench.results.record import Record
from tlbench.results.table import COLUMNS, TUNING_COLUMNS, to_frame
from tlbench.results.trained import Search, TrainedPhase, TrainingPath, Trial


def rows(*records: Record, run: str = "run") -> list[RunRecord]:
    return [RunRecord(run, record) for record in records]


def render(title: str, of: list[RunRecord]) -> str:
    return as_markdown(Report(title, of))


def text_of(name: str, of: list[RunRecord]) -> str:
    """A format that makes text."""
    made = FORMATS[name].make(Report("t", of))
    assert isinstance(made, str)
    return made


def table(text: str, heading: str) -> list[dict[str, str]]:
    """The lines of the first table under a heading, by column."""
    before = next(start for start in (f"## {heading}\n", f"<summary>{heading}</summary>\n") if start in text)
    section = re.split("\n## |\n<details>", text.split(before, 1)[1])[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [dict(zip(cells[0], row, strict=True)) for row in cells[2:]]


def test_a_row_has_the_columns_of_the_keras_table() -> None:
    (row,) = table(render("t", rows(builders.record())), "cats_dogs")
    assert row == {
        "Model": "MobileNet (alpha=0.25)",
        "Strategy": "frozen",
        "Size (MiB)": "0.84",
        "Top-1": "93.0% (88.6–95.8)",
        "Params": "219K",
        "Trainable": "514",
        "Depth": "55",
        "Time (ms) per inference step (CPU)": "20.0 (19.0–21.0)",
        "Time (ms) per training step (CPU)": "60.0 (57.0–63.0)",
    }


def test_a_cpu_run_and_a_gpu_run_of_the_same_cell_fill_one_row() -> None:
    gpu = builders.record(timings=builders.timings("gpu", 0.002, 0.005), environment=builders.environment(gpu="H100"))
    both = [*rows(builders.record(), run="cpu run"), *rows(gpu, run="gpu run")]
    text = render("t", both)
    (row,) = table(text, "cats_dogs")
    assert row["Time (ms) per inference step (CPU)"] == "20.0 (19.0–21.0)"
    assert row["Time (ms) per inference step (GPU)"] == "2.00 (1.90–2.10)"
    assert row["Time (ms) per training step (GPU)"] == "5.00 (4.75–5.25)"
    assert row["Top-1"] == "93.0% (88.6–95.8)"
    assert "Nothing here was measured on a GPU" not in text
    assert "- Machine of cpu run (CPU times): Test CPU, 2 threads, 24.0 GiB, Linux 6.\n" in text
    assert "- Machine of gpu run (GPU times): Test CPU, 2 threads, 24.0 GiB, H100, Linux 6.\n" in text


def test_two_cpu_runs_are_told_apart_by_name() -> None:
    both = [
        *rows(builders.record(), run="old"),
        *rows(builders.record(timings=builders.timings(inference=0.03)), run="new"),
    ]
    (row,) = table(render("t", both), "cats_dogs")
    assert row["Time (ms) per inference step (CPU)"] == "20.0 (19.0–21.0) [old], 30.0 (28.5–31.5) [new]"


def test_seeds_of_one_cell_share_a_row_with_their_spread() -> None:
    seeds = [
        builders.record(builders.cell(seed=seed), accuracy=builders.accuracy(correct))
        for seed, correct in enumerate([180, 186, 192])
    ]
    (row,) = table(render("t", rows(*seeds)), "cats_dogs")
    # Wilson for 186 of 200, and the standard deviation of 90, 93 and 96 %.
    assert row["Top-1"] == "93.0% (88.6–95.8) ± 3.0 (3 seeds)"


def test_only_settings_that_differ_get_a_column() -> None:
    other = builders.record(builders.cell(head=Head(name="flatten", hidden=(128,), dropout=0.5), image_size=160))
    first, second = table(render("t", rows(builders.record(), other)), "cats_dogs")
    assert (first["Head"], first["Image size"]) == ("gap", "96")
    assert (second["Head"], second["Image size"]) == ("flatten-128, dropout 0.5", "160")
    assert "Epochs" not in first


TRAINING = present(builders.cell().train)
DIFFERENT: list[dict[str, Any]] = [
    {"limit": Limit(train=20)},
    {"weights": "random"},
    {"image_size": 160},
    {"head": Head(output="sigmoid")},
    {"strategy": Named(name="partial", args={"trainable": 0.3})},
    {"strategy": Named(name="partial", args={"trainable": 0.5})},
    {"precision": "mixed_bfloat16"},
    {"backend": "jax"},
    {"jit": "on"},
    {"timing": None},
    *(
        {"train": TRAINING.model_copy(update=change)}
        for change in (
            {"epochs": 5},
            {"batch_size": 16},
            {"optimizer": "sgd"},
            {"learning_rate": 1e-4},
            {"augmentation": Augmentation(flip=True)},
            {"early_stopping": EarlyStopping()},
            {"reduce_lr": ReduceLROnPlateau(factor=0.5)},
            {"schedule": "step"},
            {"warmup": 0.0},
            {"label_smoothing": 0.1},
            {"weight_decay": 0.0},
            {"mixup": 0.2},
            {"cutmix": 1.0},
            {"rand_augment": RandAugment(magnitude=5)},
            {"tune": Tuning(l2=(0.1, 1.0))},
        )
    ),
]


@pytest.mark.parametrize("change", DIFFERENT, ids=[str(sorted(change)) for change in DIFFERENT])
def test_rows_of_different_cells_never_look_the_same(change: dict[str, object]) -> None:
    first, second = table(render("t", rows(builders.record(), builders.record(builders.cell(**change)))), "cats_dogs")
    assert first != second


def test_images_of_all_rows_are_told() -> None:
    fewer = builders.data().model_copy(update={"counts": {"train": {"cats": 20, "dogs": 20}}})
    text = render("t", rows(builders.record(), builders.record(builders.cell(limit=Limit(train=20)), data=fewer)))
    assert "images: 200 train, 200 validation, 200 test or 40 train." in text


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


def test_what_tuning_cost_has_a_column_and_what_it_chose_a_line() -> None:
    train = present(builders.cell().train)
    grid = train.model_copy(update={"learning_rate": 0.0, "tune": Tuning(learning_rate=(1e-4, 1e-3))})
    trials = tuple(Trial(setting=rate, val_loss=1 - rate, val_accuracy=0.5, seconds=4.0) for rate in (1e-4, 1e-3))
    searches = [
        Search(varied="learning_rate", trials=trials, chosen=chosen, monitor="val_loss", seconds=seconds)
        for chosen, seconds in ((1, 10.0), (0, 11.0))
    ]
    tuned = [
        builders.record(builders.cell(train=grid, seed=seed), search=search) for seed, search in enumerate(searches)
    ]
    text = render("t", rows(builders.record(), *tuned))
    plain, row = table(text, "cats_dogs")
    assert (plain["Tuning (s)"], row["Tuning (s)"]) == ("—", "10.5")
    assert plain["Tried"] == "nothing"
    assert (row["Learning rate"], row["Tried"]) == ("tuned", "learning rate 0.0001, 0.001")
    assert "Chosen of cells: frozen (learning rate 0.0001, 0.001) 0.0001 in 1, 0.001 in 1." in text
    assert "Tuning (s)" not in render("t", rows(builders.record()))
    frame = to_frame([builders.record(), tuned[0]])
    assert list(frame.columns) == [*COLUMNS, *TUNING_COLUMNS]
    assert list(frame.iloc[1][list(TUNING_COLUMNS)]) == ["learning_rate", 2, 1e-3, 10.0]


def test_two_machines_are_told_apart() -> None:
    records = [builders.record(), builders.record(environment=builders.environment(cpu="Other CPU"))]
    assert "Machine: Test CPU, 2 threads, 24.0 GiB, Linux 6; Other CPU, 2 threads" in render("t", rows(*records))


def test_where_all_cells_failed_no_empty_lists_are_left() -> None:
    text = render("t", rows(builders.failed(data=None, weights=None)))
    assert "Images:" not in text
    assert "Fallbacks: none." in text


def test_stand_ins_are_marked_in_heading_table_legend_conditions_and_file_name() -> None:
    drawn = builders.record(data=builders.data(fallback=True), weights=builders.weights(fallback=True))
    text = render("t", rows(drawn))
    (row,) = table(text, "cats_dogs (synthetic data, random weights)")
    assert row["Model"] == "MobileNet (alpha=0.25) †"
    assert "These are drawn pictures, no photographs" in text
    assert "Random weights stand in for ImageNet's" in text
    assert "Fallbacks: RANDOM WEIGHTS, SYNTHETIC DATA." in text
    assert file_name("md", rows(drawn)) == "report.synthetic-data.random-weights.md"
    assert file_name("md", rows(builders.record())) == "report.md"


def test_drawn_weights_are_marked_as_random_ones_are_and_said_to_be_something_else() -> None:
    record = builders.record(data=builders.data(fallback=True), weights=builders.weights(True, "drawn"))
    text = render("t", rows(record))
    (row,) = table(text, "cats_dogs (synthetic data, drawn weights)")
    assert row["Model"] == "MobileNet (alpha=0.25) †"
    assert "Drawn weights stand in for ImageNet's" in text
    assert "tlbench pretrained them on drawn pictures of other classes, and that is what transfers here" in text
    assert "What ImageNet's weights transfer: those that stand in for them know drawn pictures alone." in text
    assert "not transfer learning" not in text
    assert file_name("md", rows(record)) == "report.synthetic-data.drawn-weights.md"


def test_records_with_and_without_stand_ins_are_in_different_tables() -> None:
    drawn = builders.record(data=builders.data(fallback=True))
    text = render("t", [*rows(builders.record(), run="a"), *rows(drawn, run="b")])
    assert len(table(text, "cats_dogs")) == 1
    assert len(table(text, "cats_dogs (synthetic data)")) == 1


def test_failed_cells_are_listed_with_reason_and_advice() -> None:
    text = render("t", rows(builders.record(), builders.failed(builders.cell(strategy=Named(name="full")))))
    (row,) = table(text, "Cells that gave no numbers")
    assert row["Status"] == "killed"
    assert row["Why"] == "SIGKILL: the process was killed"
    assert row["What to do"] == "Lower batch_size."


def test_pipes_and_line_breaks_do_not_break_the_table() -> None:
    failure = builders.failed().failure
    assert failure is not None
    text = render("t", rows(builders.failed(failure=failure.model_copy(update={"message": "a|b\nc *d*"}))))
    assert r"SIGKILL: a\|b c \*d\*" in text


def test_no_difference_has_no_sign_of_its_own() -> None:
    assert [numbers.points(one) for one in (-0.0004, 0.0, -0.0006)] == ["+0.0", "+0.0", "-0.1"]
    assert numbers.points_between(-0.0004, 0.069) == "-0.0 to +6.9"  # that 0 lies in it is what it says


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


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "—"),
        (514, "514"),
        (2562, "2.6K"),
        (25_089, "25K"),
        (9949, "9.9K"),
        (9950, "10K"),
        (999_499, "999K"),
        (999_500, "1.0M"),
        (143_667_240, "143.7M"),
    ],
)
def test_counts_as_people_read_them(value: int | None, text: str) -> None:
    assert numbers.count(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "—"), (382.4, "382"), (99.96, "100"), (25.94, "25.9"), (9.996, "10.0"), (3.814, "3.81")],
)
def test_milliseconds_have_three_digits(value: float | None, text: str) -> None:
    assert numbers.milliseconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.3964, "0.396"), (99.96, "100"), (999.4, "999"), (999.6, "1000"), (9999.6, "10,000"), (219058, "219,058")],
)
def test_numbers_near_a_power_of_ten_are_written_as_numbers(value: float, text: str) -> None:
    assert numbers.significant(value) == text


def test_sizes_and_seconds_change_their_digits_where_they_are_written() -> None:
    assert [numbers.size(value) for value in (9.994, 9.996, 10.4)] == ["9.99", "10", "10"]
    assert [numbers.seconds(value) for value in (99.94, 99.96)] == ["99.9 s", "2 min"]


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


def test_of_many_classes_the_first_are_named() -> None:
    classes = tuple(f"class{number}" for number in range(1000))
    text = render("t", rows(builders.record(data=builders.data().model_copy(update={"classes": classes}))))
    assert "1000 classes (class0, class1, class2, class3, class4, class5, class6, class7, and 992 more); images" in text
    assert "class999" not in text


@pytest.mark.parametrize(
    ("commit", "id_", "dirty"), [("abc123", "abc123", False), ("abc123+", "abc123", True), (None, None, False)]
)
def test_local_changes_are_told_to_pytest_benchmark(commit: str | None, id_: str | None, dirty: bool) -> None:
    provenance = builders.record().provenance.model_copy(update={"git_commit": commit})
    found = json.loads(text_of("pytest-benchmark", rows(builders.record(provenance=provenance))))["commit_info"]
    assert (found["id"], found["dirty"]) == (id_, dirty)


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
    assert inference["Stable"] == "no: the machine's speed moved by 24% meanwhile"
    assert inference["In reference workloads"] == "0.396"
    assert (training["Strategy"], training["Stable"], training["Steps timed"]) == ("frozen", "yes", "10 (bound)")
    assert "What would make them stable: Measure for longer." in text
    (row,) = table(text, "cats_dogs")
    assert row["Time (ms) per inference step (CPU)"].startswith("~20.0")
    assert not row["Time (ms) per training step (CPU)"].startswith("~")


def test_batch_sizes_give_a_curve() -> None:
    steps = tuple(builders.step(median=0.01 * size, batch_size=size) for size in (32, 1, 8))
    timings = builders.timings().model_copy(update={"steps": steps})
    (row,) = table(render("t", rows(builders.record(timings=timings))), "Inference by batch size")
    assert row["Batch 1"] == "100 images/s (10.0 ms)"
    assert row["Batch 32"] == "100 images/s (320 ms)"
    assert "Inference by batch size" not in render("t", rows(builders.record()))


def test_a_trained_cell_whose_step_times_were_lost_says_so() -> None:
    lost = builders.record(timings=None, timing_failure=builders.failed().failure)
    text = render("t", rows(lost))
    (row,) = table(text, "cats_dogs")
    assert row["Top-1"] == "93.0% (88.6–95.8)"
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

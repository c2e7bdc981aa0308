"""The Markdown report: rows and columns of its tables, conditions, stand-ins and failures."""

from typing import Any

import pytest

from tests import builders
from tests.narrow import present
from tests.reporting.tables import render, rows, table
from tlbench.core.cell import Head, Limit, Named
from tlbench.core.training import Augmentation, EarlyStopping, RandAugment, ReduceLROnPlateau, Tuning
from tlbench.reporting.formats import file_name, kept_files
from tlbench.reporting.report import Report
from tlbench.reporting.views import conditions
from tlbench.results.table import COLUMNS, TUNING_COLUMNS, to_frame
from tlbench.results.trained import Search, Trial


def test_a_row_has_the_columns_of_the_keras_table() -> None:
    (row,) = table(render("t", rows(builders.record())), "cats_dogs")
    assert row == {
        "Model": "MobileNet (alpha=0.25)",
        "Strategy": "frozen",
        "Size (MiB)": "0.84",
        "Top-1": "93.0% (89–96)",
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
    assert row["Top-1"] == "93.0% (89–96)"
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
    assert row["Top-1"] == "93.0% (83–97) ± 3.0 (3 seeds)"


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
    full = drawn.model_copy(update={"cell": (cell := builders.cell(strategy=Named(name="full"))), "cell_id": cell.id})
    pictures = [name for name in kept_files(Report("t", rows(drawn, full))) if name.endswith(".svg")]
    assert "report.synthetic-data.random-weights.choice-cats-dogs.svg" in pictures
    assert not [name for name in pictures if name.count("synthetic") != 1 or name.count("random") != 1]
    mixed = [name for name in kept_files(Report("t", rows(drawn, full, builders.record()))) if "choice" in name]
    assert len(mixed) == 2, "what only the mark tells apart keeps it"


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


def test_of_many_classes_the_first_are_named() -> None:
    classes = tuple(f"class{number}" for number in range(1000))
    text = render("t", rows(builders.record(data=builders.data().model_copy(update={"classes": classes}))))
    assert "1000 classes (class0, class1, class2, class3, class4, class5, class6, class7 and 992 more); images" in text
    assert "class999" not in text


def test_the_conditions_say_which_protocol_shows_means_and_which_medians() -> None:
    keras = builders.timings().model_copy(update={"protocol": "keras"})
    records = [builders.record(), builders.record(builders.cell(strategy=Named(name="full")), timings=keras)]
    assert conditions.conditions(records)[2].startswith("Time per step: median (quick) or mean (keras) over steps")
    assert conditions.conditions(records[:1])[2].startswith("Time per step: median over steps")
    assert conditions.conditions(records[1:])[2].startswith("Time per step: mean over steps")

"""A report of several runs: of each cell the first result counts once, and only times of one run are compared."""

import json
from functools import partial

import numpy as np
import pytest

from tests import builders
from tests.narrow import present
from tests.reporting.choices import nested, on_gpu, trained
from tests.reporting.tables import table
from tests.reporting.test_caveats import lines_of
from tlbench.core.cell import Limit
from tlbench.regression.contrasts import Right, recipes
from tlbench.reporting import costs
from tlbench.reporting.answer import sentence
from tlbench.reporting.document import Table
from tlbench.reporting.formats import as_json, as_markdown, as_text
from tlbench.reporting.plots import Curves
from tlbench.reporting.report import Report, RunRecord
from tlbench.reporting.views import batch_sizes
from tlbench.results.measured import Doubt, Memory, Relative
from tlbench.results.record import Record

TIME = "Time (ms) per inference step (CPU)"
SEEDS = [trained("A", "full", 180 + seed, 20.0, seed) for seed in range(3)]


def report(**runs: list[Record]) -> Report:
    rows = [RunRecord(run, one, partial(nested, one)) for run, records in runs.items() for one in records]
    return Report("t", rows)


def test_answers_are_read_once_and_stay_what_they_were() -> None:
    read: list[Record] = []

    def answers(record: Record) -> Right | None:
        read.append(record)
        return None if record is SEEDS[2] else nested(record)

    once = Report("t", [RunRecord("run", one, partial(answers, one)) for one in SEEDS])
    for _ in range(2):
        for record in SEEDS[:2]:
            found = once.answers(record)
            assert found is not None
            assert found.dtype == np.bool_
            np.testing.assert_array_equal(found, nested(record))
        assert once.answers(SEEDS[2]) is None
    assert read == SEEDS


def test_seeds_that_a_shard_cut_apart_are_one_recipe_again() -> None:
    whole, parts = report(run=SEEDS), report(part_1=SEEDS[:1], part_2=SEEDS[1:])
    (row,) = table(as_markdown(parts), "cats_dogs")
    assert row["Top-1"] == "90.5% (85–94) ± 0.5 (3 seeds)"  # of 181 of 200 images, and seeds of 90, 90.5 and 91 %
    assert row["Top-1"] == table(as_markdown(whole), "cats_dogs")[0]["Top-1"]
    (answer,) = json.loads(as_json(parts))["answers"]
    assert answer["take"]["cells"] == [one.cell_id for one in SEEDS]
    assert answer["take"]["top1"] == pytest.approx(0.905)
    others = [trained("B", "full", 150 + seed, 30.0, seed) for seed in range(3)]
    (decision,) = report(part_1=[*others, *SEEDS[:1]], part_2=SEEDS[1:]).decisions
    assert "95 % confidence: 2 recipes on the same 200 test images" in decision.choice.certainty


def test_a_second_run_of_a_cell_is_no_second_seed_anywhere() -> None:
    again = [on_gpu(one) for one in SEEDS[:1]]
    both = report(cpu=SEEDS[:1], gpu=again)
    (row,) = table(as_markdown(both), "cats_dogs")
    assert row["Top-1"] == "90.0% (85–93)"
    (answer,) = json.loads(as_json(both))["answers"]
    assert answer["take"]["cells"] == [SEEDS[0].cell_id]
    assert [len(recipe.records) for recipe in both.recipes] == [1]


def test_real_photographs_stand_beside_what_stood_in_for_them() -> None:
    def of(strategy: str, correct: int, *, drawn: bool) -> Record:
        data = builders.data(fallback=drawn).model_copy(update={"fingerprint": ("d" if drawn else "f") * 64})
        return trained("A", strategy, correct, data=data)

    drawn = [of("frozen", 120, drawn=True), of("full", 130, drawn=True)]
    real = [of("frozen", 170, drawn=False), of("full", 190, drawn=False)]
    text = as_markdown(report(drawn=drawn, real=real))
    gained = table(text, "What each strategy gains over frozen")
    assert [(row["Data set"], row["Gain"]) for row in gained] == [
        ("cats_dogs (synthetic data)", "+5.0"), ("cats_dogs", "+10.0"),
    ]  # fmt: skip


def test_records_with_other_weights_are_no_seeds_of_one_recipe() -> None:
    random = trained("A", "full", 120, seed=1, weights=builders.weights(fallback=True))
    assert [len(recipe.records) for recipe in recipes([SEEDS[0], random])] == [1, 1]


def test_times_of_two_runs_are_no_cost_and_each_says_whose_it_is() -> None:
    laptop, server = [trained("Small", "full", 188, 60.0)], [trained("Big", "full", 190, 20.0)]
    apart = report(laptop=laptop, server=server)
    (decision,) = apart.decisions
    assert [axis.key for axis in decision.choice.scatter.xs] == ["memory", "size", "parameters"]
    assert " ms " not in sentence(decision.choice)
    assert "it is not smaller" in sentence(decision.choice)
    assert "Step times here are of several runs, none of which timed all" in decision.choice.certainty
    text = as_markdown(apart)
    big, small = table(text, "cats_dogs")
    assert (small[TIME], big[TIME]) == ("60.0 (57.0–63.0) [laptop]", "20.0 (19.0–21.0) [server]")
    assert "only times of one run are to be compared" in text
    assert "ms a batch" not in as_text(apart)
    assert "`--format html=FILE` has the times of every run" in " ".join(as_text(apart).split())
    assert "Top-1 is of laptop (1 cell), server (1 cell)." in as_text(apart)


def test_where_one_run_timed_all_its_times_are_the_cost() -> None:
    laptop = [trained("Small", "full", 185, 60.0)]
    server = [trained("Small", "full", 185, 10.0), trained("Big", "full", 190, 20.0)]
    (decision,) = report(laptop=laptop, server=server).decisions
    assert [mark.x["inference-cpu"].value for mark in decision.choice.scatter.marks] == pytest.approx([20.0, 10.0])
    assert "several runs" not in decision.choice.certainty
    alone = as_markdown(report(run=[*laptop, *server[1:]]))
    assert "[run]" not in alone
    assert "only times of one run" not in alone


def in_turn(record: Record, ratio: float, anchor: Record) -> Record:
    """As if its steps had been timed in turn with those of the anchor."""
    relative = Relative(to=anchor.cell_id, estimate=ratio, low=ratio * 0.9, high=ratio * 1.1)
    timings = present(record.timings)
    steps = tuple(one.model_copy(update={"relative": relative}) for one in timings.steps)
    return record.model_copy(update={"timings": timings.model_copy(update={"steps": steps})})


def test_a_run_that_only_failed_is_not_said_to_have_the_cells_that_others_have() -> None:
    first = [trained("A", "frozen", 180, 55.0), trained("A", "full", 190, 82.0)]
    failed = first[1].model_copy(update={"status": "failed", "accuracy": None, "failure": builders.failed().failure})
    assert "Nothing here is of" not in as_text(report(first=first, second=[failed]))


def test_the_terminal_says_of_which_run_each_number_is_and_keeps_its_ratios() -> None:
    """The first run lacks one model, so that the times are the second's, in turn with an anchor of its own."""
    frozen, full = trained("A", "frozen", 180, 55.0), trained("A", "full", 190, 82.0)
    again = [trained("A", "frozen", 170, 52.0), trained("A", "full", 150, 77.0)]
    second = [in_turn(again[0], 1.0, again[0]), in_turn(again[1], 1.48, again[0])]
    first = [in_turn(frozen, 1.0, full)]
    text = as_text(report(first=first, second=second))
    assert "1.48x (77)" in text
    assert "Top-1 is of first (1 cell), second (1 cell); CPU times are of second.\n" in text
    assert "report's files" not in text, "of several runs none are written"
    both = as_text(report(first=[frozen, full], second=second))
    of_runs = (
        "Top-1 is of first (2 cells); CPU times are of first. Nothing here is of second, whose cells the others have"
    )
    assert of_runs in " ".join(both.split())
    assert "1.48x" not in both
    assert "`tlbench compare` sets two runs against each other" in " ".join(both.split())
    alone = as_text(report(second=second))
    assert "1.48x (77)" in alone
    assert "Top-1 is of" not in alone


def test_memory_is_that_of_the_first_run_and_not_between_a_process_with_a_gpu_and_one_without() -> None:
    def of(record: Record, mib: int, **identity: str) -> RunRecord:
        memory = Memory(peak=mib * 2**20, start=0, device_peak=None, weights=0, gradients=0, optimizer=0)
        environment = builders.environment(**identity)
        return RunRecord(
            "g" if identity else "c", record.model_copy(update={"memory": memory, "environment": environment})
        )

    first, second = trained("A", "full", 180), trained("B", "full", 180)
    both = [of(first, 395), of(first, 2900, gpu="H100")]
    found = {axis.key: values for axis, values in costs.compared([both]).items()}
    assert [reading.text for reading in found["memory"] if reading] == ["395 MiB at the peak"]
    apart = costs.compared([both[:1], [of(second, 2900, gpu="H100")]])
    assert "memory" not in {axis.key for axis in apart}


def test_a_second_run_on_the_same_kind_of_device_is_counted_and_drawn() -> None:
    sizes = (32, 1, 8)

    def of(run: str, times: float) -> RunRecord:
        steps = tuple(builders.step(median=times * size, batch_size=size) for size in sizes)
        return RunRecord(run, builders.record(timings=builders.timings().model_copy(update={"steps": steps})))

    rows = [of("old", 0.02), of("new", 0.03)]
    (section,) = batch_sizes.sections(Report("t", rows))
    drawn, shown = section.blocks
    assert isinstance(drawn, Curves)
    assert isinstance(shown, Table)
    names = [line.name for line in drawn.panels[0].lines]
    assert names == ["MobileNet (alpha=0.25), 96 px, CPU, run old", "MobileNet (alpha=0.25), 96 px, CPU, run new"]
    assert [row[3] for row in shown.rows] == ["old", "new"]
    assert "6 of 6 measurements are unstable" in lines_of(*map(doubted, rows))


def doubted(row: RunRecord) -> RunRecord:
    timings = row.record.timings
    assert timings is not None
    doubt = Doubt(kind="wide", message="known to 20% only", advice="Measure for longer.")
    steps = tuple(step.model_copy(update={"doubts": (doubt,)}) for step in timings.steps)
    return RunRecord(row.run, row.record.model_copy(update={"timings": timings.model_copy(update={"steps": steps})}))


def test_other_photographs_of_one_number_are_other_rows_under_other_headings() -> None:
    data = builders.data()
    other = data.model_copy(update={"fingerprint": "0123456789" + "0" * 54})
    text = as_markdown(report(a=[trained("A", "full", 190)], b=[trained("A", "full", 150, data=other)]))
    assert "## Which to take for cats_dogs, 200 training images, images ffffffff\n" in text
    assert "## Which to take for cats_dogs, 200 training images, images 01234567\n" in text
    rows = table(text, "cats_dogs")
    assert [(row["Images"], row["Top-1"][:5]) for row in rows] == [("ffffffff", "95.0%"), ("01234567", "75.0%")]
    fewer = [trained("A", "full", 150, limit=Limit(train=20), data=other)]
    (row, _) = table(as_markdown(report(a=[trained("A", "full", 190), *fewer])), "cats_dogs")
    assert "Images" not in row, "they follow from their number"

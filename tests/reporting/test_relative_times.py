"""Times relative to the anchor in tables: which columns there are, what stands in them, and what is left empty."""

from collections.abc import Sequence

import pytest

from tests import builders
from tests.narrow import present
from tests.reporting.tables import render, rows, table
from tlbench.core.cell import Named
from tlbench.reporting import numbers
from tlbench.reporting.formats import as_text
from tlbench.reporting.report import Report
from tlbench.results.measured import Doubt, Relative, Timings
from tlbench.results.record import Record
from tlbench.results.table import to_frame

ANCHOR = builders.cell()
INFERENCE, TRAINING = "Time (ms) per inference step (CPU)", "Time (ms) per training step (CPU)"
RELATIVE = "Relative time per training step (CPU)"


def timed(
    training: Relative | None, seconds: float = 0.0614, doubts: Sequence[Doubt] = (), device: str = "cpu"
) -> Timings:
    """Inference is the anchor's own, as for all strategies of a backbone."""
    inference = builders.step().model_copy(update={"relative": to_anchor(1.0)})
    step = builders.step("training", seconds, doubts=tuple(doubts)).model_copy(update={"relative": training})
    return builders.timings(device).model_copy(update={"steps": (inference, step)})


def to_anchor(estimate: float, to: str = ANCHOR.id) -> Relative:
    if estimate == 1.0:
        return Relative(to=to, estimate=1.0, low=1.0, high=1.0)
    return Relative(to=to, estimate=estimate, low=estimate - 0.05, high=estimate + 0.06, beside=((0.02,),))


def record(strategy: str, timings: Timings) -> Record:
    return builders.record(builders.cell(strategy=Named(name=strategy)), timings=timings)


FROZEN, FULL = record("frozen", timed(to_anchor(1.0))), record("full", timed(to_anchor(1.789)))


def test_relative_times_stand_before_milliseconds_of_two_digits() -> None:
    text = render("t", rows(FROZEN, FULL))
    first, second = table(text, "cats_dogs")
    assert list(first)[-2:] == [RELATIVE, TRAINING]
    assert (first[RELATIVE], second[RELATIVE]) == ("1", "1.79 (1.74–1.85)")
    assert second[TRAINING] == "61"
    assert "relative to that of MobileNet (alpha=0.25), frozen, in the median of the rounds that both have" in text


def test_a_relative_time_has_three_digits_in_tables_and_on_the_first_screen() -> None:
    """An interval of several per cent has no use for more, and the tables no room."""
    slow, slowest = record("partial", timed(to_anchor(12.345))), record("full", timed(to_anchor(199.284)))
    cells = [row[RELATIVE] for row in table(render("t", rows(FROZEN, slow, slowest)), "cats_dogs")]
    assert sorted(cells) == ["1", "12.3 (12.3–12.4)", "199 (199–199)"]
    said = as_text(Report("t", rows(FROZEN, slow, slowest)))
    assert "12.3x (61)" in said
    assert "199x (61)" in said


def test_a_step_that_all_rows_share_has_no_relative_column() -> None:
    (first, _) = table(render("t", rows(FROZEN, FULL)), "cats_dogs")
    assert first[INFERENCE] == "20.0 (19.0–21.0)"
    assert "Relative time per inference step (CPU)" not in first


def test_the_screenful_has_the_ratio_with_milliseconds_in_brackets_and_says_what_one_is() -> None:
    lost = record("partial", timed(None))
    lines = as_text(Report("t", rows(FROZEN, FULL, lost))).splitlines()
    assert max(map(len, lines)) <= 100
    found = {line.split(",")[1].split(" ")[1]: line.split("  ") for line in lines if line.startswith("MobileNet (")}
    shown = {name: [text.strip() for text in texts if text.strip()][3:5] for name, texts in found.items()}
    assert shown == {"frozen": ["20", "1x (61)"], "full": ["20", "1.79x (61)"], "partial": ["20", "— (61)"]}
    said = (
        "Times with an x are relative to 1x, that of MobileNet (alpha=0.25), frozen, and were measured in turn with it. "
        "The ms in brackets were not; do not divide them."
    )
    assert said in " ".join(lines)
    assert not any("~" in line for line in lines)  # all are stable, so that no mark is explained
    assert "relative to 1x" not in as_text(Report("t", rows(builders.record())))


def test_a_ratio_that_is_not_known_well_has_its_mark_and_milliseconds_have_theirs() -> None:
    wide = to_anchor(1.48).model_copy(update={"low": 1.10, "high": 1.55})
    text = as_text(Report("t", rows(FROZEN, FULL, record("partial", timed(wide)))))
    assert "~1.48x (61)" in text
    assert " 1.79x (61)" in text
    assert " ".join(text.split()).endswith("do not divide them. ~ before an x: known to no better than 10%.")
    assert "before an x" not in as_text(Report("t", rows(FROZEN, FULL)))


def test_where_no_time_is_stable_the_table_marks_none_and_the_sentence_does() -> None:
    doubt = Doubt(kind="wide", message="known to 20% only", advice="Measure for longer.")
    steps = tuple(builders.step(step, doubts=(doubt,)) for step in ("inference", "training"))
    shaky = builders.record(timings=builders.timings().model_copy(update={"steps": steps}))
    text = as_text(Report("t", rows(shaky)))
    assert text.count("~") == 1
    assert "~20 ms to classify 32 images" in text
    assert "No step time here is stable." in text
    assert "Times: ms a batch of 32 images; no time is stable." in text
    some = as_text(Report("t", rows(FROZEN, record("full", timed(to_anchor(1.789), doubts=[doubt])))))
    assert "1.79x (~61)" in some
    assert "Times: ms a batch of 32 images; ~ marks one that is not stable." in some
    assert "No step time here is stable" not in some


def test_whether_times_are_marked_is_one_decision_for_all_sets_of_images() -> None:
    doubt = Doubt(kind="wide", message="known to 20% only", advice="Measure for longer.")
    steps = tuple(builders.step(step, doubts=(doubt,)) for step in ("inference", "training"))
    shaky = builders.record(timings=builders.timings().model_copy(update={"steps": steps}))
    steady = builders.record(builders.cell(dataset=Named(name="intel")))
    report = Report("t", rows(shaky, steady))
    text = as_text(report)
    assert "Times: ms a batch of 32 images; ~ marks one that is not stable." in text
    first, second = (line for line in text.splitlines() if line.startswith("MobileNet ("))
    assert "~20" in first
    assert "~" not in second
    assert "No step time here is stable" not in text
    full = render("t", rows(shaky, steady))
    assert table(full, "cats_dogs")[0][INFERENCE].startswith("~20.0")
    assert "~20 ms to classify" in full
    assert "No step time here is stable" not in full


def test_the_anchor_is_named_in_the_table_of_a_data_set_in_which_it_was_not_trained() -> None:
    there = builders.cell(strategy=Named(name="full"), dataset=Named(name="intel"))
    text = render("t", rows(FROZEN, FULL, builders.record(there, timings=timed(to_anchor(1.789)))))
    assert text.split("## intel")[1].count("relative to that of MobileNet (alpha=0.25), frozen,") == 1


def test_a_time_whose_anchor_was_lost_keeps_its_interval() -> None:
    lost = record("full", timed(None))
    (_, second, third) = table(render("t", rows(FROZEN, lost, record("partial", timed(to_anchor(2.0))))), "cats_dogs")
    assert (second[RELATIVE], second[TRAINING]) == ("—", "61.4 (58.3–64.5)")
    assert third[RELATIVE] == "2.00 (1.95–2.06)"


def test_relative_times_of_other_anchors_are_not_read_down_one_column() -> None:
    other = record("full", timed(to_anchor(1.789, to="another")))
    (first, _) = table(render("t", rows(FROZEN, other)), "cats_dogs")
    assert RELATIVE not in first


def test_a_mark_on_every_row_tells_nothing_and_is_one_sentence() -> None:
    doubt = Doubt(kind="wide", message="known to 20% only", advice="Measure for longer.")
    steps = tuple(builders.step(step, doubts=(doubt,)) for step in ("inference", "training"))
    text = render("t", rows(builders.record(timings=builders.timings().model_copy(update={"steps": steps}))))
    (row,) = table(text, "cats_dogs")
    assert not row[INFERENCE].startswith("~")
    assert "No step time here is stable; why is said under Step times." in text
    some = render("t", rows(FROZEN, record("full", timed(to_anchor(1.789), doubts=[doubt]))))
    assert table(some, "cats_dogs")[1][TRAINING] == "~61"
    assert "~ marks a step time that is not stable" in some


def test_fewer_than_six_steps_are_no_number() -> None:
    few = builders.step().model_copy(update={"rounds": ((0.02, 0.02), (0.02, 0.02), (0.02,))})
    one = builders.step("training").model_copy(update={"rounds": ((0.06,),)})
    text = render("t", rows(builders.record(timings=builders.timings().model_copy(update={"steps": (few, one)}))))
    (row,) = table(text, "cats_dogs")
    assert (row[INFERENCE], row[TRAINING]) == ("— (5 steps)", "— (1 step)")
    assert "Fewer than 6 steps are no number" in text
    for line in table(text, "Step times"):
        assert not set(line) & {"Time (ms)", "Minimum", "95th percentile", "Images/s"}  # columns of dashes are left out


def test_step_times_say_the_ratio_and_images_a_second() -> None:
    _, full = table(render("t", rows(FROZEN, FULL)), "Step times")[-2:]
    assert (full["Relative"], full["Images/s"]) == ("1.79 (1.74–1.85)", "520")


def test_the_frame_has_the_ratio_its_interval_and_what_it_is_relative_to() -> None:
    (row,) = to_frame([FULL]).to_dict("records")
    found = [row[f"training_relative{end}"] for end in ("", "_low", "_high", "_to")]
    expected = present(present(FULL.timings).steps[1].relative)
    assert found == [expected.estimate, expected.low, expected.high, ANCHOR.id]
    assert to_frame([builders.record()])["training_relative"].isna().all()


@pytest.mark.parametrize(
    ("value", "text"),
    [(382.4, "380"), (1049.0, "1000"), (25.94, "26"), (9.96, "10"), (3.814, "3.8"), (0.0312, "0.031")],
)
def test_two_digits(value: float, text: str) -> None:
    assert numbers.two_digits(value) == text

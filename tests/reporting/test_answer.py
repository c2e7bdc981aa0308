"""The sentence that says what to take claims what the test found, and no more."""

import json
from collections.abc import Sequence
from functools import partial

import numpy as np
import pytest

from tests import builders
from tests.narrow import present
from tests.reporting.tables import table
from tlbench.core.cell import Limit, Named
from tlbench.core.errors import UserError
from tlbench.regression.contrasts import Right
from tlbench.reporting import numbers
from tlbench.reporting.answer import MOST_LISTED, listed, sentence
from tlbench.reporting.document import Note, Section, Table
from tlbench.reporting.formats import as_json, as_latex, as_markdown, as_text, kept_files
from tlbench.reporting.plots import Choice
from tlbench.reporting.render import latex
from tlbench.reporting.report import Report, RunRecord
from tlbench.reporting.views import choice, limited, rows
from tlbench.results.record import Record

IMAGES = 200


def trained(
    backbone: str, strategy: str, correct: int, ms: float | None = None, seed: int = 0, **changes: object
) -> Record:
    limit = {"limit": changes.pop("limit")} if "limit" in changes else {}
    of = builders.cell(backbone=Named(name=backbone), strategy=Named(name=strategy), seed=seed, **limit)
    timings = builders.timings(inference=ms / 1000, training=ms / 500) if ms else None
    fields: dict[str, object] = {"accuracy": builders.accuracy(correct, IMAGES), "timings": timings}
    return builders.record(of, **fields | changes)


def nested(record: Record) -> Right:
    """The first images are right: a better one has right all that a worse one has."""
    assert record.accuracy is not None
    right: Right = np.arange(IMAGES) < record.accuracy.correct
    return right


def report(records: Sequence[Record]) -> Report:
    return Report("t", [RunRecord("run", one, partial(nested, one)) for one in records])


def chosen(records: Sequence[Record]) -> Choice:
    section, *_ = choice.sections(report(records))
    block = section.blocks[0]
    assert isinstance(block, Choice)
    return block


def claims(records: Sequence[Record]) -> str:
    """What is said once for all answers."""
    return choice.how_sure(report(records).decisions)


THREE = [trained("Big", "full", 190, 80.0), trained("Small", "full", 187, 20.0), trained("Small", "frozen", 150, 20.0)]


def test_the_leader_its_interval_its_cost_and_what_may_be_as_good() -> None:
    found = chosen(THREE)
    # Wilson's interval of 190 of 200 at a confidence of 1 - 0.05 / 3, since it is the best of three.
    assert sentence(found) == (
        "Take Big, full: 95.0% (90 to 98), 80 ms to classify 32 images. 1 of the 2 others may be as good; it "
        "is Small, full, which is cheaper to run: 93.5% (88 to 97), 20 ms to classify 32 images."
    )
    assert listed(found) == "May be as good: Small, full."
    assert found.certainty == (
        "Compared, with 95 % confidence: 3 trained models, each with one seed, on the same 200 test images, of which "
        "guessing gets 50.0% right. For strategies in general, add seeds and run tlbench pairs."
    )


def test_some_with_one_seed_are_counted() -> None:
    several = [trained("A", "full", 180 + seed, 20.0, seed) for seed in range(3)]
    said = chosen([*several, trained("B", "full", 120, 20.0)]).certainty
    assert "Compared, with 95 % confidence: 2 trained models, 1 of them with one seed, on the same" in said


def test_what_the_claims_mean_is_said_once_for_all_data_sets() -> None:
    data = builders.data()
    fewer = data.model_copy(update={"fingerprint": "0" * 64})
    records = [*THREE, *(trained(name, "full", 150, data=fewer, limit=Limit(train=9)) for name in ("A", "B"))]
    for text in (as_text(report(records)), as_markdown(report(records)), as_latex(report(records))):
        assert text.count("Gupta") == 1
    assert claims(THREE[:1]) == ""
    (alone,) = choice.sections(report(THREE[:1]))
    assert alone.heading == "Which to take for cats_dogs"


def test_what_cannot_be_told_from_guessing_is_not_recommended() -> None:
    """Two classes with as many images: guessing gets half of them right."""
    poor = [trained("A", "full", 112, 80.0), trained("B", "frozen", 108, 20.0)]
    found = chosen(poor)
    assert sentence(found) == (
        "No model can be recommended by its top-1: the highest, 56.0% (48 to 64) of A, full, is not clearly above the "
        "50.0% that guessing gets."
    )
    assert sentence(found, [1]).startswith(
        "Within these limits no model can be recommended by its top-1: the highest, 54"
    )
    assert listed(found) == ""
    assert "**Take" not in as_markdown(report(poor))
    (answer,) = json.loads(as_json(report(poor)))["answers"]
    assert (answer["take"], answer["may_be_as_good"], answer["chance"]) == (None, [], 0.5)
    assert sentence(chosen([trained("A", "full", 130, 80.0)])).startswith("Take A, full")


def test_no_row_leads_where_nothing_is_recommended() -> None:
    """The column says what the sentence says. A table that has only such rows has no such column."""
    poor = [trained("A", "full", 112, 80.0), trained("B", "frozen", 108, 20.0)]
    text = as_markdown(report(poor))
    assert "Best?" not in text + as_text(report(poor))
    assert "a 95 % interval that holds for all rows of the same images together" in text
    other = builders.data().model_copy(update={"fingerprint": "0" * 64})
    good = [trained(record.cell.backbone.name, "full", 190, 80.0, data=other) for record in poor]
    mixed = as_markdown(report([*poor, *good]))
    assert [row["Best?"] for row in table(mixed, "cats_dogs")] == ["—", "—", "leads", "may be"]
    assert "Best? leads: the highest top-1" in mixed
    assert "—: none is recommended, since the highest top-1 is not clearly above what guessing gets." in mixed
    assert "—: none is recommended" not in as_markdown(report(THREE))


def test_within_a_limit_what_cannot_be_told_from_guessing_does_not_lead() -> None:
    section, *_ = choice.sections(report([trained("Big", "full", 190, 80.0), trained("Small", "full", 105, 20.0)]))
    folded = [block for block in section.blocks if isinstance(block, Section)]
    lines = [row for one in folded for block in one.blocks if isinstance(block, Table) for row in block.rows]
    assert not [row for row in lines if row[2] == "Small, full"]


def test_within_limits_the_sentence_is_another() -> None:
    found = chosen(THREE)
    assert sentence(found, [1, 2]) == (
        "Within these limits take Small, full: 93.5% (88 to 97), 20 ms to classify 32 images. As trained here, it is better "
        "than the other one."
    )
    assert sentence(found, [2]).endswith("75.0% (67 to 82), 20 ms to classify 32 images.")
    assert sentence(found, []) == "Nothing that was tested is within these limits."
    assert listed(found, []) == listed(found, [2]) == ""


def test_limits_are_named_by_their_cost_and_wrong_ones_are_told() -> None:
    (section,) = limited.sections(report(THREE), {"inference": 50, "memory": 1000})
    (note,) = section.blocks
    assert isinstance(note, Note)
    assert note.lines == (sentence(chosen(THREE), [1, 2]),)
    with pytest.raises(UserError, match="there is no cost 'inferense' here; did you mean 'inference'"):
        limited.sections(report(THREE), {"inferense": 50})
    with pytest.raises(UserError, match="nothing was trained, so there is nothing to choose from"):
        limited.sections(Report("t", []), {"size": 1})
    both = [*THREE, replace_device(trained("Third", "full", 180, 20.0))]
    with pytest.raises(UserError, match="inference may be inference-cpu or inference-gpu; name one of them"):
        limited.sections(report(both), {"inference": 50})
    with pytest.raises(
        UserError, match=r"'x' here; known costs: inference-cpu, inference-gpu, memory, parameters, size"
    ):
        limited.sections(report(both), {"x": 50})


def lines_within(records: Sequence[Record], **limits: float) -> tuple[str, ...]:
    (section,) = limited.sections(report(records), limits)
    (note,) = section.blocks
    assert isinstance(note, Note)
    return tuple(map(str, note.lines))


@pytest.mark.parametrize(
    ("limits", "fit"),
    [({"inference": 55}, True), ({"inference": 54}, False), ({"parameters": 219_000}, True), ({"size": 0.83}, False)],
)
def test_what_is_written_as_the_limit_is_within_it(limits: dict[str, float], fit: bool) -> None:
    """55.1 ms are read as 55, and 219,058 parameters as 219K."""
    said = lines_within([trained("Big", "full", 190, 80.0), trained("Small", "full", 187, 55.1)], **limits)
    assert ("Small, full" in said[0]) == fit


def test_where_nothing_fits_the_cheapest_of_each_cost_is_named() -> None:
    cheap = trained("Small", "full", 187, 55.1)
    assert lines_within([trained("Big", "full", 190, 80.0), cheap], inference=20, size=0.1) == (
        "Nothing that was tested is within these limits.",
        "The cheapest by inference is Small, full: 55 ms to classify 32 images.",
        "The cheapest by size is Big, full: 0.84 MiB.",
    )


def test_a_limit_of_time_says_why_there_are_no_times() -> None:
    with pytest.raises(
        UserError, match=r"inference: No step was timed here: .* Known costs: memory, parameters, size$"
    ):
        lines_within([trained("Big", "full", 190)], inference=20)
    with pytest.raises(UserError, match="inference-gpu: No such step was timed here"):
        lines_within(THREE, **{"inference-gpu": 20})
    runs = [RunRecord(run, one) for run, one in zip("ab", THREE, strict=False)]
    with pytest.raises(UserError, match="training: Step times here are of several runs, none of which timed all"):
        limited.sections(Report("t", runs), {"training": 20})


def test_a_leader_that_is_cheapest_already_is_not_beaten_by_its_own_cost() -> None:
    two = [trained("A", "full", 190, 20.0), trained("B", "full", 188, 90.0)]
    assert "The other one may be as good; it is not cheaper to run." in sentence(chosen(two))
    three = [*two, trained("C", "full", 187, 95.0)]
    assert "Both others may be as good; neither is cheaper to run." in sentence(chosen(three))
    four = [*three, trained("D", "full", 186, 96.0)]
    assert "All 3 others may be as good; none of them is cheaper to run." in sentence(chosen(four))


def test_without_times_the_size_says_what_running_costs() -> None:
    half = present(builders.record().counts).model_copy(update={"size_mb": 0.4})
    said = sentence(chosen([trained("A", "full", 190), trained("B", "full", 189, counts=half)]))
    assert said == (
        "Take A, full: 95.0% (90 to 97), 0.84 MiB. The other one may be as good; it is B, full, which is smaller: 94.5% "
        "(90 to 97), 0.40 MiB."
    )
    alike = sentence(chosen([trained("A", "full", 190), trained("B", "full", 189)]))
    assert alike.endswith("The other one may be as good; it is not smaller.")


def test_without_times_and_counts_nothing_is_said_of_what_running_costs() -> None:
    said = sentence(chosen([trained(name, "full", right, counts=None) for name, right in (("A", 190), ("B", 189))]))
    assert said == "Take A, full: 95.0% (90 to 97). The other one may be as good."


def test_a_model_is_named_once_for_all_its_strategies_that_may_be_as_good() -> None:
    several = [trained("A", name, 190 - number) for number, name in enumerate(("full", "norm", "bias", "frozen"))]
    found = chosen([*several[:3], trained("B", "full", 186), several[3]])
    assert listed(found) == "May be as good: A: norm, bias, frozen; B: full."
    size = [trained("A", "full", 190 - number, limit=Limit(train=10 + number)) for number in range(3)]
    assert listed(chosen(size)) == (
        "May be as good: A, full, training images per class 11; A, full, training images per class 12."
    )


def test_seeds_are_counted_image_by_image_so_that_equal_recipes_are_equal() -> None:
    """163, 163 and 164 of 200 are as many as 164, 164 and 162, whatever the rounding of their means."""
    records = [trained("A", "full", right, 20.0, seed) for seed, right in enumerate((163, 163, 164))]
    records += [trained("B", "full", right, 10.0, seed) for seed, right in enumerate((164, 164, 162))]
    assert [mark.name for mark in chosen(records).scatter.marks] == ["B, full", "A, full"]


def test_the_full_table_says_which_rows_may_be_the_best() -> None:
    text = as_markdown(report(THREE))
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.split("## cats_dogs\n")[1].splitlines()
    ]
    table = [line for line in lines if len(line) > 5][:5]
    place = table[0].index("Best?")
    assert [line[place] for line in table[2:]] == ["leads", "may be", ""]
    assert "Best? leads: the highest top-1" in text
    assert "Best?" not in as_markdown(report(THREE[:1]))


def test_a_model_has_one_interval_and_one_place_in_all_of_a_report() -> None:
    """The table of the data set has the accuracies of the answer, in its order, and not in that of the suite."""
    seeds = [trained("Many", "full", 180 + seed, 20.0, seed) for seed in range(3)]
    of = report([*reversed(THREE), *seeds])
    (decision,) = of.decisions
    expected = [rows.with_interval(mark.y) for mark in decision.choice.scatter.marks]
    assert expected[0] == "95.0% (90–98)"
    full = [row["Top-1"].partition(" ±")[0] for row in table(as_markdown(of), "cats_dogs")]
    screen = [line.split("  ") for line in as_text(of).splitlines() if "%" in line and "–" in line]
    assert full == expected
    assert [next(part.strip() for part in line if "%" in part) for line in screen] == expected
    assert "a 95 % interval that holds for all rows of the same images together" in as_markdown(of)
    assert "with its 95 % interval" in as_markdown(report(THREE[:1]))


def test_json_begins_with_the_answer() -> None:
    answer, *others = json.loads(as_json(report(THREE)))["answers"]
    assert not others
    assert (answer["for"], answer["sentence"]) == ("cats_dogs", sentence(chosen(THREE)))
    assert answer["chance"] == 0.5
    assert answer["take"] == {
        "name": "Big, full",
        "cells": [THREE[0].cell_id],
        "top1": 0.95,
        "low": pytest.approx(0.8990, abs=1e-4),  # Wilson's of 190 of 200 at 1 - 0.05 / 3
        "high": pytest.approx(0.9759, abs=1e-4),
        "cost": {"axis": "inference-cpu", "value": 80.0, "unit": "ms"},
    }
    assert answer["cheapest_rival"] == answer["may_be_as_good"][0]
    assert answer["cheapest_rival"]["cost"] == {"axis": "inference-cpu", "value": 20.0, "unit": "ms"}
    assert [one["cells"] for one in answer["may_be_as_good"]] == [[THREE[1].cell_id]]
    for bound in (answer["take"]["low"], answer["take"]["high"]):
        assert bound == round(bound, 12), "the rest differs among processors"


def test_json_has_no_cost_where_none_is_known_and_no_rival_where_there_is_none() -> None:
    (untimed,) = json.loads(as_json(report([trained("A", "full", 190), trained("B", "full", 189)])))["answers"]
    assert untimed["take"]["cost"] == {"axis": "size", "value": 0.836, "unit": "MiB"}
    (alone,) = json.loads(as_json(report([trained("A", "full", 190, counts=None, memory=None)])))["answers"]
    assert (alone["take"]["cost"], alone["cheapest_rival"]) == (None, None)


def test_an_interval_over_other_training_images_is_told_from_one_of_a_single_training() -> None:
    scores = present(trained("A", "frozen", 180).accuracy).model_copy(update={"resampled": (0.9, 0.91, 0.89, 0.9)})
    head = trained("A", "frozen", 180, 20.0, accuracy=scores)
    said = "The interval of a solved head covers other training images as well (resamples)"
    assert said in claims([head, trained("B", "full", 170)])
    assert said in " ".join(as_text(report([head, trained("B", "full", 170)])).split())
    assert said not in claims(THREE)


def test_latex_begins_with_the_answer() -> None:
    assert f"\\textbf{{{latex.escape(sentence(chosen(THREE)))}}}" in as_latex(report(THREE))


def test_a_run_of_which_nothing_but_accuracy_is_known_has_a_report_without_that_picture() -> None:
    bare = [
        builders.record(builders.cell(strategy=Named(name=name)), timings=None, memory=None, counts=None)
        for name in ("frozen", "full")
    ]
    made = kept_files(report(bare))
    assert b"Take MobileNet (alpha=0.25), " in made["report.html"]
    assert not any(name.startswith("report.choice") for name in made)


def test_alone_nothing_is_compared() -> None:
    found = chosen(THREE[:1])
    assert sentence(found) == "Take Big, full: 95.0% (91 to 97), 80 ms to classify 32 images."
    assert found.certainty == "Nothing else was tested on the same 200 test images, of which guessing gets 50.0% right."


def test_few_test_images_are_said_to_say_little() -> None:
    few = trained("Small", "full", 15).model_copy(update={"accuracy": builders.accuracy(15, 18)})
    said = chosen([few]).certainty
    # Wilson's interval of 9 of 18 is 29.0 to 71.0 %.
    assert said.startswith(
        "18 test images say little: one more that is right is 5.6 points, and an accuracy of a half is known to within "
        "21 points either way."
    )
    enough = few.model_copy(update={"accuracy": builders.accuracy(80, 100)})
    assert "say little" not in chosen([enough]).certainty


def test_seeds_make_it_about_recipes() -> None:
    several = [
        trained(name, "full", correct + seed, 20.0, seed)
        for name, correct in (("A", 180), ("B", 120))
        for seed in range(3)
    ]
    found = chosen(several)
    assert sentence(found).endswith(" It is better than the other one.")
    assert "This holds for other seeds (3 each), and for other test images" in claims(several)
    scores = present(several[0].accuracy).model_copy(update={"resampled": (0.9, 0.91, 0.89, 0.9)})
    head = trained("A", "frozen", 180, 20.0, accuracy=scores)
    with_head = claims([*several, head])
    assert (
        "seeds (3 each), for other training images where a head was solved and has no seed, and for other" in with_head
    )


def test_what_stands_in_for_photographs_or_weights_is_said_before_anything_is_claimed() -> None:
    drawn = chosen(
        [
            trained("A", "full", 190, data=builders.data(fallback=True)),
            trained("B", "full", 100, data=builders.data(fallback=True)),
        ]
    )
    random = chosen([trained("A", "full", 190, weights=builders.weights(fallback=True))])
    assert drawn.certainty.startswith("These are drawn pictures")
    assert random.certainty.startswith("Random weights stand in")


def test_answers_that_were_not_kept_are_told() -> None:
    section, *_ = choice.sections(Report("t", [RunRecord("run", one) for one in THREE]))
    block = section.blocks[0]
    assert isinstance(block, Choice)
    assert "Answers to single images were not kept of all" in block.certainty


def test_other_images_are_another_choice() -> None:
    data = builders.data()
    fewer = data.model_copy(
        update={"fingerprint": "0" * 64, "counts": {**data.counts, "train": {"cats": 10, "dogs": 10}}}
    )
    sections = choice.sections(report([THREE[0], trained("Small", "full", 180, data=fewer)]))
    assert [section.heading for section in sections] == [
        "Which to take for cats_dogs, 200 training images", "Which to take for cats_dogs, 20 training images",
    ]  # fmt: skip


def test_the_best_within_each_limit_is_a_folded_table() -> None:
    section, *_ = choice.sections(report(THREE))
    folded = section.blocks[1]
    assert isinstance(folded, Section)
    assert folded.folded
    (table,) = folded.blocks
    assert isinstance(table, Table)
    assert table.rows[:2] == (
        ("Inference step (ms, CPU)", "20", "Small, full", "93.5%", "0 of 1"),
        ("Inference step (ms, CPU)", "80", "Big, full", "95.0%", "1 of 2"),
    )


def test_of_limits_that_are_written_alike_the_last_leader_is_named() -> None:
    section, *_ = choice.sections(report([trained("A", "full", 180, 20.01), trained("B", "full", 190, 20.02)]))
    folded = [block for block in section.blocks if isinstance(block, Section)]
    lines = [row for one in folded for block in one.blocks if isinstance(block, Table) for row in block.rows]
    assert not [row for row in lines if row[0] == "Inference step (ms, CPU)" and row[2] == "A, full"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (20.0, "20"),
        (13.21, "13.3"),
        (0.836, "0.836"),
        (0.8361, "0.837"),
        (999.2, "1,000"),
        (219058.0, "219,058"),
        (0, "0"),
    ],
)
def test_a_limit_is_never_written_below_what_it_is_of(value: float, text: str) -> None:
    assert numbers.at_most(value) == text


def test_many_rivals_are_counted_not_listed() -> None:
    found = chosen([trained(f"B{number:02}", "full", 180) for number in range(MOST_LISTED + 5)])
    assert listed(found).endswith("; B12, full, and 4 more.")


@pytest.mark.parametrize("name", ["MobileNetV2ButWithALongName", "X"])
def test_a_screenful_fits_a_hundred_columns_even_with_both_devices(name: str) -> None:
    records = [
        trained(name, "a strategy with quite a long name, and some arguments too", 180 + n, 20.0 + n, n)
        for n in range(3)
    ]
    both = [RunRecord("cpu", one) for one in records]
    both += [RunRecord("gpu", replace_device(one)) for one in records]
    lines = as_text(Report("t", both)).splitlines()
    assert max(map(len, lines)) <= 100
    assert any("Infer GPU" in line for line in lines)


def replace_device(record: Record) -> Record:
    return record.model_copy(update={"timings": builders.timings("gpu", 0.002, 0.004)})

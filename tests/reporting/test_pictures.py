"""Pictures show what was measured: each number of a record is where it belongs."""

import re
from dataclasses import replace
from pathlib import Path
from statistics import mean

import pytest

from tests import builders
from tests.regression.test_transfer import FULL, SCRATCH, trained
from tests.reporting.large import small
from tlbench.reporting.document import Table, pictures
from tlbench.reporting.formats import as_markdown, as_svg
from tlbench.reporting.plots import Confusion, Curves, Picture, Spans, Strips
from tlbench.reporting.render import svg
from tlbench.reporting.report import Report, RunRecord
from tlbench.reporting.views import gains, step_times, training
from tlbench.results.record import Record
from tlbench.session.report import load

REFERENCE = Path(__file__).parents[2] / "results/reference"


def pictures_of(*records: Record) -> dict[str, Picture]:
    report = Report("t", [RunRecord("run", record) for record in records])
    return {each.name: each for each in pictures(report.document.blocks)}


def test_every_sample_of_a_step_is_a_dot_beside_the_number_of_the_tables() -> None:
    drawn = pictures_of(builders.record())["step-times"]
    assert isinstance(drawn, Strips)
    inference, training = drawn.strips
    assert inference.samples == pytest.approx([sample * 1000 for sample in builders.step().samples])
    assert (inference.value, inference.text) == (pytest.approx(20), "20.0 ms, 10 steps")
    assert {inference.group, training.group} == {"MobileNet (alpha=0.25)"}
    assert (inference.name, training.name) == ("inference", "training, frozen")
    dots = re.findall(r'class="dots" d="([^"]*)"', svg.draw(drawn))
    assert [dot.count("h0") for dot in dots] == [10, 10]


def test_of_many_samples_some_are_drawn_and_of_many_measurements_the_fastest() -> None:
    long = builders.step(rounds=(tuple(0.02 + number / 1e5 for number in range(1000)),))
    steps = [long, *(builders.step(median=1 / n) for n in range(1, 41))]
    measured = [step_times.Measurement("run", builders.cell(), "cpu", step, 1) for step in steps]
    (drawn,) = step_times.pictures(measured)
    assert len(drawn.strips) == step_times.MOST
    assert max(len(strip.samples) for strip in drawn.strips) <= step_times.MOST_SAMPLES
    assert max(strip.value for strip in drawn.strips) == pytest.approx(
        1000 / 26
    )  # 15 of 1/40 to 1/26, and the long one
    assert drawn.title == "Samples of step times: the fastest 16, batch 32"


def test_throughput_is_drawn_against_batch_size() -> None:
    steps = tuple(builders.step(median=0.01 + 0.001 * size, batch_size=size) for size in (32, 1, 8))
    drawn = pictures_of(builders.record(timings=builders.timings().model_copy(update={"steps": steps})))["batch-sizes"]
    assert isinstance(drawn, Curves)
    (line,) = drawn.panels[0].lines
    assert line.points == tuple((size, pytest.approx(size / (0.01 + 0.001 * size))) for size in (1, 8, 32))
    assert drawn.log


def test_curves_of_transfer_and_scratch_have_their_start_slope_and_asymptote() -> None:
    records = [trained("scratch", curve, seed) for seed, curve in enumerate(SCRATCH)]
    records += [trained("full", curve, seed, head=0.7) for seed, curve in enumerate(FULL)]
    drawn = pictures_of(*records)["transfer-mobilenet-alpha-0-25-on-cats-dogs"]
    assert isinstance(drawn, Curves)
    lines = {line.name: line for line in drawn.panels[0].lines}
    solid = lines["MobileNet (alpha=0.25), full: validation accuracy"]
    assert solid.points == tuple(
        (number + 1, pytest.approx(mean(values))) for number, values in enumerate(zip(*FULL, strict=True))
    )
    # The best three epochs in a row of each seed: 0.9, 0.9, 0.88; by hand.
    level = lines["MobileNet (alpha=0.25), full: asymptote 89.3%"]
    assert level.points == ((1, pytest.approx(2.68 / 3)), (6, pytest.approx(2.68 / 3)))
    (slope,) = (line for name, line in lines.items() if "scratch: start 20.0%" in name)
    assert slope.points[0] == (1, pytest.approx(0.2))
    assert slope.dashed
    assert not slope.marked
    assert svg.draw(drawn).count("<polyline") == len(lines)


def test_the_caption_of_gains_says_only_what_is_drawn() -> None:
    """With one seed there is neither a bar nor a filled mark."""
    (once, *_) = [block for block in gains.section(small().gains).blocks if isinstance(block, Spans)]
    assert once.caption == f"{gains.RIGHT_IS_BETTER} {gains.NO_BAR}"
    several = load(REFERENCE / "full-data").gains
    (judged, *_) = [block for block in gains.section(several).blocks if isinstance(block, Spans)]
    assert judged.caption == f"{gains.RIGHT_IS_BETTER} {gains.BARS} {gains.FILLED}"


def test_gains_are_drawn_for_each_data_set_and_the_largest_where_they_are_many() -> None:
    drawn = [each for each in pictures(small().document.blocks) if isinstance(each, Spans)]
    assert [each.name for each in drawn] == ["gains-cats-dogs", "gains-intel"]
    assert [span.value for span in drawn[0].spans] == pytest.approx([-1.25, -1.5, 2.25, 2.75])  # of 400 images
    assert not any(span.told for span in drawn[0].spans), "of one seed each, nothing is judged"
    many = [replace(small().gains[0], recipe=gain.recipe) for gain in small().gains] * 20
    (first, *_) = [block for block in gains.section(many).blocks if isinstance(block, Spans)]
    assert len(first.spans) == gains.MOST_DRAWN
    assert first.title.endswith(": the largest 40")


def test_a_solved_head_has_no_curve_and_no_place_in_the_legend() -> None:
    (section, *_) = training.sections(small())
    (curves,) = (block for block in section.blocks if isinstance(block, Curves))
    assert any(len(record.history) == 1 for record in small().tested)
    assert {line.of.rpartition(", ")[2] for line in curves.panels[0].lines} == {"partial (trainable=0.3)", "full"}


def test_a_model_without_a_mistake_has_a_sentence_and_no_empty_table() -> None:
    right = builders.accuracy(200, 200).model_copy(update={"confusion": ((100, 0), (0, 100))})
    text = as_markdown(Report("t", [RunRecord("r", builders.record(accuracy=right))]))
    assert "classified every test image correctly." in text
    assert "Taken for" not in text


def test_confusion_says_over_how_many_seeds_its_images_are_added_up() -> None:
    first = next(record for record in small().records if record.cell.strategy.name == "full")
    accuracy = first.accuracy
    assert accuracy is not None
    seed1 = first.cell.model_copy(update={"seed": 1})
    again = first.model_copy(update={"cell": seed1, "cell_id": seed1.id})
    for records, times, words, heading in (
        ([first], 1, "the class that was predicted.", "Images"),
        (
            [first, again],
            2,
            "predicted, added up over 2 seeds: each image is counted once for each.",
            "Images (2 seeds)",
        ),
        ([first, first], 1, "the class that was predicted.", "Images"),  # a second run is no second seed
    ):
        report = Report("t", [RunRecord(f"run{at}", one) for at, one in enumerate(records)])
        (section,) = training.sections(report)
        (drawn,) = (block for block in section.blocks if isinstance(block, Confusion))
        (table,) = (block for block in section.blocks if isinstance(block, Table))
        assert words in drawn.caption
        assert table.columns[2].heading == heading
        assert sum(map(sum, drawn.counts)) == times * sum(map(sum, accuracy.confusion))


def test_the_reference_run_has_each_picture_beside_its_markdown() -> None:
    assert {name.split("-")[0] for name in as_svg(small())} == {"choice", "gains", "curves", "confusion", "step"}

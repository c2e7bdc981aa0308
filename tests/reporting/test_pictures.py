"""Pictures show what was measured: each number of a record is where it belongs."""

import io
import json
import re
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import mean
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from tests import builders
from tests.narrow import present
from tests.regression.test_transfer import FULL, SCRATCH, trained
from tests.reporting.large import small
from tlbench.core.errors import UserError
from tlbench.reporting.document import Note, Table, pictures
from tlbench.reporting.formats import FORMATS, as_svg
from tlbench.reporting.plots import (
    Axis,
    Confusion,
    Curves,
    Look,
    Mark,
    Picture,
    Reading,
    Scatter,
    Span,
    Spans,
    Strip,
    Strips,
    looks,
)
from tlbench.reporting.render import curves as curves_svg
from tlbench.reporting.render import png, svg
from tlbench.reporting.render import scatter as scatter_svg
from tlbench.reporting.render.confusion import DARKEST
from tlbench.reporting.render.drawing import NARROW, frame
from tlbench.reporting.render.scale import Scale
from tlbench.reporting.report import Report, RunRecord
from tlbench.reporting.views import gains, phases, step_times, training
from tlbench.reporting.views.cells import slim
from tlbench.results.record import Record
from tlbench.session.report import load

REFERENCE = Path(__file__).parents[2] / "results/reference"
SVG = "{http://www.w3.org/2000/svg}"


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


def test_gains_stand_beside_a_line_at_0_and_what_was_told_from_it_is_filled() -> None:
    spans = tuple(
        Span(name, group, value, low, high, f"{value:+.1f} points", told)
        for name, group, value, low, high, told in (
            ("full", "A", 3.0, 1.0, 5.0, True), ("norm", "A", -1.0, -2.0, 0.5, False), ("full", "B", 2.0, None, None, False),
        )
    )  # fmt: skip
    root = ElementTree.fromstring(svg.file(Spans("gains", "t", "points", spans, "")))
    words = [element.text for element in root.iter(f"{SVG}text")]
    assert [word for word in words if word in {"A", "B", "full", "norm"}] == ["A", "full", "norm", "B", "full"]
    paths = {kind: [one.get("d") or "" for one in root.iter(f"{SVG}path") if one.get("class") == kind] for kind in ("zero", "bar", "shape", "shape dashed")}  # fmt: skip
    zero = float(present(re.match(r"M([\d.]+) ", paths["zero"][0]))[1])
    ends = [[float(end) for end in re.findall(r"[MH]([\d.]+)", bar)] for bar in paths["bar"]]
    assert zero < ends[0][0] < ends[0][1]
    assert ends[1][0] < zero < ends[1][1]
    assert ends[2] == []
    assert (len(paths["shape"]), len(paths["shape dashed"])) == (1, 2)


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


def test_where_the_time_of_a_run_went_adds_up() -> None:
    steps = tuple(builders.step(kind, median=0.5) for kind in ("inference", "training"))
    timings = builders.timings().model_copy(update={"steps": steps})
    (section,) = phases.sections(Report("t", [RunRecord("run", builders.record(timings=timings))]))
    head, table, _ = section.blocks
    assert isinstance(head, Note)
    assert isinstance(table, Table)
    # 0.5 + 6 + 1.5 s of phases; each measurement: its first call, warm-up, ten samples, and half of the reference
    # workload, which was read once a round for both.
    timed = [phases.seconds(step) + sum(step.reference) / 2 for step in steps]
    one = steps[0]
    assert timed[0] == pytest.approx(one.first_call + sum(one.warmup) + 10 * 0.5 + sum(one.reference) / 2, rel=0.02)
    total = 8 + sum(timed)
    headings = [column.heading for column in table.columns]
    assert headings == ["Model", "Strategy", "Build (s)", "Train (s)", "Evaluate (s)", "Step times (s)", "All (s)", "Of the run"]  # fmt: skip
    assert {row[1]: float(str(row[-2])) for row in table.rows} == pytest.approx(
        {"frozen": 8 + timed[1], "all: inference": timed[0]}, abs=0.06
    )
    assert str(head.lines[0]).startswith(f"{total:.0f} s of work: step times {sum(timed) / total:.0%}, train")


def test_the_reference_workload_counts_once_for_all_steps_that_took_turns_with_it() -> None:
    readings = [(0.05, 0.06, 0.07), (0.05, 0.06), (0.08,), ()]
    steps = [builders.step(batch_size=size, reference=reference) for size, reference in enumerate(readings, 1)]
    measurements = [step_times.Measurement("run", builders.cell(), "cpu", step, 1) for step in steps]
    shares = phases.of_reference(measurements)
    assert shares == pytest.approx([0.055 + 0.07, 0.055, 0.08, 0])
    assert sum(shares) == pytest.approx(0.05 + 0.06 + 0.07 + 0.08)


def marks(*names: str, group: str = "g") -> tuple[Mark, ...]:
    return tuple(
        Mark(name, group, Reading(0.5 + 0.05 * at, "50%"), {"ms": Reading(10.0 * (at + 1), "10 ms")})
        for at, name in enumerate(names)
    )


def test_a_legend_tells_groups_and_marks_are_named_without_them() -> None:
    scatter = Scatter("s", "t", Axis("y", "y"), (Axis("ms", "ms"),), (*marks("A, one", "A, two", group="A"), *marks("B, one", group="B")), "")  # fmt: skip
    texts = [element.text for element in ElementTree.fromstring(svg.file(scatter)).iter(f"{SVG}text")]
    assert {"A", "B", "one", "two"} <= set(texts)
    alone = Scatter("s", "t", Axis("y", "y"), (Axis("ms", "ms"),), marks("A, one", "A, two", group="A"), "")
    assert "A, two" in svg.file(alone)


def test_a_backbone_has_one_colour_in_all_pictures_of_a_report() -> None:
    """The picture of what to take begins with the best one, that of gains with the first of the suite."""
    drawn = as_svg(small())
    colours: dict[str, dict[str, str]] = {}
    for kind in ("choice", "gains", "curves", "step-times"):
        colours |= {name: {} for name in drawn if name.startswith(kind)}
    assert len(colours) == 7
    for name in colours:
        marks = ElementTree.fromstring(drawn[name]).iter(f"{SVG}g")
        said = [
            (mark.findtext(f"{SVG}title", ""), mark.get("class", ""))
            for mark in marks
            if "mark" in mark.get("class", "")
        ]
        colours[name] = {label.partition(",")[0]: kind.split()[1] for label, kind in said}
    first, *others = colours.values()
    assert set(first.values()) == {"c0", "c1"}
    assert all(one == first for one in others), colours


def test_a_backbone_keeps_its_look_where_another_one_is_missing() -> None:
    """Colours go by the order of the report, not by the place in a picture."""
    order = ("A", "B", "C")
    both = (*marks("B, one", group="B"), *marks("C, one", group="C"))
    scatter = Scatter("s", "t", Axis("y", "y"), (Axis("ms", "ms"),), both, "", order)
    assert scatter.looks == {"B": Look(1, 1), "C": Look(2, 2)}
    spans = Spans("g", "t", "points", (Span("one", "C", 1.0, None, None, "", told=False),), "", order)
    assert 'class="mark c2"' in svg.draw(spans)
    strips = Strips("s", "t", "ms", (Strip("one", "B", (1.0, 2.0), 1.0, ""),), "", order)
    assert 'class="mark c1"' in svg.draw(strips)
    every = looks([f"model {number}" for number in range(64)], ())
    assert len(set(every.values())) == 64


def test_strips_stand_under_the_name_of_their_group_or_beside_it_where_each_has_one() -> None:
    def words(*of: tuple[str, str]) -> list[str]:
        strips = tuple(Strip(name, group, (1.0, 2.0), 1.0, "") for group, name in of)
        return re.findall(
            r'class="(?:tick|label)">([^<]*[a-zA-Z]+[^<]*)<', svg.draw(Strips("s", "t", "ms", strips, ""))
        )

    assert words(("A", "inference"), ("A", "training")) == ["A", "inference", "training"]
    assert words(("A", "inference"), ("B", "inference")) == ["A: inference", "B: inference"]


def test_names_that_are_too_long_for_a_narrow_picture_stand_whole_above_their_rows() -> None:
    long = "full, training images per class 250"
    spans = Spans("g", "t", "points", tuple(Span(name, "MobileNet", 1.0, 0.5, 1.5, "", told=False) for name in (long, "norm")), "")  # fmt: skip
    strips = Strips("s", "t", "ms", (Strip(long, "A", (1.0, 2.0), 1.0, ""), Strip("b", "A", (1.0,), 1.0, "")), "")
    for picture in (spans, strips):
        narrow = svg.draw(picture, width=NARROW)
        assert f'text-anchor="start" class="tick label">{long}<' in narrow
        (name,) = re.findall(rf'y="([\d.]+)"[^>]*>{long}<', narrow)
        mark = re.findall(r'class="(?:bar|middle)" d="M[\d.]+ ([\d.]+)', narrow)[0]
        assert float(name) < float(mark)
        assert f">{long}<" in svg.draw(picture)
    short = Spans("g", "t", "points", (Span("full", "MobileNet", 1.0, None, None, "", told=False),), "")
    assert 'text-anchor="end" class="tick">full<' in svg.draw(short, width=NARROW)


def test_curves_have_the_colour_of_their_backbone_and_a_shape_for_each_strategy() -> None:
    drawn = {each.name: each for each in pictures(small().document.blocks)}
    found = []
    for name in ("curves-cats-dogs", "curves-intel"):
        curves = drawn[name]
        assert isinstance(curves, Curves)
        found.append({line.of: line.look for panel in curves.panels for line in panel.lines})
    first, second = found
    assert first == second, "in whichever order they come"
    assert {name.partition(",")[0]: look.colour for name, look in first.items()} == {
        "MobileNet (alpha=0.25)": 0,
        "MobileNetV2 (alpha=0.35)": 1,
    }
    assert {look.shape for name, look in first.items() if name.endswith("full")} == {2}


def test_curves_of_one_backbone_have_colours_of_their_own_and_say_its_name_once() -> None:
    (section, _) = training.sections(load(REFERENCE / "strategies"))
    (curves,) = (block for block in section.blocks if isinstance(block, Curves))
    looks = {line.of: line.look for line in curves.panels[0].lines}
    assert len(set(looks.values())) == len(looks) == training.MOST
    assert not any("MobileNet" in name for name in looks)
    assert curves.caption.endswith("All are of MobileNetV2 (alpha=0.35).")


def test_a_solved_head_has_no_curve_and_no_place_in_the_legend() -> None:
    (section, *_) = training.sections(small())
    (curves,) = (block for block in section.blocks if isinstance(block, Curves))
    assert any(len(record.history) == 1 for record in small().tested)
    assert {line.of.rpartition(", ")[2] for line in curves.panels[0].lines} == {"partial (trainable=0.3)", "full"}


def equals(*tops: float, cost: float = 10.0) -> Scatter:
    found = tuple(
        Mark(f"A, {at}", "A", Reading(top, "", top - 0.05, top + 0.05), {"ms": Reading(cost, "")})
        for at, top in enumerate(tops)
    )
    return Scatter("s", "t", Axis("y", "y"), (Axis("ms", "ms"),), found, "")


def places(scatter: Scatter) -> list[tuple[float, float]]:
    drawn = scatter_svg.draw(scatter, scatter.xs[0])
    return [
        (float(x) + 5, float(y))
        for _, x, y in sorted(re.findall(r'data-place="(\d+)".*?class="shape" d="M([\d.]+) ([\d.]+)a', drawn))
    ]


def test_equal_marks_stand_side_by_side_and_none_hides_another() -> None:
    found = places(equals(0.9, 0.9, 0.9))
    assert len({y for _, y in found}) == 1
    across = sorted(x for x, _ in found)
    assert across[1] == pytest.approx(found[0][0]), "the best one stays where it is"
    assert [b - a for a, b in pairwise(across)] == [scatter_svg.APART] * 2
    (best, _), (other, _) = places(equals(0.9, 0.86))
    assert abs(best - other) == scatter_svg.BESIDE, "marks are apart, and their intervals are not"
    many = [x for x, _ in places(equals(*[0.9] * 20))]
    assert max(many) - min(many) <= 2 * scatter_svg.FURTHEST


def test_labels_are_within_the_axes() -> None:
    """The first one has room above its mark only, where the name of the axis is."""
    for width in (720, 360):
        for at in (0.0, 0.5, 1.0):
            found = Mark("A, a long name of a strategy", "A", Reading(1.0, "", 0.4, 1.0), {"ms": Reading(at + 1, "")})
            edge = tuple(
                Mark(f"{g}, {n}", g, Reading(n / 2, ""), {"ms": Reading(n + 1.0, "")}) for n in (0, 1, 2) for g in "BC"
            )
            scatter = Scatter("s", "t", Axis("y", "Top-1"), (Axis("ms", "ms"),), (found, *edge), "")
            drawn = ElementTree.fromstring(
                svg.draw(scatter, width=width).replace("<svg ", f'<svg xmlns="{SVG[1:-1]}" ')
            )
            labels = [one for one in drawn.iter(f"{SVG}text") if one.get("class") == "label"]
            title = next(one for one in drawn.iter(f"{SVG}text") if one.text == "Top-1")
            legend = {"A", "B", "C"}
            tops = [float(one.get("y", "0")) for one in labels if one.text not in legend]
            assert min(tops) - 10 > float(title.get("y", "0"))


def test_a_narrow_picture_has_its_panels_below_each_other_and_letters_of_the_same_size() -> None:
    for each in pictures(small().document.blocks):
        wide, narrow = svg.draw(each), svg.draw(each, width=NARROW)
        assert max(map(float, re.findall(r'<text x="([\d.]+)"', narrow))) <= NARROW
        (box,) = re.findall(r'viewBox="0 0 (\d+) (\d+)"', narrow)
        assert int(box[0]) <= NARROW
        assert "<title>" in narrow
        assert narrow.count("<title>") == wide.count("<title>")
        if isinstance(each, Curves):
            assert int(box[1]) >= 2 * curves_svg.HEIGHT


def test_the_reference_run_has_each_picture_beside_its_markdown() -> None:
    assert {name.split("-")[0] for name in as_svg(small())} == {"choice", "gains", "curves", "confusion", "step"}


def test_the_record_on_a_page_is_the_record_to_five_digits_without_raw_samples() -> None:
    record = builders.record(accuracy=builders.accuracy().model_copy(update={"loss": 0.123456789}))
    shown = json.loads(slim(record))
    assert shown["accuracy"]["loss"] == 0.12346
    assert (shown["cell_id"], shown["counts"]["params"]) == (record.cell_id, 219_058)
    assert "rounds" not in shown["timings"]["steps"][0]
    assert shown["cell"]["dataset"] == {"name": "cats_dogs"}


def test_png_is_drawn_from_the_same_svg_in_its_colours() -> None:
    pytest.importorskip("resvg_py")
    drawn = next(each for each in pictures(small().document.blocks) if isinstance(each, Confusion))
    image = Image.open(io.BytesIO(png.file(drawn)))
    width = float(present(re.search(r'width="(\d+)"', svg.file(drawn)))[1])
    assert image.width == png.ZOOM * width
    blue, white = (0x1F, 0x5F, 0xA8), (255, 255, 255)
    (row,), (total,) = drawn.counts[:1], {sum(drawn.counts[0])}
    shade = 0.05 + (DARKEST - 0.05) * row[0] / total
    mixed = tuple(round(a * shade + b * (1 - shade)) for a, b in zip(blue, white, strict=True))
    found = {colour for _, colour in image.convert("RGB").getcolors(1 << 20) or []}
    assert any(isinstance(one, tuple) and np.abs(np.subtract(one, mixed)).max() <= 2 for one in found)


def test_the_style_of_a_png_has_no_variable_and_every_colour_of_a_light_page() -> None:
    style = png.plain_style(svg.STYLE)
    assert "var(" not in style
    assert "@media" not in style
    assert ".figure .c0 .shape,.figure .c0.shape{fill:#1f5fa8;" in style
    assert style.index(".figure .faded .bar,") > style.index(".figure .c0 .bar,"), "it has the last word"
    assert style.index(".figure .dominated .shape{fill:#fff}") > style.index(".figure .c0 .shape,")


def test_without_the_package_that_draws_it_png_is_refused_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(UserError, match=r"pip install 'tlbench\[pictures\]'"):
        FORMATS["png"].make(small())


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


@pytest.mark.parametrize(
    ("low", "high", "most", "ticks"),
    [
        (52, 290, 9, [70, 100, 150, 200]),
        (0.8, 30, 9, [1, 2, 5, 10, 20]),
        (0.8, 30, 5, [1, 2, 5, 10, 20]),
        (80, 200, 9, [80, 100, 120, 140, 160, 180, 200]),
    ],
)
def test_a_logarithmic_axis_has_enough_ticks_to_read_a_value(
    low: float, high: float, most: int, ticks: list[float]
) -> None:
    assert Scale(low, high, 0, 600, log=True).ticks(most) == pytest.approx(ticks)


def test_a_logarithmic_axis_says_so_in_its_label() -> None:
    y = Scale(0, 1, 100, 0)
    assert ">Size (MiB), log scale<" in frame(Scale(1, 9, 0, 600, log=True), y, "Size (MiB)", "Top-1", share=True)
    assert "log scale" not in frame(Scale(1, 9, 0, 600), y, "Size (MiB)", "Top-1", share=True)

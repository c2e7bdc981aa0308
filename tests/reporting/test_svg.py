"""SVG pictures are readable: marks, names, legends and axes do not hide each other, at any width."""

import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from tests.narrow import present
from tests.reporting.choices import chosen, trained
from tests.reporting.drawn import SVG, marks
from tests.reporting.large import small
from tlbench.reporting.document import pictures
from tlbench.reporting.plots import Axis, Curves, Line, Look, Mark, Panel, Reading, Scatter, Span, Spans, Strip, Strips
from tlbench.reporting.render import curves as curves_svg
from tlbench.reporting.render import scatter as scatter_svg
from tlbench.reporting.render import svg
from tlbench.reporting.render.drawing import BOTTOM, LETTER, NARROW, frame
from tlbench.reporting.render.scale import Scale


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


def test_a_legend_tells_groups_and_marks_are_named_without_them() -> None:
    scatter = Scatter("s", "t", Axis("y", "y"), (Axis("ms", "ms"),), (*marks("A, one", "A, two", group="A"), *marks("B, one", group="B")), "")  # fmt: skip
    texts = [element.text for element in ElementTree.fromstring(svg.file(scatter)).iter(f"{SVG}text")]
    assert {"A", "B", "one", "two"} <= set(texts)
    alone = Scatter("s", "t", Axis("y", "y"), (Axis("ms", "ms"),), marks("A, one", "A, two", group="A"), "")
    assert "A, two" in svg.file(alone)


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


@pytest.mark.parametrize(("last", "count"), [(1, 2), (2, 3), (3, 4), (4, 5), (7, 4), (30, 4)])
def test_epochs_have_no_halves(last: int, count: int) -> None:
    line = Line("full", "full", Look(1, 1), tuple((float(at), 0.5) for at in range(last + 1)))
    drawn = ElementTree.fromstring(
        curves_svg.draw(Curves("curves-x", "Curves", "Epoch", (Panel("Accuracy", (line,)),), ""))
    )
    ticks = [one for one in drawn.iter() if one.get("class") == "tick" and one.get("text-anchor") == "middle"]
    assert len(ticks) == count
    assert all(present(one.text).isdigit() for one in ticks)


def test_a_label_longer_than_the_picture_has_two_lines() -> None:
    label = "Top-1 on cats_dogs (synthetic data, drawn weights) minus that of frozen, in points"
    drawn = frame(Scale(0, 9, 180, NARROW - 16), Scale(0, 1, 100, 0), label, "", share=False)
    lines = re.findall(r'<text x="([\d.]+)" y="([\d.]+)" text-anchor="middle" class="name">([^<]+)<', drawn)
    assert " ".join(words for *_, words in lines) == label
    assert len(lines) == 2
    for at, below, words in lines:
        assert float(at) - len(words) * LETTER / 2 >= 0
        assert float(at) + len(words) * LETTER / 2 <= NARROW
        assert float(below) < 100 + BOTTOM
    assert frame(Scale(0, 9, 0, 700), Scale(0, 1, 100, 0), label, "", share=False).count(label) == 1


def test_a_caption_tells_of_lines_only_where_costs_of_a_backbone_differ() -> None:
    def caption(*costs: float) -> str:
        return chosen([trained("A", f"s{n}", 190 - n, cost) for n, cost in enumerate(costs)]).scatter.caption

    assert "A line joins the strategies of one backbone where their costs differ." in caption(1.0, 2.0)
    assert "line" not in chosen([trained(name, "full", 190, 1.0) for name in "AB"]).scatter.caption


def test_a_logarithmic_axis_says_so_in_its_label() -> None:
    y = Scale(0, 1, 100, 0)
    assert ">Size (MiB), log scale<" in frame(Scale(1, 9, 0, 600, log=True), y, "Size (MiB)", "Top-1", share=True)
    assert "log scale" not in frame(Scale(1, 9, 0, 600), y, "Size (MiB)", "Top-1", share=True)

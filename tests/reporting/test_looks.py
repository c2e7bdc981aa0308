"""A backbone has the same colour and shape in all pictures of a report."""

from pathlib import Path
from xml.etree import ElementTree

from tests.reporting.drawn import SVG, marks
from tests.reporting.large import small
from tlbench.reporting.document import pictures
from tlbench.reporting.formats import as_svg
from tlbench.reporting.plots import Axis, Curves, Look, Scatter, Span, Spans, Strip, Strips, looks
from tlbench.reporting.render import svg
from tlbench.reporting.views import training
from tlbench.session.report import load

REFERENCE = Path(__file__).parents[2] / "results/reference"


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

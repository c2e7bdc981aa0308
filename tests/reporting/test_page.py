"""The page of a report: it says what the other formats say, needs nothing from outside, and obeys no name in it."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from tests import builders
from tests.narrow import present
from tests.reporting.large import large, small
from tlbench.core.cell import Named
from tlbench.reporting.answer import within
from tlbench.reporting.formats import as_html, as_markdown, as_svg, as_text
from tlbench.reporting.numbers import at_most
from tlbench.reporting.render.confusion import DARKEST
from tlbench.reporting.render.html import SCRIPT, STYLE
from tlbench.reporting.report import Report, RunRecord
from tlbench.reporting.views.cells import slim

HOSTILE = "<script>alert(1)</script>|*_ ![x](y) </title> ]]> '\" ::error::"


class Page(HTMLParser):
    """Elements of a page, with the data and the policy in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.attributes: list[tuple[str, str]] = []
        self.data: list[str] = []
        self.texts: list[str] = []
        self._in: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(name for name, _ in attrs)))
        self.attributes += [(name, value or "") for name, value in attrs]
        self._in = [tag, *(value or "" for _, value in attrs)]

    def handle_endtag(self, tag: str) -> None:
        self._in = []

    def handle_data(self, data: str) -> None:
        (self.data if self._in == ["script", "application/json"] else self.texts).append(data)


def of(name: str) -> Report:
    """A report in which everything that a user can name has this name."""
    data = builders.data().model_copy(
        update={"classes": (name, f"{name}2"), "counts": {"train": {name: 1}, "test": {name: 1}}}
    )
    rows = [
        RunRecord(name, builders.record(cell, data=data, accuracy=builders.accuracy(correct)))
        for cell, correct in (
            (builders.cell(dataset=Named(name=name), strategy=Named(name=f"{name}s")), 190),
            (builders.cell(dataset=Named(name=name), backbone=Named(name=f"{name}b")), 120),
        )
    ]
    failed = builders.failed(builders.cell(dataset=Named(name=name), seed=7))
    return Report(name, [*rows, RunRecord(name, failed)])


def test_a_page_obeys_no_name_in_it() -> None:
    page, harmless = Page(as_html(of(HOSTILE))), Page(as_html(of("harmless".ljust(len(HOSTILE), "s"))))
    assert page.elements == harmless.elements
    assert not any(name.startswith("on") or name == "style" for name, _ in page.attributes)
    marks = json.loads(page.data[0])["marks"]
    assert [mark["name"] for mark in marks] == [
        f"MobileNet (alpha=0.25), {HOSTILE}s",
        f"{HOSTILE}b, frozen",
    ]


def test_pictures_are_well_formed_whatever_names_are_in_them() -> None:
    for name, text in as_svg(of(HOSTILE)).items():
        root = ElementTree.fromstring(text)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert re.fullmatch(r"[a-z0-9-]+\.svg", name)
        assert {element.tag.split("}")[1] for element in root.iter()} <= {
            "svg", "style", "rect", "path", "text", "g", "title", "polyline",
        }  # fmt: skip


def test_a_page_takes_nothing_from_outside_and_runs_its_own_script_alone() -> None:
    text = as_html(small())
    policy = dict(part.split(" ", 1) for part in re.findall('Policy" content="(.*?)"', text)[0].split("; "))
    for kind, content in (("script-src", SCRIPT), ("style-src", STYLE)):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert policy[kind] == f"'sha256-{digest}'"
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == "'none'"
    page = Page(text)
    assert not {"link", "iframe", "img", "object", "base", "form"} & {tag for tag, _ in page.elements}
    assert {name for name, _ in page.attributes} & {"src", "srcset", "action", "style"} == set()
    assert "http" not in SCRIPT + STYLE
    assert "fetch(" not in SCRIPT


def test_all_formats_say_the_same_of_what_to_take() -> None:
    report = small()
    page = " ".join(Page(as_html(report)).texts)
    (first, second) = re.findall(r"^\*\*(Take .*)\*\*$", as_markdown(report), re.MULTILINE)
    text = " ".join(as_text(report).split())
    for said in (first, second):
        assert said in page
        assert said in text


def test_a_limit_of_the_page_is_one_that_can_be_typed() -> None:
    """The slider takes a model of 219,058 parameters: neither 219000 nor a limit that lets in another one."""
    data = [json.loads(text) for text in Page(as_html(small())).data if text.startswith('{"words"')]
    for found, decision in zip(data, small().decisions, strict=True):
        for limit in found["limits"]:
            assert limit["texts"] == [at_most(value) for value in limit["values"]]
            for value, text in zip(limit["values"], limit["texts"], strict=True):
                typed, chosen = (within(decision.choice, {limit["key"]: most}) for most in (number(text), value))
                assert typed == chosen
    parameters = next(limit for limit in data[0]["limits"] if limit["key"] == "parameters")
    assert parameters["texts"][0] == "219,058"


def test_limits_that_are_written_alike_are_one() -> None:
    records = [
        builders.record(
            builders.cell(strategy=Named(name=name)), timings=builders.timings(inference=seconds), memory=None
        )
        for name, seconds in (("frozen", 0.020001), ("norm", 0.020002), ("full", 0.03))
    ]
    (text,) = Page(as_html(Report("t", [RunRecord("run", one) for one in records]))).data[:1]
    times = json.loads(text)["limits"][0]
    assert (times["values"], times["texts"]) == (pytest.approx([20.002, 30]), ["20.1", "30"])


def number(text: str) -> float:
    return float(text.replace(",", ""))


@pytest.mark.parametrize(
    ("text", "digits", "unit"),
    [
        ("3.5M", "3.5", "M"),
        ("219K (12 %)", "219", "K"),
        ("12 min", "12", " min"),
        ("45 s", "45", " s"),
        ("5.3 h", "5.3", " h"),
        ("24 steps", "24", None),
        ("12 Models", "12", None),
        ("~1.79x (24)", "1.79", None),
        ("81.5% (73-88)", "81.5", None),
        ("1,024 images/s", "1,024", None),
        ("1e-05", "1e-05", None),
    ],
)
def test_a_table_is_sorted_by_the_number_a_cell_begins_with_in_its_unit(
    text: str, digits: str, unit: str | None
) -> None:
    pattern = present(re.search(r"const found = /(.*)/\.exec\(text\)", SCRIPT))[1]
    assert present(re.match(pattern, text)).groups() == (digits, unit)


def test_everything_that_is_said_in_markdown_is_on_the_page() -> None:
    report = small()
    page = " ".join("".join(Page(as_html(report)).texts).split())
    for line in as_markdown(report).splitlines():
        for cell in line.strip("|").split("|") if line.startswith("| ") else []:
            assert " ".join(cell.replace("\\", "").split()) in page


def test_every_control_has_a_name() -> None:
    page = Page(as_html(small()))
    for (tag, names), (first, _) in pairwise(page.elements):
        if tag == "svg" or "tabindex" in names:
            assert "aria-label" in names or (tag, first) == ("g", "title")
    assert ("html", ("lang",)) in page.elements
    assert sum(tag == "h1" for tag, _ in page.elements) == 1


def test_no_line_ends_between_a_sign_and_what_it_belongs_to() -> None:
    page = as_html(small())
    assert re.search(r"\) ±&nbsp;\d\.\d \(20&nbsp;resamples\)</td>", page)
    cells = re.findall(r"<td[^>]*>(.*?)</td>", page)
    assert not [cell for cell in cells if "± " in cell]
    stand_in = builders.record(weights=builders.weights(fallback=True))
    assert "MobileNet (alpha=0.25)&nbsp;†" in as_html(Report("t", [RunRecord("r", stand_in)]))


def test_the_small_suite_has_a_small_page() -> None:
    assert len(as_html(small()).encode()) < 300_000


def test_forty_backbones_have_a_page_that_can_be_mailed() -> None:
    report = large()
    assert len(report.rows) == 320
    page, markdown, text = as_html(report), as_markdown(report), as_text(report)
    assert len(page.encode()) < 3_000_000
    assert "<details><summary>" in markdown
    assert max(map(len, text.splitlines())) <= 100


COLOUR = re.compile(r"--([\w-]+):\s*#([0-9a-f]{3}|[0-9a-f]{6})\b")
LIGHT, DARK = "light", "dark"


def colours(selector: str) -> dict[str, dict[str, str]]:
    """The colours that a selector has, light and dark."""
    blocks = re.findall(re.escape(selector) + r"\{([^}]*)\}", STYLE)
    blocks = [block for block in blocks if "--ink" in block]
    assert len(blocks) == 2
    return {scheme: dict(COLOUR.findall(block)) for scheme, block in zip((LIGHT, DARK), blocks, strict=True)}


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    digits = "".join(sign * 2 for sign in colour) if len(colour) == 3 else colour
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def over(colour: str, ground: str, opacity: float) -> str:
    """The colour that is seen."""
    full = ["".join(sign * 2 for sign in one) if len(one) == 3 else one for one in (colour, ground)]
    upper, lower = ([int(one[at : at + 2], 16) for at in (0, 2, 4)] for one in full)
    return "".join(f"{round(opacity * a + (1 - opacity) * b):02x}" for a, b in zip(upper, lower, strict=True))


def test_black_on_white_is_21() -> None:
    assert contrast("000", "ffffff") == pytest.approx(21)


@pytest.mark.parametrize("scheme", [LIGHT, DARK])
def test_text_has_a_contrast_of_4_5_and_marks_of_3(scheme: str) -> None:
    page, figure = colours(":root")[scheme], colours(".figure")[scheme]
    pairs = [(page[ink], page[ground]) for ink in ("ink", "soft", "link") for ground in ("paper", "card")]
    pairs += [(figure["ink"], figure["paper"]), (figure["soft"], figure["paper"])]
    pairs += [(figure["ink"], over(figure[kind], figure["paper"], DARKEST)) for kind in ("hit", "miss")]
    assert min(contrast(*pair) for pair in pairs) >= 4.5
    shapes = [figure[f"c{number}"] for number in range(8)] + [figure["dominated"]]
    assert min(contrast(shape, figure["paper"]) for shape in shapes) >= 3


def test_the_record_on_a_page_is_the_record_to_five_digits_without_raw_samples() -> None:
    record = builders.record(accuracy=builders.accuracy().model_copy(update={"loss": 0.123456789}))
    shown = json.loads(slim(record))
    assert shown["accuracy"]["loss"] == 0.12346
    assert (shown["cell_id"], shown["counts"]["params"]) == (record.cell_id, 219_058)
    assert "rounds" not in shown["timings"]["steps"][0]
    assert shown["cell"]["dataset"] == {"name": "cats_dogs"}

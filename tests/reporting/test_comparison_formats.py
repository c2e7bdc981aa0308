"""A comparison in every format, whatever the names and errors in it are."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as some
from markdown_it import MarkdownIt

from tests import builders
from tests.golden import made as golden
from tests.regression import sides
from tests.regression.sides import RIGHT, judged, number
from tlbench.core.cell import Named
from tlbench.regression.comparison import Compared, Comparison
from tlbench.regression.side import Side
from tlbench.regression.verdicts import WORST_FIRST, Judgement
from tlbench.reporting.comparison_formats import COMPARISON_FORMATS
from tlbench.reporting.output import encoded
from tlbench.reporting.views.comparison import headline

NAMES = some.text(alphabet="a|<>:*_`[]()&;#-\n\r\x00\x1b\ud800\uffff é·", min_size=1, max_size=15)
HOSTILE = ["a|b", "<b>bold</b>", "::error::x", "two\nlines", "##[error]x", "\x1b[31m", "\ud800", "\uffff", "- a\n- b"]


def comparison(name: str) -> Comparison:
    """A data set, an error, a side and a note of that name."""
    failing = builders.cell(dataset=Named(name=name))
    slower = builders.cell(dataset=Named(name=f"{name}2"))
    error = Judgement(cell=failing, metric="outcome", name="outcome", verdict="newly failing", reason=f"failed: {name}")
    time = Judgement(cell=slower, metric="time", name=f"{name} time", base=1, new=2, effect=1.0, verdict="regressed")
    cells = (Compared(failing.label, failing.id, (error,)), Compared(slower.label, slower.id, (time,)))
    return Comparison(Side(name=name, entries=()), Side(name="new", entries=(), suite=name), cells, (name,))


def test_a_page_says_what_got_worse_first() -> None:
    text = COMPARISON_FORMATS["html"](golden.comparison())
    assert isinstance(text, str)
    rows = [re.findall("<td[^>]*>(.*?)</td>", row) for row in re.findall("<tr>(.*?)</tr>", text)]
    short = [row for row in rows if len(row) == 3][:5]
    labels = ["Worse", "Not decided", "Not comparable", "As good or better", "New, compared with nothing"]
    assert [row[0] for row in short] == labels
    assert sum(int(row[1]) for row in short) == len(golden.comparison().judgements)
    start = text.index("What changed, the worst first")
    verdicts = re.findall("<tr><td[^>]*>[✗?✓+] ([a-z ]+)</td>", text[start : text.index("Every cell")])
    assert verdicts == sorted(verdicts, key=[str(verdict) for verdict in WORST_FIRST].index)
    assert set(verdicts) >= {"regressed", "newly failing", "inconclusive", "fixed"}


def legend(of: Comparison) -> str:
    """The line that explains signs and changes; empty if there is none."""
    lines = str(COMPARISON_FORMATS["text"](of)).splitlines()
    return next((line for line in lines if re.search("improved,|unchanged[,;.]|changes with", line)), "")


def only(metric: str, **fields: object) -> Comparison:
    cell = builders.cell()
    judgement = Judgement(cell=cell, metric=metric, name=metric, **fields)
    return Comparison(sides.side(), sides.side(), (Compared(cell.label, cell.id, (judgement,)),))


def test_the_legend_has_the_signs_of_the_table_alone() -> None:
    changes = "changes with their 95 % intervals, taken before rounding."
    every = "✗ regressed or missing, ✓ improved, = unchanged, ? inconclusive, — not comparable"
    assert legend(golden.comparison()) == f"{every}; {changes}"
    slower = only("time", base=1.0, new=2.0, effect=1.0, low=0.9, high=1.1, verdict="regressed")
    assert legend(slower) == f"✗ regressed or missing; {changes}"
    in_turn = legend(replace(slower, of_times=True))
    assert in_turn.startswith(f"✗ regressed or missing; {changes} Changes of times are typical ratios of rounds")
    assert legend(only("count", base=1.0, new=1.0, effect=0.0, verdict="unchanged")) == "= unchanged."
    assert legend(only("outcome", verdict="missing", reason="the new side has no such cell")) == ""


@pytest.mark.parametrize(("lost", "warned"), [(0, False), (2, False), (9, True)])
def test_an_accuracy_of_one_seed_within_its_gate_is_no_annotation(lost: int, warned: bool) -> None:
    less = RIGHT.copy()
    less[1 : 1 + lost] = False
    found = judged([sides.made()], [sides.made(less)], accuracy=0.02)
    assert number(found, "accuracy").verdict == "inconclusive"
    assert ("accuracy inconclusive" in str(COMPARISON_FORMATS["github"](found))) == warned
    assert "accuracy inconclusive" in str(COMPARISON_FORMATS["text"](found))
    listed, _, every = str(COMPARISON_FORMATS["html"](found)).partition("Every cell")
    assert ("<td>accuracy</td>" in listed.partition("What changed, the worst first")[2]) == bool(lost)
    assert "accuracy (points)" in every


def apart(missing: int) -> Comparison:
    """Two cells on stand-ins in the base alone, and cells that the new side lacks."""
    here, full = builders.cell(), builders.cell(strategy=Named(name="full"))
    drawn = [sides.made(of=cell, data=builders.data(fallback=True)) for cell in (here, full)]
    gone = [sides.made(of=builders.cell(seed=seed)) for seed in range(1, 1 + missing)]
    return judged([*drawn, *gone], [sides.made(of=cell) for cell in (here, full)])


def test_the_headline_says_that_cells_are_missing_and_that_only_counts_of_the_others_could_be_compared() -> None:
    found = apart(missing=3)
    title, text = headline(found), str(COMPARISON_FORMATS["text"](found))
    assert found.exit_code == 2
    assert title.startswith("3 missing; of the other 2, only counts could be compared (of 5 cells; base against new); ")
    assert headline(apart(missing=0)).startswith("only counts could be compared (of 2 cells; ")
    assert (text.count("counts unchanged"), text.count("the new side has no such cell")) == (2, 3)
    assert not re.search("^unchanged", text, re.MULTILINE)


def test_a_cell_without_step_times_is_not_missing_and_the_headline_names_the_times() -> None:
    found = judged([sides.made()], [sides.made(timings=None)])
    assert not found.of("missing")
    assert found.exit_code == 2
    assert headline(found).endswith("; time could not be compared: no step times in the new run")
    assert "✗" not in str(COMPARISON_FORMATS["text"](found)).partition("regressed or missing")[0].removesuffix("✗ ")
    alone = [sides.made().model_copy(update={"correct": None, "images": None, "right": None, "memory": ()})]
    lost = [alone[0].model_copy(update={"times": ()})]
    assert judged(alone, lost).exit_code == 2


def many_undecided() -> Comparison:
    step = {"metric": "time", "base": 20.0, "new": 20.1, "effect": 0.005, "low": -1.0, "high": 0.051}
    cells = [builders.cell(seed=seed) for seed in range(6)]
    names = ["inference time, batch 32", "training time, batch 32"]
    undecided = step | {"verdict": "inconclusive", "reason": "the interval reaches beyond the gate"}
    compared = [
        Compared(
            cell.label,
            cell.id,
            tuple(
                Judgement(cell=cell, name=name, decide=f"{5 + cell.seed * place} runs a side", **undecided)
                for place, name in enumerate(names)
            ),
        )
        for cell in cells
    ]
    return Comparison(Side(name="base", entries=()), Side(name="new", entries=()), tuple(compared))


def test_inconclusive_times_share_one_notice() -> None:
    lines = str(COMPARISON_FORMATS["github"](many_undecided())).splitlines()
    assert [line.split(" ")[0] for line in lines] == ["::notice", "::notice"]
    which = "6 of inference time, batch 32; 6 of training time, batch 32"
    assert f"::12 times are inconclusive ({which}): " in lines[0]


def test_what_is_said_of_many_cells_names_its_step() -> None:
    text = str(COMPARISON_FORMATS["text"](many_undecided()))
    reason = "the interval reaches beyond the gate; to decide:"
    assert f"\ninference time, batch 32 inconclusive in 6 cases: {reason} 5 runs a side" in text
    assert f"\ntraining time, batch 32 inconclusive in 6 cases: {reason} up to 10 runs a side" in text


def test_a_page_obeys_no_name() -> None:
    hostile, harmless = (COMPARISON_FORMATS["html"](comparison(name)) for name in ("<script>x</script>|*_", "harmless"))
    assert re.findall("<[a-z/]+", str(hostile)) == re.findall("<[a-z/]+", str(harmless))


def hostile_examples(test: Callable[[str], None]) -> Callable[[str], None]:
    for name in HOSTILE:
        test = example(name)(test)
    return settings(deadline=None)(test)  # a busy machine is no reason to fail


def made(form: str, name: str) -> str:
    text = COMPARISON_FORMATS[form](comparison(name))
    assert isinstance(text, str)
    return encoded(text).decode()


@hostile_examples
@given(NAMES)
def test_markdown_keeps_its_rows_columns_and_items(name: str) -> None:
    tokens = MarkdownIt("commonmark").enable("table").parse(made("markdown", name))
    kinds = [token.type for token in tokens]
    assert (kinds.count("heading_open"), kinds.count("tr_open"), kinds.count("td_open")) == (1, 3, 6)
    assert kinds.count("list_item_open") == 3
    inline = {child.type for token in tokens for child in token.children or ()}
    assert inline <= {"text", "text_special", "strong_open", "strong_close"}
    assert "html_block" not in kinds


@hostile_examples
@given(NAMES)
def test_text_has_a_line_for_each_cell_and_sentence_and_no_command(name: str) -> None:
    lines = made("text", name).split("\n")
    assert len(lines) == 12
    assert not any(line.lstrip().startswith("::") or "##[" in line or "\x1b" in line for line in lines)


@hostile_examples
@given(NAMES)
def test_github_has_three_commands(name: str) -> None:
    lines = re.split(r"[\r\n]+", made("github", name).rstrip("\n"))
    assert [line.split(" ")[0] for line in lines] == ["::error", "::error", "::notice"]


@hostile_examples
@given(NAMES)
def test_junit_is_xml(name: str) -> None:
    root = ElementTree.fromstring(made("junit", name))
    assert len(root.findall("testsuite/testcase/failure")) == 2


@hostile_examples
@given(NAMES)
def test_json_has_the_names_as_they_are(name: str) -> None:
    content = json.loads(made("json", name))
    assert (content["base"], content["notes"]) == (name, [name])


def test_the_command_that_would_decide_is_code_in_markdown_only() -> None:
    whole = comparison("a")
    waiting = Judgement(
        cell=builders.cell(), metric="time", name="time", verdict="inconclusive", decide="more rounds of `tlbench ab`"
    )
    cells = (*whole.cells, Compared("label", "id", (waiting,)))
    asked = Comparison(whole.base, whole.new, cells, ("a `note` from outside",))
    markdown, text = COMPARISON_FORMATS["markdown"](asked), COMPARISON_FORMATS["text"](asked)
    assert isinstance(markdown, str)
    assert isinstance(text, str)
    assert "more rounds of `tlbench ab`" in markdown
    assert r"a \`note\` from outside" in markdown
    assert "more rounds of `tlbench ab`" in text


def test_an_unknown_format_is_answered_with_the_nearest() -> None:
    assert COMPARISON_FORMATS.unknown("junitt") == "there is no format 'junitt'; did you mean 'junit'?"
    with pytest.raises(KeyError):
        COMPARISON_FORMATS["junitt"]

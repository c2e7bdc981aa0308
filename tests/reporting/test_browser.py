"""The page in a real browser: it sorts, filters, folds, says its sentence again within limits, and fails nowhere."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reporting.browser import Browser, find, started
from tests.reporting.choices import report, trained
from tests.reporting.large import large, small
from tests.reporting.test_page import HOSTILE, of
from tlbench.reporting.answer import listed, sentence
from tlbench.reporting.document import Document
from tlbench.reporting.formats import as_html
from tlbench.reporting.numbers import at_most
from tlbench.reporting.plots import Choice, Confusion
from tlbench.reporting.render import html
from tlbench.reporting.views import choice

pytestmark = pytest.mark.skipif(find() is None, reason="no Chromium: $TLBENCH_CHROMIUM names none, nor does the path")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = find()
    assert program is not None
    with started(program, tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(as_html(small()), encoding="utf-8")
    return file.as_uri()


def shown_rows(browser: Browser, column: int) -> list[str]:
    """Cells of a column of the table with the most rows."""
    return list(
        browser.ask(
            f"[...document.querySelectorAll('.section .table')].find(t => t.textContent.includes('Trainable'))"
            f".querySelectorAll('tbody tr:not([hidden]) td:nth-child({column})').values()"
            f".map(cell => cell.textContent).toArray()"
        )
    )


DATA_SET = "[...document.querySelectorAll('.table')].find(t => t.textContent.includes('Trainable'))"


def test_a_heading_sorts_its_table_by_number_and_back(browser: Browser, page: str) -> None:
    browser.open(page)
    top1 = browser.ask(f"[...{DATA_SET}.querySelectorAll('th')].findIndex(h => h.textContent === 'Top-1')") + 1
    button = f"{DATA_SET}.querySelector('th:nth-child({top1}) button')"
    browser.ask(f"{button}.click()")
    rising = [float(cell.split("%")[0]) for cell in shown_rows(browser, top1)]
    browser.ask(f"{button}.click()")
    falling = [float(cell.split("%")[0]) for cell in shown_rows(browser, top1)]
    assert rising == sorted(rising)
    assert falling == rising[::-1]
    assert browser.ask(f"{button}.parentNode.getAttribute('aria-sort')") == "descending"
    assert f".sort=-{top1}" in browser.ask("location.hash")


def test_a_filter_is_kept_in_the_address(browser: Browser, page: str) -> None:
    browser.open(page)
    every = shown_rows(browser, 1)
    search = f"{DATA_SET}.previousSibling.querySelector('input')"
    browser.ask(f"{search}.value = 'v2 full', {search}.dispatchEvent(new Event('input'))")
    assert shown_rows(browser, 1) == ["MobileNetV2 (alpha=0.35)"]
    assert browser.ask(f"{DATA_SET}.previousSibling.textContent") == f"1 of {len(every)} rows"
    address = browser.ask("location.hash")
    browser.open(page + address)
    assert shown_rows(browser, 1) == ["MobileNetV2 (alpha=0.35)"]


def chosen(number: int) -> Choice:
    block = choice.sections(small())[number].blocks[0]
    assert isinstance(block, Choice)
    return block


@pytest.mark.parametrize("number", [0, 1])
def test_limits_change_the_sentence_to_what_python_says(browser: Browser, page: str, number: int) -> None:
    found = chosen(number)
    browser.open(page)
    box = f"document.querySelectorAll('.choice')[{number}]"
    assert browser.ask(f"{box}.querySelector('.answer').textContent") == sentence(found)
    for at, axis in enumerate(found.scatter.xs):
        rising = sorted(mark.x[axis.key].value for mark in found.scatter.drawn(axis))
        values = {at_most(value): value for value in rising}.values()  # those that are written alike are one limit
        slider = f"{box}.querySelectorAll('input[type=range]')[{at}]"
        for place, limit in enumerate([*values, float("inf")]):
            browser.ask(f"{slider}.value = {place}, {slider}.dispatchEvent(new Event('input'))")
            text = "no limit" if limit == float("inf") else f"at most {at_most(limit)}"
            assert browser.ask(f"{slider}.parentNode.querySelector('output').textContent") == text
            within = [n for n, mark in enumerate(found.scatter.marks) if mark.x[axis.key].value <= limit]
            assert browser.ask(f"{box}.querySelector('.answer').textContent") == sentence(found, within)
            assert browser.ask(f"{box}.querySelector('.rivals').textContent") == listed(found, within)
    first = f"{box}.querySelector('input[type=range]')"
    browser.ask(f"{first}.value = 0, {first}.dispatchEvent(new Event('input'))")
    said = browser.ask(f"{box}.querySelector('.answer').textContent")
    browser.open(page + browser.ask("location.hash"))
    assert browser.ask(f"{box}.querySelector('.answer').textContent") == said
    assert browser.ask(f"{box}.querySelectorAll('.view:not([hidden]) .beyond').length") > 0


def test_a_page_recommends_nothing_that_cannot_be_told_from_guessing(browser: Browser, tmp_path: Path) -> None:
    """The cheap one is no better than guessing, the dear one is."""
    made = report([trained("Big", "full", 190, 80.0), trained("Small", "full", 105, 20.0)])
    file = tmp_path / "guessing.html"
    file.write_text(as_html(made), encoding="utf-8")
    browser.open(file.as_uri())
    said = "document.querySelector('.answer').textContent"
    assert browser.ask(said) == sentence(made.decisions[0].choice)
    slider = "document.querySelector('input[type=range]')"
    browser.ask(f"{slider}.value = 0, {slider}.dispatchEvent(new Event('input'))")
    assert browser.ask(said) == sentence(made.decisions[0].choice, [1])
    assert browser.ask(said).startswith("Within these limits no model can be recommended")
    assert browser.ask("document.querySelectorAll('.mark.chosen').length") == 0


def test_marks_name_themselves_when_they_are_reached_by_keyboard(browser: Browser, page: str) -> None:
    browser.open(page)
    browser.ask("document.querySelector('.view:not([hidden]) .mark[data-place=\"0\"]').focus()")
    named = browser.ask("document.querySelector('.named').textContent")
    assert named.startswith(chosen(0).scatter.marks[0].name + ": ")
    browser.press("Tab", 9)
    assert browser.ask("document.activeElement !== document.body")


def test_an_axis_is_chosen_and_kept(browser: Browser, page: str) -> None:
    browser.open(page)
    browser.ask("[...document.querySelectorAll('.axes button')].find(b => b.textContent === 'Parameters').click()")
    shown = "[...document.querySelectorAll('.scatter')][0].querySelector('.view:not([hidden])').dataset.axis"
    assert browser.ask(shown) == "parameters"
    browser.open(page + browser.ask("location.hash"))
    assert browser.ask(shown) == "parameters"


def test_sections_fold_by_keyboard_and_programs_appear_when_opened(browser: Browser, page: str) -> None:
    browser.open(page)
    browser.ask("document.querySelector('.section > summary').focus()")
    browser.press("Enter", 13)
    assert browser.ask("document.querySelector('.section').open") is False
    browser.ask("document.querySelector('.program').open = true")
    for _ in range(100):
        if text := browser.ask("document.querySelector('.program code').textContent"):
            break
        time.sleep(0.02)
    assert "import keras" in text
    assert browser.ask("document.querySelector('.program button').textContent") == "Copy"


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (390, 844)])
def test_the_first_screen_answers_which_at_what_cost_and_how_sure(
    browser: Browser, page: str, width: int, height: int
) -> None:
    """The list of docs/reports.md: the name, its cost and interval, what may be as good, what that rests on."""
    browser.open(page, width=width, height=height)
    seen = f"e => e.checkVisibility() && e.getBoundingClientRect().bottom <= {height}"
    for part, words in {
        ".answer": [chosen(0).scatter.marks[0].name, "(80 to 89)", "ms to classify 32 images", "the cheapest to run"],
        ".rivals": ["May be as good: "],
        ".certainty": ["with 95 % confidence"],
    }.items():
        assert browser.ask(f"({seen})(document.querySelector('{part}'))"), part
        text = browser.ask(f"document.querySelector('{part}').textContent")
        assert [word for word in words if word not in text] == []


def test_the_contents_lead_to_a_section_and_leave_the_address_alone(browser: Browser, page: str) -> None:
    browser.open(page + "#t1=full")
    browser.ask("document.querySelector('.contents').open = true")
    browser.ask("[...document.querySelectorAll('.contents a')].find(a => a.textContent === 'Step times').click()")
    assert browser.ask("document.activeElement.textContent") == "Step times"
    assert browser.ask("document.activeElement.parentNode.open")
    assert browser.ask("document.activeElement.getBoundingClientRect().top") < 900
    assert browser.ask("location.hash") == "#t1=full"


UNREADABLE = """(() => {
  const colour = text => { const parts = text.match(/[\\d.]+/g).map(Number); return parts.length < 4 ? [...parts, 1] : parts; };
  const over = (top, below) => [0, 1, 2].map(at => top[at] * top[3] + below[at] * (1 - top[3])).concat(1);
  const linear = part => part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const ground = element => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.unshift(colour(getComputedStyle(at).backgroundColor));
    return layers.reduce((below, top) => over(top, below), [255, 255, 255, 1]);
  };
  document.querySelectorAll('details').forEach(one => one.open = true);
  const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let texts = 0;
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || element.closest('script, title') || !element.checkVisibility()) continue;
    const style = getComputedStyle(element), below = ground(element);
    const ink = over(colour(element instanceof SVGElement ? style.fill : style.color), below);
    const [light, dark] = [luminance(ink), luminance(below)].sort((a, b) => b - a);
    texts += 1;
    if ((light + 0.05) / (dark + 0.05) < 4.5) found.push(walker.currentNode.data.trim());
  }
  return [texts, found];
})()"""
"""How many texts are shown, and those whose contrast (WCAG 2.2) with what is painted behind them is below 4.5."""


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_can_be_read(browser: Browser, page: str, dark: bool) -> None:
    browser.open(page, dark=dark)
    texts, unreadable = browser.ask(UNREADABLE)
    assert texts > 500
    assert unreadable == []


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_screen(browser: Browser, page: str, width: int, dark: bool) -> None:
    browser.open(page, width=width, dark=dark)
    assert browser.ask("document.documentElement.scrollWidth") <= width
    background = browser.ask("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(22, 27, 34)" if dark else "rgb(255, 255, 255)")


def test_a_wide_table_says_that_it_scrolls_and_does_so_by_keyboard(browser: Browser, page: str) -> None:
    for width, scrolls in ((390, True), (2400, False)):
        browser.open(page, width=width)
        assert browser.ask(f"{DATA_SET}.scrollWidth > {DATA_SET}.clientWidth") is scrolls
        hint = f"{DATA_SET}.previousSibling.previousSibling"
        deadline = time.monotonic() + 5
        while browser.ask(f"{hint}.hidden") is scrolls and time.monotonic() < deadline:
            time.sleep(0.02)
        assert browser.ask(f"{hint}.checkVisibility()") is scrolls
    browser.open(page, width=390)
    browser.ask(f"{DATA_SET}.focus()")
    assert browser.ask(f"document.activeElement === {DATA_SET}")
    browser.press("ArrowRight", 39)
    deadline = time.monotonic() + 5
    while not browser.ask(f"{DATA_SET}.scrollLeft") and time.monotonic() < deadline:
        time.sleep(0.02)
    assert browser.ask(f"{DATA_SET}.scrollLeft") > 0


def shown(browser: Browser, expression: str) -> bool:
    """Whether something comes to be shown: what observes sizes is called after the next frame."""
    deadline = time.monotonic() + 5
    while not (found := browser.ask(expression)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return bool(found)


def test_a_phone_has_pictures_of_its_own_that_need_no_scrolling(browser: Browser, page: str) -> None:
    opened = "document.querySelectorAll('.section').forEach(one => one.open = true)"
    for width, kind in ((390, "narrow"), (1200, "broad")):
        browser.open(page, width=width)
        browser.ask(opened)
        seen = "[...document.querySelectorAll('.figure')].filter(one => one.checkVisibility())"
        kinds = browser.ask(f"{seen}.map(one => one.classList[1])")
        assert set(kinds) == {kind}
        assert len(kinds) >= 8
        right = browser.ask(f"Math.max(...{seen}.map(one => one.getBoundingClientRect().right))")
        assert right <= width
        scale = browser.ask(
            f"Math.min(...{seen}.map(one => one.getBoundingClientRect().width / one.width.baseVal.value))"
        )
        assert scale > 0.99, "letters have their size"


def test_a_picture_that_is_wider_than_a_phone_says_that_it_scrolls(browser: Browser, tmp_path: Path) -> None:
    """A confusion matrix of many classes cannot be made narrower."""
    classes = tuple(f"class {number}" for number in range(30))
    counts = tuple(tuple(int(row == column) for column in range(30)) for row in range(30))
    document = Document("t", (Confusion("confusion", "What is taken for what", classes, counts, "caption"),))
    file = tmp_path / "confusion.html"
    file.write_text(html.render(document), encoding="utf-8")
    hint = "document.querySelector('.hint')"
    browser.open(file.as_uri(), width=390)
    assert shown(browser, f"{hint}.checkVisibility() && {hint}.textContent.endsWith('This picture scrolls sideways.')")
    assert browser.ask("document.querySelector('figure').scrollWidth > document.querySelector('figure').clientWidth")
    assert browser.ask("document.documentElement.scrollWidth") <= 390
    browser.open(file.as_uri(), width=1200)
    assert shown(browser, f"{hint} && !{hint}.checkVisibility()")


def test_the_table_of_a_data_set_is_seen_whole_at_1200_and_up_to_its_accuracy_on_a_phone(
    browser: Browser, page: str
) -> None:
    browser.open(page, width=1200)
    assert browser.ask(f"{DATA_SET}.scrollWidth <= {DATA_SET}.clientWidth")
    browser.open(page, width=390)
    top1 = f"[...{DATA_SET}.querySelectorAll('th')].find(h => h.textContent === 'Top-1')"
    shadow = 16
    right = browser.ask(f"{DATA_SET}.getBoundingClientRect().right - {top1}.getBoundingClientRect().right")
    assert right >= shadow - 8, "it is not under the shadow"
    assert browser.ask(f"{DATA_SET}.querySelector('thead').getBoundingClientRect().height") < 70, "three lines at most"


def test_every_table_of_the_keras_applications_is_seen_whole_at_1200(browser: Browser) -> None:
    run = Path(__file__).parents[2] / "results" / "reference" / "keras-table-cpu"
    browser.open((run / "report.random-weights.html").as_uri(), width=1200)
    browser.ask("document.querySelectorAll('details').forEach(one => one.open = true)")
    tables = "[...document.querySelectorAll('.table')]"
    assert browser.ask(f"{tables}.length") == 4
    assert browser.ask(f"{tables}.filter(t => t.scrollWidth > t.clientWidth).map(t => t.ariaLabel)") == []


@pytest.mark.parametrize("width", [400, 1200])
def test_no_row_is_high_for_a_column_that_is_out_of_sight(browser: Browser, page: str, width: int) -> None:
    browser.open(page, width=width)
    browser.ask("document.querySelectorAll('.section').forEach(one => one.open = true)")
    rows = "[...[...document.querySelectorAll('.table')].find(t => t.textContent.includes('Steps timed')).querySelectorAll('tr')]"
    assert browser.ask(f"Math.max(...{rows}.map(row => row.getBoundingClientRect().height))") < 75


def test_hostile_names_run_nothing(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "hostile.html"
    file.write_text(as_html(of(HOSTILE)), encoding="utf-8")
    browser.open(file.as_uri())
    assert HOSTILE in browser.ask("document.body.textContent")
    assert browser.ask("document.querySelectorAll('script:not([type])').length") == 1


def test_forty_backbones_have_a_choice_for_each_data_set(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "large.html"
    file.write_text(as_html(large()), encoding="utf-8")
    browser.open(file.as_uri())
    assert browser.ask("document.querySelectorAll('.choice').length") == 2


def test_the_console_has_no_complaint_and_no_request_went_out(browser: Browser) -> None:
    """Comes last: of all pages above."""
    assert browser.problems == []

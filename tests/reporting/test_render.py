"""Whatever a text holds, each renderer shows it as it is, and nothing in it is obeyed: not by Markdown, HTML or a CI log."""

import re
import unicodedata
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as some
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tlbench.reporting.document import (
    Code,
    Column,
    Document,
    Emphasis,
    Figure,
    Inline,
    Link,
    Listing,
    Note,
    Point,
    Section,
    Strong,
    Table,
    Text,
    plain,
    prose,
)
from tlbench.reporting.render import html, markdown, terminal
from tlbench.reporting.render.characters import one_line

HOSTILE = some.text(alphabet="\\`*_{}[]()<>#+-.!|~=:&;$@'\"/ab1 \n\r\t\x00\x1b\u202e\ud800é—😀\u2028", max_size=20)
ANY_TEXT = some.one_of(HOSTILE, some.text(alphabet=some.characters(), max_size=20)).filter(
    lambda text: one_line(text).strip()
)
WORDS = ["a|b", "<b>x</b>", "two\nlines", "::error::no", " ::add-mask::x", "##[error]x", "##vso[task]x", "1. a", "- a",
         "# a", "a #", "[x](javascript:y)", "![x](y)", "&lt;", "`", "a\\", "***", "---", "===", "~~~", "~~a~~", "_a_",
         "[a]: b", "\x1b[31mred", "| a | b |"]  # fmt: skip
JOINER = "\u2060"
"""Stands behind an @, so that nobody is called."""
UNTOUCHED = re.compile(r"\s+")


def shown(text: str) -> str:
    """What a reader should see, spaces apart."""
    return UNTOUCHED.sub(" ", one_line(text)).strip().replace(JOINER, "")


def hostile_examples(test: Callable[[str], None]) -> Callable[[str], None]:
    for word in WORDS:
        test = example(word)(test)
    return settings(deadline=None)(test)  # a busy machine is no reason to fail


def everywhere(text: str) -> Document:
    """The text in every place there is."""
    inline: Text = (
        "so: ",
        Strong(text),
        " and ",
        Emphasis(text),
        " and ",
        Code(text),
        " and ",
        Link(text, "https://a.b/c"),
    )
    return Document(
        text,
        (
            Note((text, inline, text)),
            Table.of(
                [text, "plain", text],
                [[text, text, inline], ["", text, text], [text, "", (text, Strong(text))]],
                right=[1],
            ),
            Listing((text, inline, text)),
            Section(text, (Figure(text, (Point(1.0, text), Point(2.0, text)), text, (1,)),)),
        ),
    )


def parsed(text: str) -> list[Token]:
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)


def words(token: Token) -> str:
    """The text of an inline token as a reader sees it."""
    assert token.children is not None
    breaks = {"softbreak": "\n", "hardbreak": "\n"}
    return "".join(breaks.get(child.type, child.content) for child in token.children).replace(JOINER, "")


@hostile_examples
@given(ANY_TEXT)
def test_markdown_shows_a_text_as_it_is_in_every_place(text: str) -> None:
    document = Document(text, (Note((text, text)), Table.of([text, "b"], [[text, text]] * 2), Listing((text, text))))
    tokens = parsed(markdown.render(document))
    structure = [token.type for token in tokens if token.nesting == 1]
    cells = ["tr_open", "td_open", "td_open"]
    assert structure == [
        "heading_open", "paragraph_open", "table_open", "thead_open", "tr_open", "th_open", "th_open", "tbody_open",
        *cells, *cells, "bullet_list_open", "list_item_open", "paragraph_open", "list_item_open", "paragraph_open",
    ]  # fmt: skip
    inlines = [token for token in tokens if token.type == "inline"]
    said = [UNTOUCHED.sub(" ", words(token)).strip() for token in inlines]
    once = shown(text)
    assert said == [once, f"{once} {once}", once, "b", once, once, once, once, once, once]
    kinds = {child.type for token in inlines for child in token.children or ()}
    assert kinds <= {"text", "text_special", "hardbreak"}


@hostile_examples
@given(ANY_TEXT)
def test_markdown_keeps_what_is_emphasised_code_or_linked(text: str) -> None:
    pieces: list[tuple[Inline, str]] = [(Strong(text), "strong_open"), (Emphasis(text), "em_open")]
    pieces += [(Code(text), "code_inline"), (Link(text, "https://a.b/(c) d"), "link_open")]
    for piece, kind in pieces:
        in_note = parsed(markdown.render(Document("t", (Note((("so: ", piece, " it is"),)),))))
        in_cell = parsed(markdown.render(Document("t", (Table.of(["a", "b"], [[("so: ", piece, " it is"), "c"]]),))))
        assert sum(token.type == "td_open" for token in in_cell) == 2
        for tokens in (in_note, in_cell):
            (token,) = [token for token in tokens if token.type == "inline" and token.content.startswith("so: ")]
            assert UNTOUCHED.sub(" ", words(token)) == f"so: {shown(text)} it is"
            assert {child.type for child in token.children or ()} - {"text", "text_special"} <= {
                kind,
                kind.replace("open", "close"),
            }
            assert kind in {child.type for child in token.children or ()}


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("<class 'Tensor'>", r"\<class 'Tensor'>"),
        ("__init__() of image_size", r"\_\_init\_\_() of image_size"),
        ("a\r\nb", "a b"),
        ("C:\\new", r"C:\\new"),
        ("~20.0 (19.0–21.0) [old], ~30.0 [new]", "~20.0 (19.0–21.0) [old], ~30.0 [new]"),
    ],
)
def test_no_more_is_escaped_than_has_to_be(text: str, escaped: str) -> None:
    assert markdown.escape(text) == escaped


@pytest.mark.parametrize("text", ["@octocat", "by @octocat, @org/team", "(@a)", "**@a**", "-@a"])
def test_nobody_is_called_by_a_name_in_markdown(text: str) -> None:
    said = markdown.render(everywhere(text))
    outside_of_code = re.sub(r"`[^`]*`", "", said)
    assert "@" in outside_of_code
    assert not re.search(r"(?<!\w)@[A-Za-z0-9]", outside_of_code)
    assert markdown.escape("mail a@b.org") == "mail a@b.org"


@hostile_examples
@given(ANY_TEXT)
def test_no_line_of_markdown_or_of_a_terminal_is_a_command(text: str) -> None:
    for said in (markdown.render(everywhere(text)), terminal.render(everywhere(text))):
        for line in re.split(r"[\n\r]", said):
            assert not line.lstrip().startswith("::")
    said = terminal.render(everywhere(text))
    assert "##[" not in said
    assert "##vso[" not in said


@hostile_examples
@given(ANY_TEXT)
def test_a_terminal_gets_the_text_and_no_control_characters(text: str) -> None:
    said = terminal.render(Document("t", (Table.of(["a", "b"], [[text, "x"], ["y", text]]), Listing((text,)))))
    lines = said.split("\n")
    assert len(lines) == 9  # title, blank, heads, rule, two rows, blank, item, the end
    assert all(unicodedata.category(sign) not in {"Cc", "Cs"} for line in lines for sign in line)
    without = str.maketrans("", "", " \u2028\u2029\x1c\x1d\x1e\x1f\x85\xa0")
    assert one_line(text).translate(without).strip() in lines[7].translate(without)


def test_a_table_in_a_terminal_breaks_long_cells_only_where_it_may() -> None:
    said = terminal.text(Table.of(["a", "b"], [["word " * 30, "x"]]))
    assert len(said.splitlines()) == 3


def test_a_row_of_markdown_is_one_line_whatever_width_a_terminal_has() -> None:
    table = Table((Column("a", width=10), Column("b")), (("word " * 30, "x"),))
    assert len(markdown.render(Document("t", (table,))).splitlines()) == 5
    assert len(terminal.text(table).splitlines()) > 10


class Reader(HTMLParser):
    """Tags and text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str | None] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href"]
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def read(document: Document) -> Reader:
    reader = Reader()
    reader.feed(html.render(document))
    reader.close()
    return reader


@hostile_examples
@example("± 0")
@given(ANY_TEXT)
def test_a_page_has_the_same_tags_whatever_the_text_and_shows_it(text: str) -> None:
    reader, harmless = read(everywhere(text)), read(everywhere("harmless"))
    assert reader.tags == harmless.tags
    assert reader.links == ["https://a.b/c"] * 3
    expected = [each.replace("harmless", one_line(text)) for each in harmless.texts]
    assert [unbound(each) for each in reader.texts if each] == [unbound(each) for each in expected if each]


def unbound(text: str) -> str:
    """`text` with plain spaces for those at which a page breaks no line, as after ±."""
    return text.replace("\xa0", " ")


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//a.b", "http://[", "https://a.b/\n", "x"])
def test_only_web_addresses_are_links(url: str) -> None:
    document = Document("t", (Note((Link("text", url),)),))
    assert read(document).links == []
    assert "](" not in markdown.render(document)
    assert plain(Link("text", url)) == f"text ({url})"


def test_our_own_sentences_may_hold_code() -> None:
    assert prose("more rounds of `tlbench ab`, or `x`") == ("more rounds of ", Code("tlbench ab"), ", or ", Code("x"))
    assert plain(prose("an odd ` sign")) == "an odd ` sign"


def test_sections_lie_in_sections_down_to_the_sixth_heading() -> None:
    section = Section("7", ())
    for level in range(6, 0, -1):
        section = Section(str(level), (section,))
    document = Document("t", (section,))
    assert [line for line in markdown.render(document).splitlines() if line][-2:] == ["###### 6", "###### 7"]
    assert [tag for tag in read(document).tags if tag[0] == "h"][-3:] == ["h6", "h6", "h6"]
    assert terminal.render(document) == "t\n\n1\n\n2\n\n3\n\n4\n\n5\n\n6\n\n7\n"


def test_a_figure_is_drawn_on_a_page_and_told_elsewhere() -> None:
    figure = Figure("times", (Point(1.0, "first"), Point(3.0, "second")), "1 to 3 ms", breaks=(1,))
    document = Document("t", (figure, Figure("nothing", (), "no runs")))
    screens = 2  # it is drawn for a wide one and for a phone
    assert read(document).tags.count("circle") == 2 * screens
    assert read(document).tags.count("line") == screens
    assert [text for text in read(document).texts if text in {"1", "3"}] == ["1", "3"] * screens  # ends of the scale
    assert markdown.render(document) == "# t\n\ntimes: 1 to 3 ms\n\nnothing: no runs\n"
    assert terminal.render(document) == "t\n\ntimes: 1 to 3 ms\n\nnothing: no runs\n"

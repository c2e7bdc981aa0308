r"""Documents in LaTeX, for inclusion in a document that loads booktabs and longtable.

All characters with a meaning in LaTeX are escaped, as are ligatures. Letters that are not Latin are unchanged; XeLaTeX
and LuaLaTeX can print them, pdfLaTeX cannot.
"""

import re
import textwrap

from tlbench.reporting.answer import listed, sentence
from tlbench.reporting.document import (
    Block,
    Code,
    Column,
    Document,
    Emphasis,
    Figure,
    Gallery,
    Inline,
    Listing,
    Note,
    Program,
    Section,
    Strong,
    Table,
    Text,
    inlines,
    plain,
)
from tlbench.reporting.plots import Choice, Confusion, Curves, Scatter, Spans, Strips
from tlbench.reporting.render.characters import one_line

NEEDS = "% \\usepackage{booktabs,longtable}\n"
LEVELS = ("section", "subsection", "subsubsection", "paragraph")
MOST_IN_HEADING = 14
"""The most letters in a line of a heading."""
NARROW = r"\setlength{\tabcolsep}{3pt}"
ROWS_ON_A_PAGE = 40
"""Tables with more rows use longtable, which can break over pages but does not work in two-column text."""

SIGNS = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\char34{}",
    "`": r"\textasciigrave{}",
    "'": r"\textquotesingle{}",
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    "-": "{-}",
    ",": "{,}",
    "–": r"\textendash{}",
    "—": r"\textemdash{}",
    "−": r"\ensuremath{-}",
    "±": r"\ensuremath{\pm}",
    "×": r"\ensuremath{\times}",
    "→": r"\ensuremath{\rightarrow}",
    "≤": r"\ensuremath{\leq}",
    "≥": r"\ensuremath{\geq}",
    "†": r"\textdagger{}",
    "…": r"\ldots{}",
    "�": "?",
}
MARKS = re.compile("-(?=-)|,(?=,)|[" + re.escape("".join(sign for sign in SIGNS if sign not in "-,")) + "]")
"""Characters to escape: hyphens and commas only before another one, with which they would form a ligature."""


def render(document: Document) -> str:
    """The document without its pictures. Top-level sections are `section`."""
    blocks = [part for block in document.blocks for part in _block(block, 0)]
    return "\n\n".join([f"% {one_line(plain(document.title))}\n{NEEDS}".rstrip("\n"), *blocks]) + "\n"


def escape(text: str) -> str:
    """Escape `text`, on one line."""
    return MARKS.sub(lambda found: SIGNS[found[0]], one_line(text))


def _block(block: Block, level: int) -> list[str]:
    match block:
        case Section(on_pages=True) | Program() | Gallery() | Scatter() | Curves() | Confusion() | Strips() | Spans():
            return []
        case Section(heading, blocks):
            parts = [part for inner in blocks for part in _block(inner, level + 1)]
            return [f"\\{LEVELS[min(level, len(LEVELS) - 1)]}{{{_line(heading)}}}", *parts] if parts else []
        case Table():
            return [_table(block)]
        case Note(lines):
            return ["\\noindent " + " \\newline\n".join(map(_line, lines))]
        case Listing(items):
            return ["\n".join(["\\begin{itemize}", *(f"\\item {{}}{_line(item)}" for item in items), "\\end{itemize}"])]
        case Figure(title, _, caption):
            return [_line((f"{title}: ", *inlines(caption)))]
        case Choice():
            below = filter(None, (listed(block), block.certainty))
            return [_piece(Strong(sentence(block))), *map(_line, below)]


def _table(table: Table) -> str:
    long = len(table.rows) > ROWS_ON_A_PAGE
    kind = "longtable" if long else "tabular"
    columns = "".join("r" if column.align == "right" else "l" for column in table.columns)
    lines = [
        f"\\begin{{{kind}}}{{{columns}}}",
        "\\toprule",
        " & ".join(map(_heading, table.columns)) + r" \\",
        "\\midrule",
        *(["\\endhead"] if long else []),
        *map(_row, table.rows),
        "\\bottomrule",
        f"\\end{{{kind}}}",
    ]
    around = "footnotesize" if long else "center"
    narrow = [] if long else ["\\footnotesize"]
    return "\n".join([f"\\begin{{{around}}}", *narrow, NARROW, *lines, f"\\end{{{around}}}"])


def _heading(column: Column) -> str:
    """A heading, in several lines if it is long, because the numbers below it are short."""
    words = one_line(plain(column.heading))
    if len(words) <= MOST_IN_HEADING:
        return _line(column.heading)
    side = "r" if column.align == "right" else "l"
    lines = r" \\ ".join(map(escape, textwrap.wrap(words, MOST_IN_HEADING)))
    return f"\\shortstack[{side}]{{{lines}}}"


def _row(cells: tuple[Text, ...]) -> str:
    return " & ".join(map(_line, cells)) + r" \\"


def _line(text: Text) -> str:
    return "".join(map(_piece, inlines(text))).strip()


def _piece(piece: Inline) -> str:
    match piece:
        case Emphasis(text):
            return f"\\emph{{{escape(text)}}}"
        case Strong(text):
            return f"\\textbf{{{escape(text)}}}"
        case Code(text):
            return f"\\texttt{{{escape(text)}}}"
        case _:
            return escape(plain(piece))

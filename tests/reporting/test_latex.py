"""LaTeX shows each text as it is, and its tables are those of the document."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import builders
from tests.reporting.large import small
from tests.reporting.tables import rows, text_of
from tlbench.core.cell import Named
from tlbench.reporting.document import Code, Column, Document, Emphasis, Listing, Note, Program, Section, Strong, Table
from tlbench.reporting.formats import FORMATS
from tlbench.reporting.render import latex

HOSTILE = r"\input{/etc/passwd} & 5% $x_1^2$ #~ [a]* -- ,, <b>|`q' " + '"é\n\n\x1b'
PREAMBLE = "\\documentclass{article}\n\\usepackage{booktabs,longtable}\n\\begin{document}\n"


def test_a_document_as_it_was_written_by_hand() -> None:
    table = Table((Column("Model"), Column("Top-1", "right")), (("a_b", "93.0% (91–95)"), (("x ", Strong("y")), "—")))
    note = Note((("so ", Emphasis("it"), " is"), ("run ", Code("a --b"))))
    document = Document("t\nu", (Section("a & b", (table, note, Listing(("[1]",)), Program("p", "code"))),))
    assert latex.render(document) == (
        "% t u\n"
        "% \\usepackage{booktabs,longtable}\n\n"
        "\\section{a \\& b}\n\n"
        "\\begin{center}\n\\footnotesize\n\\setlength{\\tabcolsep}{3pt}\n\\begin{tabular}{lr}\n\\toprule\nModel & Top-1 \\\\\n\\midrule\n"
        "a\\_b & 93.0\\% (91\\textendash{}95) \\\\\n"
        "x \\textbf{y} & \\textemdash{} \\\\\n"
        "\\bottomrule\n\\end{tabular}\n\\end{center}\n\n"
        "\\noindent so \\emph{it} is \\newline\nrun \\texttt{a {-}-b}\n\n"
        "\\begin{itemize}\n\\item {}{[}1{]}\n\\end{itemize}\n"
    )


def test_every_sign_of_latex_is_escaped() -> None:
    assert latex.escape(HOSTILE) == (
        "\\textbackslash{}input\\{/etc/passwd\\} \\& 5\\% \\$x\\_1\\textasciicircum{}2\\$ \\#\\textasciitilde{} "
        "{[}a{]}{*} {-}- {,}, \\textless{}b\\textgreater{}\\textbar{}\\textasciigrave{}q\\textquotesingle{} "
        "\\char34{}é  \N{REPLACEMENT CHARACTER}".replace("\N{REPLACEMENT CHARACTER}", "?")
    )


def test_a_table_longer_than_a_page_breaks_over_pages() -> None:
    lines = latex.render(Document("t", (Table.of(["a"], [["x"]] * 41),))).splitlines()
    assert lines[3:5] == ["\\begin{footnotesize}", "\\setlength{\\tabcolsep}{3pt}"]
    assert lines[5:10] == ["\\begin{longtable}{l}", "\\toprule", "a \\\\", "\\midrule", "\\endhead"]
    assert lines[-2:] == ["\\end{longtable}", "\\end{footnotesize}"]


def test_a_long_heading_takes_several_lines() -> None:
    table = Table((Column("Time (ms) per step_1", "right"), Column("Model")), (("1", "a"),))
    text = latex.render(Document("t", (table,)))
    assert "\\shortstack[r]{Time (ms) per \\\\ step\\_1} & Model \\\\\n" in text


def test_the_format_has_the_tables_of_the_data_sets_and_nothing_of_a_name_is_obeyed() -> None:
    text = text_of("latex", rows(builders.record(builders.cell(dataset=Named(name=HOSTILE)))))
    assert text.count("\\begin{tabular}") == 1
    assert "MobileNet (alpha=0.25) & frozen & 93.0\\% (89\\textendash{}96) & 0.84 & 219K & 514 & 55 &" in text
    assert "\\input" not in text
    commands = set(re.findall(r"\\([a-zA-Z]+)", text))
    assert commands <= {"section", "begin", "end", "toprule", "midrule", "bottomrule", "noindent", "newline", "char", "footnotesize", "setlength", "tabcolsep", "shortstack"} | {
        name for name in commands if name.startswith("text")
    } | {"usepackage"}  # fmt: skip


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no pdflatex")
def test_it_compiles(tmp_path: Path) -> None:
    document = Document(HOSTILE, (Section(HOSTILE, (Table.of([HOSTILE, "b"], [[HOSTILE, "–—−±×→≤≥†…"]]),)),))
    body = latex.render(document) + str(FORMATS["latex"].make(small()))
    (tmp_path / "a.tex").write_text(f"{PREAMBLE}{body}\\end{{document}}\n", encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "a.tex"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert said.returncode == 0, said.stdout

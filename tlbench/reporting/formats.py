"""The output formats of a report. Pure.

A package adds one to its pyproject.toml::

    [project.entry-points."tlbench.formats"]
    slides = "my_package.slides:FORMAT"
"""

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tlbench.core.errors import UserError
from tlbench.core.plugins import Registry
from tlbench.reporting import exports, output
from tlbench.reporting.document import Document, Note, Section, pictures
from tlbench.reporting.output import Made
from tlbench.reporting.plots import Picture
from tlbench.reporting.render import html, latex, markdown, png, svg, terminal
from tlbench.reporting.report import Report, RunRecord
from tlbench.reporting.views import choice, chosen, data_sets, summary
from tlbench.reporting.views.names import slugs
from tlbench.results.report_files import report_file

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Format:
    """A format of a report.

    Attributes:
        extension: the extension of its file.
        make: makes the output.
        kept: whether it is among the files in a run's folder.
        beside: makes the output in a run's folder, where it can refer to the SVG files; None: as `make`.
    """

    extension: str
    make: Callable[[Report], Made]
    kept: bool = False
    beside: Callable[[Report], Made] | None = None


def as_markdown(report: Report) -> str:
    """The report in Markdown, without pictures."""
    return markdown.render(report.document)


def with_pictures(report: Report) -> str:
    """The report in Markdown, with the SVG files that are beside it."""
    said = report.document
    return markdown.render(said, pictures={each.name: picture_name(each, report) for each in pictures(said.blocks)})


def as_svg(report: Report) -> dict[str, str]:
    """The pictures of the report as SVG, by file name."""
    return {f"{_named(each, report)}.svg": svg.file(each) for each in pictures(report.document.blocks)}


def as_png(report: Report) -> dict[str, bytes]:
    """The pictures of the report as PNG, by file name.

    Raises:
        UserError: the package that converts them is not installed.
    """
    return {f"{_named(each, report)}.png": png.file(each) for each in pictures(report.document.blocks)}


def _named(picture: Picture, report: Report) -> str:
    """The name of a picture. If all cells have stand-ins, one that is not of a single data set names them, too."""
    marks = list(dict.fromkeys(row.record.fallbacks for row in report.rows))
    if () in marks or any(slugs([", ".join(of)])[0] in picture.name for of in marks):
        return picture.name
    return f"{picture.name}-{slugs([', '.join(dict.fromkeys(mark for of in marks for mark in of))])[0]}"


def picture_name(picture: Picture, report: Report) -> str:
    """The file name of a picture in a run's folder."""
    return file_name(f"{_named(picture, report)}.svg", report.rows)


def as_text(report: Report, columns: int | None = None) -> str:
    """The recommendation and the main results, on one screen of a terminal with 100 columns, or with `columns`."""
    return terminal.render(summary.document(report, columns or summary.COLUMNS), columns)


def as_html(report: Report) -> str:
    """The whole report as a self-contained HTML page."""
    return html.render(report.document)


def as_latex(report: Report) -> str:
    """The recommendation and the table of each data set, for a paper."""
    answers = tuple(Section(one.title, (one.choice,)) for one in report.decisions)
    said = choice.how_sure(report.decisions)
    notes = (Note((f"How sure? {said}",)),) if said else ()
    return latex.render(Document(report.title, (*answers, *notes, *data_sets.sections(report))))


def as_csv(report: Report) -> str:
    """One row per cell, with plain numbers."""
    return frame_as_csv(report.frame)


def frame_as_csv(frame: "pd.DataFrame") -> str:
    """A table as CSV. Texts that a spreadsheet would execute as formulas are quoted."""
    frame = frame.map(_no_formula)
    broken = any(isinstance(value, str) and "\r" in value for column in frame for value in frame[column])
    # Python's csv (3.11) does not quote a lone carriage return, but its reader starts a new row there.
    return frame.to_csv(index=False, quoting=csv.QUOTE_NONNUMERIC if broken else csv.QUOTE_MINIMAL)


def _no_formula(value: object) -> object:
    """Put ``'`` before a text that a spreadsheet would execute (OWASP, CSV Injection); numbers are unchanged."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""Characters that begin a formula, also in their full-width forms."""


def as_json(report: Report) -> str:
    """The recommendations, and the rows of `as_csv` as objects, one per line, with null for missing values."""
    return _json(report.title, report.frame, [choice.values(one) for one in report.decisions])


def _json(title: str, frame: "pd.DataFrame", answers: Sequence[Mapping[str, object]] = ()) -> str:
    lines = frame.to_json(orient="records", lines=True, double_precision=15, force_ascii=False)
    rows = lines.rstrip("\n").replace("\n", ",\n").replace("\\/", "/")  # pandas escapes slashes, JSON need not
    said = ",\n".join(json.dumps(one, ensure_ascii=False) for one in answers)
    first = f'"answers": [\n{said}\n], ' if answers else ""
    return f'{{"title": {json.dumps(title, ensure_ascii=False)}, {first}"rows": [\n{rows}\n]}}\n'


FORMATS: Registry[Format] = Registry(
    "format",
    "tlbench.formats",
    {
        "markdown": Format("md", as_markdown, kept=True, beside=with_pictures),
        "csv": Format("csv", as_csv, kept=True),
        "json": Format("json", as_json, kept=True),
        "html": Format("html", as_html, kept=True),
        "text": Format("txt", as_text, kept=True),
        "svg": Format("svg", as_svg, kept=True),
        "png": Format("png", as_png),
        "latex": Format("tex", as_latex),
        "pytest-benchmark": Format("json", exports.pytest_benchmark),
        "github-action-benchmark": Format("json", exports.github_action_benchmark),
    },
    of=Format,
)


COLUMNS_IN: Mapping[str, Callable[[str, "pd.DataFrame"], str]] = {
    "text": lambda title, frame: terminal.text(chosen.table(frame)) + "\n",
    "markdown": lambda title, frame: markdown.render(Document(title, (chosen.table(frame),))),
    "latex": lambda title, frame: latex.render(Document(title, (chosen.table(frame),))),
    "csv": lambda title, frame: frame_as_csv(frame),
    "json": _json,
}
"""The formats that ``--columns`` can be combined with."""


def with_columns(report: Report, names: Sequence[str], form: str) -> str:
    """A table with a row for each record and some columns of the report's frame.

    Args:
        report: the report.
        names: the columns.
        form: the name of the format.

    Raises:
        UserError: a column does not exist, or the format is none of `COLUMNS_IN`.
    """
    if form not in COLUMNS_IN:
        raise UserError(f"--columns: not available in format {form}; known formats: {', '.join(COLUMNS_IN)}")
    return COLUMNS_IN[form](report.title, chosen.frame(report, names))


def columns_as_text(report: Report, names: Sequence[str], columns: int | None) -> str:
    """The same as text for a terminal of so many columns; None for lines of any length. Raises UserError alike."""
    return terminal.text(chosen.table(chosen.frame(report, names)), columns=columns) + "\n"


def kept_files(report: Report) -> dict[str, bytes]:
    """The report's files in a run's folder, by name; Markdown first."""
    made: dict[str, bytes] = {}
    for form in FORMATS.values():
        if form.kept:
            several = output.files((form.beside or form.make)(report), form.extension)
            made |= {file_name(ending, report.rows): content for ending, content in several.items()}
    return made


def file_name(ending: str, rows: Sequence[RunRecord]) -> str:
    """The name of a report file in a run's folder. It names the stand-ins, once if all records have the same."""
    marks = list({row.record.fallbacks for row in rows})
    if len(marks) == 1 and marks[0]:
        ending = ending.replace(f"-{slugs([', '.join(marks[0])])[0]}", "")
    return report_file(ending, {mark for of in marks for mark in of})

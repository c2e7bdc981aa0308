"""A table for each data set: accuracy and costs of each model, strategy and setting. Pure."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tlbench.core.text import DASH, first_of
from tlbench.datasets.sentences import BALANCED, CLASSES, balance_sentence
from tlbench.reporting.document import Code, Note, Section, Strong, Table, Text, compact
from tlbench.reporting.plots import Reading
from tlbench.reporting.published import is_original
from tlbench.reporting.report import Report, RunRecord
from tlbench.reporting.views import original, rows
from tlbench.reporting.views.certainty import NOT_UNSEEN, repeated_in
from tlbench.reporting.views.choice import AS_TRAINED, LEADS, MAY_BE
from tlbench.reporting.views.gains import RESAMPLES
from tlbench.reporting.views.names import columns, data_set, is_search
from tlbench.reporting.views.relative import TimeColumns
from tlbench.reporting.views.rows import UNSTABLE, by_row
from tlbench.results.images import DataProvenance
from tlbench.statistics.bootstrap import FEWEST

MOST_OPEN = 40
"""The most rows of a table that is not folded, as in keras.io's."""
LAST = (math.inf, 0)
BEST = f"Best? {LEADS}: the highest top-1 of those trained on the same images; {MAY_BE}: not to be told from the best"
EMPTY = "; empty: another one is better"
ONCE = (
    f"; {AS_TRAINED}: as trained here (one seed), the model that leads is better; of the recipe one seed says nothing"
)
NONE = f" {DASH}: none is recommended, since the highest top-1 is not clearly above what guessing gets."


def sections(report: Report) -> list[Section]:
    """A section for each data set. Records with a stand-in are never in one table with records without."""
    answers = _answers(report)
    return [_section(report, heading, group, answers) for heading, group in _groups(report.rows)]


@dataclass(frozen=True)
class Answer:
    """What the recommendation says of a record.

    Attributes:
        place: the numbers of its decision and of its mark there, which sort rows by preference.
        top1: its accuracy.
        standing: whether it may be the best, in a word.
        compared: whether it was compared with others.
    """

    place: tuple[int, int]
    top1: Reading
    standing: str
    compared: bool


Answers = Mapping[int, Answer]
"""Answers by the `id` of a record."""


def _section(report: Report, heading: str, group: Sequence[RunRecord], answers: Answers) -> Section:
    if all(is_original(row.record) for row in group):
        times = original.columns(group, report.rows)
        legend = _legend(group, [column.how for column in times], original.LEGEND)
        return Section(heading, (original.table(group, times), legend))
    how = TimeColumns.of(group, report.rows)
    table = _table(group, how, answers)
    found = [one for row in group if (one := answers.get(id(row.record)))]
    legend = _legend(group, [how], _accuracy_legend(group, found))
    many = len(table.rows) > MOST_OPEN
    named = f"{heading}: all {len(table.rows)} rows" if many else heading
    return Section(named, (*_data_note(group), table, legend), folded=many)


def _groups(of: Sequence[RunRecord]) -> Iterable[tuple[str, list[RunRecord]]]:
    groups: dict[str, list[RunRecord]] = {}
    for row in of:
        if row.record.status == "ok":
            groups.setdefault(data_set(row.record), []).append(row)
    return groups.items()


def _answers(report: Report) -> Answers:
    return {
        id(row.record): Answer((number, place), mark.y, one.told(place), len(one.recipes) > 1)
        for number, one in enumerate(report.decisions)
        for place, (mark, seeds) in enumerate(zip(one.choice.scatter.marks, one.recipes, strict=True))
        for row in seeds
    }


def _table(group: Sequence[RunRecord], how: TimeColumns, answers: Answers) -> Table:
    """A row for each model, strategy and setting, in the order of preference; those without a test come last."""
    told = columns([row.record for row in group])
    tuned = any(row.record.search for row in group)
    balanced = any(row.record.data.unbalanced for row in group if row.record.data)
    headings = rows.headings(told, how, tuned=tuned, balanced=balanced)
    right = [place for place in range(2 + len(told), len(headings)) if headings[place] != "Best?"]
    found = [(next(filter(None, (answers.get(id(row.record)) for row in each)), None), each) for each in by_row(group)]
    lines = [
        rows.cells(
            seeds,
            told,
            how,
            reading=answer.top1 if answer else None,
            standing=answer.standing if answer else "",
            tuned=tuned,
            balanced=balanced,
        )
        for answer, seeds in sorted(found, key=lambda of: of[0].place if of[0] else LAST)
    ]
    return compact(Table.of(headings, lines, right))


def _data_note(group: Sequence[RunRecord]) -> list[Note]:
    data = group[0].record.data
    if data is None:
        return []
    images = " or ".join(dict.fromkeys(_images(row.record.data) for row in group if row.record.data))
    classes = f"{len(data.classes)} classes ({first_of(data.classes, CLASSES)})"
    note: tuple[str | Strong, ...] = (f"{classes}; images: {images}.",)
    if data.source == "synthetic":
        drawn = Strong("These are drawn pictures, no photographs:")
        note += (" ", drawn, " accuracies say nothing about real images.")
    bad = sum(bool(one.split) for one in data.skipped)
    if bad:
        what = (
            "1 file was left out because it is no image"
            if bad == 1
            else f"{bad} files were left out because they are no images"
        )
        note += (f" {what}.",)
    if others := len(data.skipped) - bad:
        what = (
            "1 file or folder was left out by its"
            if others == 1
            else f"{others} files or folders were left out by their"
        )
        note += (f" {what} name, kind or place.",)
    if told := repeated_in(group):
        note += (" ", Strong("Repeated:"), f" {told}; {NOT_UNSEEN}.")
    unbalanced = balance_sentence(data.counts)
    return [Note((note, *([_unbalanced(unbalanced)] if unbalanced else [])))]


def _unbalanced(sentence: str) -> Text:
    """The sentence on unbalanced classes with its setting as code. Backticks in the names of classes stay text."""
    before, _, after = sentence.rpartition(BALANCED)
    return (before[0].upper() + before[1:], Code(BALANCED.strip("`")), f"{after}.")


def _images(data: DataProvenance) -> str:
    total = {split: sum(counts.values()) for split, counts in data.counts.items()}
    return ", ".join(f"{total[split]} {split}" for split in ("train", "validation", "test") if split in total)


def _accuracy_legend(group: Sequence[RunRecord], found: Sequence[Answer]) -> str:
    """What accuracies and their judgement mean; `found` are the answers on the records of the group."""
    together = any(one.compared for one in found)
    interval = (
        "a 95 % interval that holds for all rows of the same images together" if together else "its 95 % interval"
    )
    best = _best_legend({one.standing for one in found})
    several = len({row.record.cell.seed for row in group}) > 1
    resampled = any(row.record.accuracy.resampled for row in group if row.record.accuracy)
    spreads = [
        *(["over seeds"] if several else []),
        *([RESAMPLES] if resampled else []),
    ]
    return (
        f"Top-1 is test accuracy with {interval}"
        + (f"; ± is the standard deviation {'; '.join(spreads)}" if spreads else "")
        + ". Trainable counts the parameters the strategy trains."
        + (f" {best}" if best else "")
    )


def _best_legend(standings: Collection[str]) -> str:
    """What the words in the column "Best?" mean; empty if no row has one."""
    if LEADS not in standings:
        return ""
    below = (EMPTY if "" in standings else "") + (ONCE if AS_TRAINED in standings else "")
    return f"{BEST}{below or EMPTY}.{NONE if DASH in standings else ''}"


def _legend(group: Sequence[RunRecord], times: Sequence[TimeColumns], opening: Text) -> Note:
    lines = [opening, *dict.fromkeys(line for how in times for line in how.legend())]
    marks = any(how.marks for how in times)
    if any(row.record.timings and not all(step.stable for step in row.record.timings.steps) for row in group):
        which = f"{UNSTABLE} marks a step time that is not stable" if marks else "No step time here is stable"
        lines.append(f"{which}; why is said under Step times.")
    if any(not step.has_number for row in group if row.record.timings for step in row.record.timings.steps):
        lines.append(f"Fewer than {FEWEST} steps are no number: their time is left empty, with how many there are.")
    if any(row.record.search for row in group):
        lines.append(
            "Tuning is the wall time of all trials of a cell, the chosen one included; each was chosen by validation, "
            "and tested once."
        )
    if any(is_search(row.record) for row in group):
        lines.append(
            "The nearest neighbours are searched among the features of all training images, which are counted as "
            "parameters; the search is no part of the model, so there is no step to time."
        )
    trained = group[0].record.cell.train is not None
    for kind in dict.fromkeys(rows.stand_in(row.record) for row in group):
        if kind is not None:
            what = rows.WITHOUT_IMAGENET[kind] if trained else "counts and times do not depend on them."
            lines.append(("† ", Strong(f"{kind.capitalize()} weights stand in for ImageNet's:"), f" {what}"))
    return Note(tuple(lines))

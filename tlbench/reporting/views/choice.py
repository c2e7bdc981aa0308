"""For each data set: which model and strategy to take, what may be as good, and what that costs. Pure."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from tlbench.core.text import counted
from tlbench.regression.best import Contest, contest
from tlbench.regression.contrasts import Recipe
from tlbench.reporting import numbers
from tlbench.reporting.answer import SMALLEST, WORDS, sentence
from tlbench.reporting.costs import COSTS, Cost
from tlbench.reporting.document import Section, Table
from tlbench.reporting.numbers import DASH
from tlbench.reporting.plots import Axis, Choice, Mark, Reading, Scatter
from tlbench.reporting.published import is_original
from tlbench.reporting.report import Report, RunRecord
from tlbench.reporting.views import rows
from tlbench.reporting.views.relative import TimeColumns
from tlbench.results.record import Record
from tlbench.statistics.intervals import wilson

RUNNING = ("inference", "size")
"""What "cheaper to run" is asked of: the first of these kinds of cost that is known."""
FEW_IMAGES = 100
"""Below so many test images an accuracy is known to ten points at best."""
CAPTION = (
    "Higher and further left is better. Bars are 95 % intervals, those of top-1 for all points together; a line joins "
    "the strategies of one backbone; hollow points have another one above and to the left of them."
)


@dataclass(frozen=True)
class Decision:
    """Which recipe to take of those that were trained and tested on the same images, under a heading.

    recipes: rows of each mark of the choice, in its order. limits: who leads within which limits, where anybody else
    does.
    """

    heading: str
    choice: Choice
    recipes: tuple[tuple[RunRecord, ...], ...]
    limits: tuple[Section, ...]

    @property
    def title(self) -> str:
        """Of the section that says it."""
        return f"Which to take for {self.heading}"

    def standing(self, place: int) -> str:
        """Whether the mark at `place` may be the best, in a word; empty where it is not, and where it is alone."""
        if len(self.recipes) == 1:
            return ""
        return LEADS if place == 0 else "" if place in self.choice.beaten[0] else MAY_BE


LEADS, MAY_BE = "leads", "may be"


def sections(report: Report) -> list[Section]:
    """A section for each set of test images on which something was trained."""
    return [Section(one.title, (one.choice, *one.limits)) for one in report.decisions]


def decisions(report: Report) -> tuple[Decision, ...]:
    """One for each set of test images on which something was trained; `Report.decisions` keeps them."""
    return tuple(_decision(report, heading, group) for heading, group in tested_alike(trained(report)))


def values(decision: Decision) -> dict[str, object]:
    """The answer for programs: the sentence, who leads and who may be as good by their names and cells."""
    marks = decision.choice.scatter.marks
    standings = [decision.standing(place) for place in range(len(marks))]
    contenders = [
        {
            "name": mark.name,
            "cells": [row.record.cell_id for row in seeds],
            "top1": mark.y.value,
            "low": mark.y.low,
            "high": mark.y.high,
        }
        for mark, seeds in zip(marks, decision.recipes, strict=True)
    ]
    return {
        "for": decision.heading,
        "sentence": sentence(decision.choice),
        "take": contenders[0],
        "may_be_as_good": [one for one, how in zip(contenders, standings, strict=True) if how == MAY_BE],
        "certainty": decision.choice.certainty,
    }


def trained(report: Report) -> list[RunRecord]:
    """Those that were trained and tested."""
    return [row for row in report.rows if row.record.accuracy and row.record.data and not is_original(row.record)]


def tested_alike(of: Sequence[RunRecord]) -> list[tuple[str, list[RunRecord]]]:
    """Rows that were trained and tested on the same images, together under a heading."""
    groups: dict[tuple[str, tuple[str, ...], str], list[RunRecord]] = {}
    for row in of:
        record = row.record
        assert record.data is not None
        key = (record.cell.dataset.label, record.fallbacks, record.data.fingerprint)
        groups.setdefault(key, []).append(row)
    return [
        (dataset + (f" ({', '.join(marks)})" if marks else "") + _images(group, [key[:2] for key in groups]), group)
        for (dataset, marks, _), group in groups.items()
    ]


def _images(group: Sequence[RunRecord], headings: Sequence[tuple[str, tuple[str, ...]]]) -> str:
    """``, 100 training images``: where one data set was used with several choices of images."""
    record = group[0].record
    if headings.count((record.cell.dataset.label, record.fallbacks)) < 2 or record.data is None:
        return ""
    return f", {sum(record.data.counts['train'].values())} training images"


def _decision(report: Report, heading: str, group: Sequence[RunRecord]) -> Decision:
    by_recipe = rows.by_row(group)
    known = [cost for cost in COSTS if any(cost.of(seeds) for seeds in by_recipe)]
    recipes = [Recipe(tuple(row.record for row in seeds if row.run == seeds[0].run)) for seeds in by_recipe]
    marked = TimeColumns.of(group).marks
    readings = [[cost.reading(seeds, marked=marked) for cost in known] for seeds in by_recipe]
    found = contest(
        recipes, [tuple(math.inf if r is None else r.value for r in one) for one in readings], report.answers
    )
    names = dict(zip(map(id, recipes), names_of([recipe.records[0] for recipe in recipes]), strict=True))
    costs = dict(zip(map(id, recipes), readings, strict=True))
    marks = tuple(
        Mark(
            names[id(each.recipe)],
            each.recipe.cell.backbone.label,
            Reading(each.top1, f"{each.top1:.1%}", each.low, each.high),
            {
                cost.axis.key: reading
                for cost, reading in zip(known, costs[id(each.recipe)], strict=True)
                if reading is not None
            },
        )
        for each in found.contenders
    )
    name = f"choice-{slug(heading)}"
    top1 = Axis("top1", f"Top-1 on {heading}")
    title = f"Top-1 against cost on {heading}"
    scatter = Scatter(name, title, top1, tuple(cost.axis for cost in known), marks, CAPTION)
    run = next((cost.axis.key for cost in known if cost.axis.key.startswith(RUNNING)), "")
    words = SMALLEST if run == "size" else WORDS
    choice = Choice(scatter, found.beaten, words, certainty(found, group), run)
    of = {id(recipe): tuple(seeds) for recipe, seeds in zip(recipes, by_recipe, strict=True)}
    ordered = tuple(of[id(each.recipe)] for each in found.contenders)
    return Decision(heading, choice, ordered, tuple(_limits(choice, found, known)))


def names_of(records: Sequence[Record]) -> list[str]:
    """Backbone and strategy, with the settings that differ: no two of different recipes are alike."""
    columns = rows.columns(records)
    if len({_name(record, columns) for record in records}) < len(records):
        columns = rows.varying(records)
    named = [_name(record, columns) for record in records]
    return [name if named.count(name) == 1 else f"{name} ({records[at].cell_id})" for at, name in enumerate(named)]


def _name(record: Record, columns: Sequence[tuple[str, str]]) -> str:
    settings = rows.setting(record)
    more = [f"{heading.lower()} {settings[key].rpartition(': ')[2]}" for heading, key in columns if settings[key]]
    return ", ".join([record.cell.backbone.label, record.cell.strategy.label, *more])


def certainty(found: Contest, group: Sequence[RunRecord]) -> str:
    """What the choice rests on, and what it does not say."""
    number = len(found.contenders)
    record = group[0].record
    images = record.accuracy.images if record.accuracy else 0
    tested = f"on the same {images} test images"
    parts = []
    if record.data and record.data.source == "synthetic":
        parts.append("These are drawn pictures: nothing here says what is best on photographs.")
    if (kind := rows.stand_in(record)) is not None:
        parts.append(f"{kind.capitalize()} weights stand in for ImageNet's: {rows.WITHOUT_IMAGENET[kind]}")
    if record.data and record.data.unbalanced and (majority := record.data.majority) is not None:
        parts.append(
            f"The classes are unbalanced: who always says the most frequent one is right for {majority:.1%}; the "
            "tables have the balanced accuracy."
        )
    if 0 < images < FEW_IMAGES:
        low, high = wilson(images / 2, images)
        parts.append(
            f"{counted(images, 'test image')} say little: one more that is right is {100 / images:.1f} points, and an "
            f"accuracy of a half is known to within {50 * (high - low):.0f} points either way."
        )
    if any(row.record.timings for row in group) and not TimeColumns.of(group).marks:
        parts.append("No step time here is stable.")
    if number == 1:
        return " ".join([*parts, f"Nothing else was tested {tested}."])
    what = "trained models" if found.of_models else "recipes"
    parts.append(
        f"Of the {number} {what}, all {tested}, the best is the one named or one of those that may be as good, with "
        f"95 % confidence (Gupta's subset, Bonferroni). The intervals hold with the same confidence, all {number} "
        "together: the best is not flattered by having been picked."
    )
    if found.of_models:
        once = sum(not each.recipe.judged for each in found.contenders)
        which = "They were" if once == number else f"{once} of them {'was' if once == 1 else 'were'}"
        parts.append(f"{which} trained once: with other seeds they may come in another order.")
    else:
        parts.append(f"It holds over other {_trained_over(found)}, and other test images of the same kind.")
    if not found.paired:
        parts.append("Answers to single images were not kept of all, so that small leads cannot be seen.")
    return " ".join(parts)


def _trained_over(found: Contest) -> str:
    """What training was repeated over: ``seeds (3 each)``; of a solved head its training images."""
    seeds = [len(each.recipe.records) for each in found.contenders if not each.recipe.resampled]
    if not seeds:
        return "training images"
    many = str(seeds[0]) if min(seeds) == max(seeds) else f"{min(seeds)} to {max(seeds)}"
    solved = (
        ", of solved heads, which have none, over other training images" if len(seeds) < len(found.contenders) else ""
    )
    return f"seeds ({many} each){solved}"


def _limits(choice: Choice, found: Contest, known: Sequence[Cost]) -> list[Section]:
    """A folded table: the best within each limit at which another one leads."""
    lines = [row for place in range(len(known)) for row in _frontier(choice, found, known, place)]
    if len(lines) <= len(known):
        return []
    headings = ["Limit on", "Up to", "Take", "Top-1", "May be as good"]
    table = Table.of(headings, lines, right=[3, 4])
    return [Section("The best within a limit", (table,), folded=True)]


def _frontier(choice: Choice, found: Contest, known: Sequence[Cost], place: int) -> list[list[str]]:
    lines: list[list[str]] = []
    leading = None
    axis = known[place].axis
    for limit in sorted({one.costs[place] for one in found.contenders if one.costs[place] < math.inf}):
        limits = [limit if place == other else None for other in range(len(known))]
        pick = found.within(limits)
        if pick is None or pick.leader == leading:
            continue
        leading = pick.leader
        mark = choice.scatter.marks[leading]
        within = sum(one.costs[place] <= limit for one in found.contenders)
        rivals = f"{len(pick.rivals)} of {within - 1}" if within > 1 else DASH
        line = [axis.label, numbers.at_most(limit), mark.name, mark.y.text, rivals]
        if lines and lines[-1][1] == line[1]:
            lines.pop()  # within the same limit, as it is written, this one leads
        lines.append(line)
    return lines


def slug(text: str) -> str:
    """A part of a file's name: lower-case letters and digits, joined by hyphens."""
    return re.sub("[^a-z0-9]+", "-", text.lower()).strip("-")[:40] or "x"

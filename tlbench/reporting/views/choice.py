"""The recommendation for each data set: which model and strategy to take, and which may be as good. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from tlbench.core.text import DASH, percent
from tlbench.regression.best import Contest, contest
from tlbench.regression.contrasts import Recipe
from tlbench.regression.transfer import chance
from tlbench.reporting import numbers
from tlbench.reporting.answer import ALONE_ONCE, SMALLEST, WORDS, sentence
from tlbench.reporting.costs import Costs, compared, timed_in, times_apart
from tlbench.reporting.document import Note, Section, Table
from tlbench.reporting.plots import Axis, Choice, Mark, Reading, Scatter
from tlbench.reporting.published import is_original
from tlbench.reporting.report import Report, RunRecord, first_of_each
from tlbench.reporting.views import rows
from tlbench.reporting.views.certainty import KEPT_HEAD, ONE_SEED, certainty, holds, never_recognised, thrown_away
from tlbench.reporting.views.looks import backbones
from tlbench.reporting.views.names import DIGITS, names_of, slugs

RUNNING = ("inference", "size")
"""The kinds of cost that "cheaper to run" refers to: the first of these that is known."""
CAPTION = (
    "Higher and further left is better. Bars are 95 % intervals, those of top-1 for all marks together.{joined} A mark "
    "is hollow where another one is at least as accurate and costs no more. Marks of the same cost stand side by side, "
    "so that none hides another."
)
JOINED = " A line joins the strategies of one backbone where their costs differ."
HOW_SURE = (
    "With 95 % confidence, the best of those tested is the one named or one of those that may be as good "
    "(Gupta's subset selection, Bonferroni's correction). The intervals of top-1 hold with the same confidence, for "
    "all rows of a data set together: the best is not flattered by having been picked."
)
OF_ONCE = "“Not as trained” is said of the model that was trained here: of its recipe one seed says nothing."
OF_SOLVED = (
    "The interval of a solved head also covers other training images, since it is solved again on resamples of them; "
    "that of one training does not."
)
"""What makes the interval of a solved head wider than that of a single training with as many right answers."""
DECIMALS = 12
"""The decimals of the bounds of an interval in JSON."""
APART = "Step times here are of several runs, none of which timed all: they are no cost to choose by."


@dataclass(frozen=True)
class Decision:
    """The recommended recipe among those that were trained and tested on the same images.

    Attributes:
        heading: the name of the data set.
        slug: the heading in file names.
        choice: the recommendation.
        recipes: the records of each mark of the choice, in its order, each cell once.
        limits: the recommendations within limits of cost, where they differ.
        timed_in: the run of the times along each axis.
        holds: whether the recommendation holds for other trainings and images; empty if nothing is compared.
    """

    heading: str
    slug: str
    choice: Choice
    recipes: tuple[tuple[RunRecord, ...], ...]
    limits: tuple[Section, ...]
    timed_in: Mapping[str, str] = field(default_factory=dict)
    holds: str = ""

    @property
    def title(self) -> str:
        """The title of its section."""
        return f"Which to take for {self.heading}"

    def standing(self, place: int) -> str:
        """Whether the mark at `place` may be the best, in a word.

        Empty if it is not, or if there is no other; a dash if nothing is recommended, because guessing may be as good.
        With one seed a recipe is not judged: then the word is about the model that was trained.
        """
        if len(self.recipes) == 1:
            return ""
        if not self.choice.above_chance(0):
            return DASH
        if place not in self.choice.beaten[0]:
            return MAY_BE if place else LEADS
        return "" if self._judged(0) and self._judged(place) else AS_TRAINED

    def told(self, place: int) -> str:
        """`standing`, with a sign if fine-tuning was thrown away each time, so that a solved head is shown."""
        kept = all(row.record.kept_head for row in self.recipes[place])
        return self.standing(place) + (KEPT_HEAD if kept else "")

    def _judged(self, place: int) -> bool:
        return Recipe(tuple(row.record for row in self.recipes[place])).judged


LEADS, MAY_BE, AS_TRAINED = "leads", "may be", "not as trained"


def sections(report: Report) -> list[Section]:
    """A section for each set of images, and one on how sure all recommendations are."""
    answers = [Section(one.title, (one.choice, *one.limits)) for one in report.decisions]
    said = how_sure(report.decisions)
    return [*answers, Section("How sure that is", (Note((said,)),))] if said else answers


def how_sure(made: Sequence[Decision]) -> str:
    """The statistical meaning of these decisions, once for all; empty if nothing was compared."""
    holds = [one.holds for one in made if one.holds]
    if not holds:
        return ""
    apart = len(set(holds)) > 1
    of = [f"{one.heading}: {one.holds}" if apart else one.holds for one in made if one.holds]
    mixed = any(one.holds == ONE_SEED and _solved(one) for one in made)
    once = any(one.standing(place) == AS_TRAINED for one in made for place in range(len(one.recipes)))
    return " ".join([HOW_SURE, *dict.fromkeys(of), *([OF_ONCE] if once else []), *([OF_SOLVED] if mixed else [])])


def _solved(decision: Decision) -> bool:
    """Whether some of the recipes are solved heads, which have resamples in place of seeds."""
    records = [seeds[0].record for seeds in decision.recipes if len(seeds) == 1]
    return any(record.accuracy.resampled for record in records if record.accuracy)


def decisions(report: Report) -> tuple[Decision, ...]:
    """A decision for each set of images. `Report.decisions` caches them."""
    groups = tested_alike(trained(report))
    names = slugs([heading for heading, _ in groups])
    pairs = [math.comb(len(rows.by_row(group)), 2) for _, group in groups]
    return tuple(
        _decision(report, *of, slug, sum(pairs) - own) for of, slug, own in zip(groups, names, pairs, strict=True)
    )


def values(decision: Decision) -> dict[str, object]:
    """The recommendation for JSON: the sentence, and the names and cells of the leader and of its equals."""
    marks = decision.choice.scatter.marks
    standings = [decision.standing(place) for place in range(len(marks))]
    contenders = [
        {
            "name": mark.name,
            "cells": [row.record.cell_id for row in seeds],
            "top1": mark.y.value,
            "low": _same_everywhere(mark.y.low),
            "high": _same_everywhere(mark.y.high),
            "cost": _run_cost(decision.choice, mark),
        }
        for mark, seeds in zip(marks, decision.recipes, strict=True)
    ]
    rivals = [place for place, how in enumerate(standings) if how == MAY_BE]
    key = decision.choice.run_cost
    priced = [place for place in rivals if key in marks[place].x]
    cheapest = min(priced, key=lambda place: marks[place].x[key].value, default=None)
    return {
        "for": decision.heading,
        "sentence": sentence(decision.choice),
        "take": contenders[0] if decision.choice.above_chance(0) else None,
        "may_be_as_good": [contenders[place] for place in rivals],
        "cheapest_rival": None if cheapest is None else contenders[cheapest],
        "chance": decision.choice.chance,
        "certainty": f"{decision.choice.certainty} {how_sure([decision])}".rstrip(),
    }


def _run_cost(choice: Choice, mark: Mark) -> dict[str, object] | None:
    """What it costs to run a mark, as the sentence has it, with the unit; None if that is not known."""
    axis = next((axis for axis in choice.scatter.xs if axis.key == choice.run_cost), None)
    if axis is None or axis.key not in mark.x:
        return None
    return {"axis": axis.key, "value": _same_everywhere(mark.x[axis.key].value), "unit": axis.unit}


def _same_everywhere(bound: float | None) -> float | None:
    """`bound` without the last digits, in which processors differ, because libraries use other instructions on each."""
    return None if bound is None else round(bound, DECIMALS)


def trained(report: Report) -> list[RunRecord]:
    """The records that were trained and tested."""
    return [row for row in report.rows if row.record.accuracy and row.record.data and not is_original(row.record)]


def tested_alike(of: Sequence[RunRecord]) -> list[tuple[str, list[RunRecord]]]:
    """The records grouped by the images that they were trained and tested on, each group with a heading."""
    groups: dict[tuple[str, tuple[str, ...], str], list[RunRecord]] = {}
    for row in of:
        record = row.record
        assert record.data is not None
        key = (record.cell.dataset.label, record.fallbacks, record.data.fingerprint)
        groups.setdefault(key, []).append(row)
    headings = [
        dataset + (f" ({', '.join(marks)})" if marks else "") + _images(group, [key[:2] for key in groups])
        for (dataset, marks, _), group in groups.items()
    ]
    alike = [heading for heading in headings if headings.count(heading) > 1]
    return [
        (f"{heading}, images {fingerprint[:DIGITS]}" if heading in alike else heading, group)
        for heading, ((_, _, fingerprint), group) in zip(headings, groups.items(), strict=True)
    ]


def _images(group: Sequence[RunRecord], headings: Sequence[tuple[str, tuple[str, ...]]]) -> str:
    """An addition to a heading, ``, 100 training images``, if a data set was used with several sets of images."""
    record = group[0].record
    if headings.count((record.cell.dataset.label, record.fallbacks)) < 2 or record.data is None:
        return ""
    return f", {sum(record.data.counts['train'].values())} training images"


def _decision(report: Report, heading: str, group: Sequence[RunRecord], slug: str, elsewhere: int) -> Decision:
    """The decision on a `group`; `elsewhere` is the number of pairs of recipes of all other groups."""
    by_recipe = rows.by_row(group)
    once = [tuple(first_of_each(seeds)) for seeds in by_recipe]
    recipes = [Recipe(tuple(row.record for row in seeds)) for seeds in once]
    costs = compared(by_recipe)
    found = contest(recipes, _by_recipe(costs, len(recipes)), report.answers, elsewhere)
    place_of = {id(recipe): place for place, recipe in enumerate(recipes)}
    places = [place_of[id(each.recipe)] for each in found.contenders]
    marks = _marks(found, names_of([recipe.records[0] for recipe in recipes]), costs, places)
    top1, title = Axis("top1", f"Top-1 on {heading}"), f"Top-1 against cost on {heading}"
    scatter = Scatter(f"choice-{slug}", title, top1, tuple(costs), marks, "", backbones(report))
    scatter = scatter.captioned(CAPTION, JOINED)
    run = next((axis.key for axis in costs if axis.key.startswith(RUNNING)), "")
    words = SMALLEST if run == "size" else WORDS
    words = replace(words, alone=ALONE_ONCE) if found.of_models else words
    rests_on = certainty(found, group, report.rows) + (f" {APART}" if times_apart(by_recipe) else "")
    choice = Choice(scatter, found.beaten, words, rests_on, run, chance(recipes[0]))
    ordered = tuple(once[place] for place in places)
    if choice.above_chance(0) and (never := never_recognised(marks[0].name, [row.record for row in ordered[0]])):
        choice = replace(choice, certainty=f"{never} {choice.certainty}")
    if undone := thrown_away((mark.name, recipes[place]) for mark, place in zip(marks, places, strict=True)):
        choice = replace(choice, certainty=f"{choice.certainty} {undone}")
    limits_of = tuple(_limits(choice, found))
    return Decision(heading, slug, choice, ordered, limits_of, timed_in(by_recipe), holds(found))


def costs_by_cell(report: Report) -> dict[str, tuple[float, ...]]:
    """The costs of each trained cell, by its id: of equal accuracies, the one with the lowest costs leads."""
    found: dict[str, tuple[float, ...]] = {}
    for _, group in tested_alike(trained(report)):
        by_recipe = rows.by_row(group)
        for seeds, costs in zip(by_recipe, _by_recipe(compared(by_recipe), len(by_recipe)), strict=True):
            found |= {row.record.cell_id: costs for row in seeds}
    return found


def _by_recipe(costs: Costs, many: int) -> list[tuple[float, ...]]:
    """The costs of each of so many recipes; infinity if unknown."""
    return [tuple(_value(of[place]) for of in costs.values()) for place in range(many)]


def _value(reading: Reading | None) -> float:
    return math.inf if reading is None else reading.value


def _marks(found: Contest, names: Sequence[str], costs: Costs, places: Sequence[int]) -> tuple[Mark, ...]:
    """A mark for each contender. `names` and `costs` are those of the recipes, `places` those of the contenders."""
    return tuple(
        Mark(
            names[place],
            each.recipe.cell.backbone.label,
            Reading(each.top1, percent(each.top1), each.low, each.high),
            {axis.key: reading for axis, of in costs.items() if (reading := of[place]) is not None},
        )
        for place, each in zip(places, found.contenders, strict=True)
    )


def _limits(choice: Choice, found: Contest) -> list[Section]:
    """A folded table of the recommendations within limits of cost, where they differ."""
    axes = choice.scatter.xs
    lines = [row for place in range(len(axes)) for row in _frontier(choice, found, place)]
    if len(lines) <= len(axes):
        return []
    headings = ["Limit on", "Up to", "Take", "Top-1", "Others that may be as good"]
    table = Table.of(headings, lines, right=[3, 4])
    return [Section("The best within a limit", (table,), folded=True)]


def _frontier(choice: Choice, found: Contest, place: int) -> list[list[str]]:
    lines: list[list[str]] = []
    axis = choice.scatter.xs[place]
    for one in found.leaders(place):
        if not choice.above_chance(one.pick.leader):
            continue
        mark = choice.scatter.marks[one.pick.leader]
        rivals = f"{len(one.pick.rivals)} of {one.many - 1}" if one.many > 1 else "the only one"
        line = [axis.label, numbers.at_most(one.limit), mark.name, mark.y.text, rivals]
        if lines and lines[-1][1] == line[1]:
            lines.pop()  # within the same limit, as it is written, this one leads
        lines.append(line)
    return lines

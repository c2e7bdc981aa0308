"""Which strategy to take: the lessons' rule, what runs measured, and what the difference is. Pure."""

from collections.abc import Sequence

from tlbench.regression.advice import FAR, MANY, SOURCES, Advice, Measured
from tlbench.regression.contrasts import Recipe
from tlbench.reporting.document import Block, Note, Strong, Table, Text, prose
from tlbench.reporting.numbers import DASH
from tlbench.reporting.views.gains import accuracy

HEADINGS = ["Data set", "Model", "Images a class", "Highest", "As good, as far as can be told", "Worse"]
NO_RUNS = (
    "Nothing was measured: `tlbench run images` measures strategies with 10 to 250 images a class; name its folder "
    "behind this command. Better still, `tlbench init FOLDER` writes a suite for your own images."
)
NO_COMPARISON = "Nothing was measured: these runs have no two strategies on the same photographs, with real weights."
ONE_SEED = "Measured: with one seed trained models can be compared, not strategies; `seeds: [0, 1, 2]` in a suite can."
ALIKE = "Where none of these data sets is yours, which is most like it is for you to say."


def blocks(advice: Advice) -> list[Block]:
    """The rule; where there are runs, a table of them and what they come to."""
    found: list[Block] = [Note(_rule(advice))]
    if not advice.measured:
        return [*found, Note((prose(NO_COMPARISON if advice.looked else NO_RUNS),))]
    return [*found, Table.of(HEADINGS, map(_row, advice.measured), [2]), Note(_measured(advice))]


def difference(advice: Advice) -> str:
    """What the rule and the runs have to do with each other, in one sentence."""
    rule, choice, of = advice.rule.strategy, advice.choice, advice.judged
    if choice is None:
        return f"Nothing that was measured is for or against {rule}."
    if advice.agree:
        return f"The rule and what was measured agree on {choice}."
    best, tried = advice.rule_in
    if not tried:
        return f"They differ: the rule says {rule}, which was not judged here; of what was, {choice} is the choice."
    if best == of == advice.best_in:
        return f"No contradiction: the rule's {rule} is as good, as far as can be told; {choice} trains less."
    less = ", and trains less" if best == advice.best_in else ""
    times = f"{best} of {of}" if tried == of else f"{best} of the {tried} that tried it"
    chosen = f"{choice} is in {advice.best_in} of {of}{less}"
    return f"They differ: the rule says {rule}, as good as the best in {times}; {chosen}."


def _rule(advice: Advice) -> tuple[Text, ...]:
    rule = advice.rule
    many = (
        f"{'many' if rule.many else 'few'} images ({advice.images:g} a class; {MANY} or more are many, by our choice)"
    )
    return (
        ("The lessons' rule: ", Strong(rule.strategy), f", for {many} of classes {_like(advice)} ImageNet's."),
        f"Why: {rule.why}.",
        *(f"From: {source}." for source in SOURCES),
    )


def _like(advice: Advice) -> str:
    return "like" if advice.rule.similar else "unlike"


def _measured(advice: Advice) -> tuple[Text, ...]:
    lines: list[Text] = [_choice(advice), difference(advice)]
    if advice.far:
        lines.append(
            f"Where there were over {FAR:g} times fewer or more images than yours, that says less of your case."
        )
    return (*lines, ALIKE)


def _choice(advice: Advice) -> Text:
    if advice.choice is None:
        return prose(ONE_SEED)
    times = f"in {advice.best_in} of {advice.judged}" if advice.judged > 1 else "in the one comparison"
    return ("Measured: ", Strong(advice.choice), f", the best or as good {times}{_least(advice)}.")


def _least(advice: Advice) -> str:
    """Why this one of several."""
    others = [one for one in advice.measured if len({recipe.cell.strategy.label for recipe in one.equal}) > 1]
    return "; of the strategies that are so as often, it trains the fewest parameters" if others else ""


def _row(one: Measured) -> list[str]:
    best = (one.equal or one.recipes)[0]
    highest = f"{best.cell.strategy.label} {accuracy(best)}"
    return [best.cell.dataset.label, best.cell.backbone.label, f"{one.images:g}", highest, *_others(one)]


def _others(one: Measured) -> tuple[str, str]:
    """The other strategies: those that are as good as the best, and those that are not."""
    if not one.equal:
        return "not judged: one seed", ""
    worse = [recipe for recipe in one.recipes if recipe not in one.equal and recipe.judged]
    return _labels(one.equal[1:]), _labels(worse)


def _labels(recipes: Sequence[Recipe]) -> str:
    return ", ".join(dict.fromkeys(recipe.cell.strategy.label for recipe in recipes)) or DASH


def rows(measured: Sequence[Measured]) -> list[dict[str, object]]:
    """For programs: each comparison with the recipes' accuracies (shares of 1) and which are as good as the best."""
    return [
        {
            "dataset": one.recipes[0].cell.dataset.label,
            "backbone": one.recipes[0].cell.backbone.label,
            "images": one.images,
            "recipes": [
                {
                    "strategy": recipe.cell.strategy.label,
                    "cells": [record.cell_id for record in recipe.records],
                    "top1": recipe.top1,
                    "as_good_as_the_best": recipe in one.equal if one.equal else None,
                }
                for recipe in one.recipes
            ],
        }
        for one in measured
    ]

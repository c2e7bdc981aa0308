"""The view of `tlbench advise`: the textbook rule, what runs measured, and whether the two agree. Pure."""

from collections.abc import Sequence

from tlbench.core.text import DASH
from tlbench.regression.advice import FAR, MANY, NEAR, SOURCES, Advice, Measured
from tlbench.regression.contrasts import Recipe
from tlbench.reporting.document import Block, Note, Strong, Table, Text, compact, prose
from tlbench.reporting.views.certainty import FEW_IMAGES, KEPT_HEAD, few_images, thrown_away
from tlbench.reporting.views.gains import accuracy, spread_over

HEADINGS = ["Data set", "Model", "Images per class", "Highest", "Not significantly worse", "Worse"]
NO_RUNS = (
    "Measured: nothing. `tlbench run images` measures strategies with 10 to 250 images per class; add the folder of "
    "that run to this command. Better still, `tlbench init FOLDER` writes a suite for your own images."
)
NO_COMPARISON = "Measured: nothing. In these runs, no two strategies used the same photographs and real weights."
ONE_SEED = "Not judged: one seed compares trained models; several, as `seeds: [0, 1, 2]`, compare strategies."
CLOSE = f"at most {NEAR * 100:.0f} points, and not significantly, below it"
ALIKE = "Judge by the data set that is yours, or else by the one that is most similar to yours."


def blocks(advice: Advice) -> list[Block]:
    """The rule and, if there are runs, a table of them and the conclusion."""
    found: list[Block] = [Note(_rule(advice))]
    if not advice.measured:
        return [*found, Note((prose(NO_COMPARISON if advice.looked else NO_RUNS),))]
    over = spread_over((one.equal or one.recipes)[0] for one in advice.measured)
    table = compact(Table.of(HEADINGS, map(_row, advice.measured), [2]))
    return [*found, table, Note((*([over] if over else []), *_measured(advice)))]


def difference(advice: Advice) -> str:
    """Whether the rule and the measurements agree, in one sentence."""
    rule, choice, of = advice.rule.strategy, advice.choice, advice.judged
    if choice is None:
        return f"No measurement speaks for or against {rule}."
    in_all = "" if advice.best_in == of else f", in {advice.best_in} of {of} comparisons"
    if advice.agree:
        return f"The rule and the measurements agree on {choice}{in_all}."
    best, tried = advice.rule_in
    if not tried:
        return f"They differ: the rule says {rule}, which was not judged here; of the others, {choice} is the choice."
    if best == tried:
        where = "" if tried == of else f" in the {tried} of {of} comparisons that have it"
        return f"No contradiction: {rule}, by the rule, is not significantly worse than the highest{where}."
    among = f"{tried} comparisons" + (" with it" if tried != of else "")
    chosen = f"{choice} is the highest or {CLOSE} in {advice.best_in} of {of}"
    worse = f"significantly worse than the highest in {tried - best} of {among}"
    return f"They differ: the rule says {rule}, {worse}; {chosen}."


def _rule(advice: Advice) -> tuple[Text, ...]:
    rule = advice.rule
    many = f"{'many' if rule.many else 'few'} images ({advice.images:g} per class; tlbench calls {MANY} or more many)"
    return (
        ("Textbook rule: ", Strong(rule.strategy), f", for {many} of classes {_like(advice)} ImageNet's."),
        f"Reason: {rule.why}.",
        *(f"Source: {source}." for source in SOURCES),
    )


def _like(advice: Advice) -> str:
    return "like" if advice.rule.similar else "unlike"


def _measured(advice: Advice) -> tuple[Text, ...]:
    lines: list[Text] = [_choice(advice), difference(advice)]
    lines += _few_images(advice)
    if undone := thrown_away(_by_label(advice.measured)):
        lines.append(undone)
    if advice.far:
        lines.append(f"Results with over {FAR:g} times fewer or more images than yours say less about your case.")
    return (*lines, ALIKE)


def _few_images(advice: Advice) -> list[str]:
    """A sentence on the comparisons with the fewest test images, if these are few."""
    tested = [recipe.records[0].accuracy for one in advice.measured for recipe in one.recipes]
    images = min((one.images for one in tested if one), default=0)
    return [few_images(images)] if 0 < images < FEW_IMAGES else []


def _by_label(measured: Sequence[Measured]) -> list[tuple[str, Recipe]]:
    """The recipes, each called by strategy, model and data set."""
    return [
        (f"{recipe.cell.strategy.label} of {recipe.cell.backbone.label} on {recipe.cell.dataset.label}", recipe)
        for one in measured
        for recipe in one.recipes
    ]


def _choice(advice: Advice) -> Text:
    if advice.choice is None:
        return prose(ONE_SEED)
    times = f"in {advice.best_in} of {advice.judged} comparisons" if advice.judged > 1 else "in the one comparison"
    return ("Measured: ", Strong(advice.choice), f", the highest or {CLOSE} {times}{_least(advice)}.")


def _least(advice: Advice) -> str:
    """Why this strategy was chosen among several."""
    others = [one for one in advice.measured if len({recipe.cell.strategy.label for recipe in one.near}) > 1]
    return "; of strategies that are so equally often, it trains the fewest parameters" if others else ""


def _row(one: Measured) -> list[str]:
    best = (one.equal or one.recipes)[0]
    highest = f"{_label(best)} {accuracy(best)}"
    return [best.cell.dataset.label, best.cell.backbone.label, f"{one.images:g}", highest, *_others(one)]


def _others(one: Measured) -> tuple[str, str]:
    """The other strategies: those that are not significantly worse than the best, and those that are."""
    if not one.equal:
        return "not judged: one seed", ""
    worse = [recipe for recipe in one.recipes if recipe not in one.equal and recipe.judged]
    return _labels(one.equal[1:]), _labels(worse)


def _labels(recipes: Sequence[Recipe]) -> str:
    return ", ".join(dict.fromkeys(map(_label, recipes))) or DASH


def _label(recipe: Recipe) -> str:
    """The strategy, with a sign if the fine-tuning of every seed was thrown away."""
    return recipe.cell.strategy.label + (KEPT_HEAD if recipe.kept_heads == len(recipe.records) else "")


def rows(measured: Sequence[Measured]) -> list[dict[str, object]]:
    """Each comparison as plain values: accuracies from 0 to 1, and how recipes compare with the highest."""
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
                    "significantly_worse": recipe not in one.equal if one.equal and recipe.judged else None,
                    "close": recipe in one.near if one.equal and recipe.judged else None,
                }
                for recipe in one.recipes
            ],
        }
        for one in measured
    ]

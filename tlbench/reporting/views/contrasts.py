"""The view of `tlbench pairs`: recipes or trained models, tested against each other on the same images. Pure."""

from collections.abc import Mapping, Sequence

from tlbench.core.text import percent
from tlbench.regression.contrasts import Contrast, Recipe
from tlbench.reporting.document import Block, Note, Table
from tlbench.reporting.numbers import UNROUNDED, points
from tlbench.reporting.views.names import data_set, names_of
from tlbench.results.record import RecipeKey, Record

BOTH = ["Data set", "First", "Second", "Top-1", "Points more"]
RECIPES = [*BOTH, "95 % interval", "p (Holm)", "Verdict"]
MODELS = [*BOTH, "Only first right", "Only second right", "p (Holm)", "Verdict"]
OF_MODELS = (
    "One seed on a side: two trained models are compared, not two recipes. Trained again, the same recipe often "
    "differs as much; several seeds of a suite compare recipes."
)
BEST = "First is the one with the highest top-1 on the same images; of equal ones, the cheaper, as in the report."
APART = (
    "The table with intervals compares recipes: both have several seeds, or a solved head with its resamples. The "
    "other table has all other pairs."
)


def tables(contrasts: Sequence[Contrast], *, of_best: bool = False) -> list[Block]:
    """A table of recipes, and one of trained models with a caveat; without tables that have no rows.

    Args:
        contrasts: the contrasts.
        of_best: whether the first of each is the best one on its images, which is said then.
    """
    names = _names(contrasts)
    of_recipes = [_recipes(each, names) for each in contrasts if not each.of_models]
    of_models = [_models(each, names) for each in contrasts if each.of_models]
    blocks: list[Block] = [Table.of(RECIPES, of_recipes)] if of_recipes else []
    blocks += [Table.of(MODELS, of_models)] if of_models else []
    said = [
        *([BEST] if of_best else []),
        *([APART] if len(blocks) > 1 else []),
        *([OF_MODELS] if of_models else []),
        UNROUNDED,
    ]
    return [*blocks, Note(tuple(said))] if blocks else []


Names = Mapping[RecipeKey, str]
"""Names of recipes by their keys."""


def _names(contrasts: Sequence[Contrast]) -> Names:
    """Names that distinguish the recipes of each data set by the settings that differ."""
    by_data: dict[str, dict[RecipeKey, Record]] = {}
    for recipe in (recipe for each in contrasts for recipe in (each.first, each.second)):
        record = recipe.records[0]
        by_data.setdefault(data_set(record), {}).setdefault(record.recipe_key, record)
    named = [zip(group, names_of(list(group.values())), strict=True) for group in by_data.values()]
    return dict(one for several in named for one in several)


def _recipes(contrast: Contrast, names: Names) -> list[str]:
    ends = (contrast.low, contrast.high)
    interval = " to ".join("?" if end is None else f"{end * 100:+.1f}" for end in ends)
    return [*_both(contrast, names), interval, f"{contrast.adjusted:.2g}", contrast.verdict]


def _models(contrast: Contrast, names: Names) -> list[str]:
    counts = [str(contrast.only_first), str(contrast.only_second)]
    return [*_both(contrast, names), *counts, f"{contrast.adjusted:.2g}", contrast.verdict]


def _both(contrast: Contrast, names: Names) -> list[str]:
    first, second = contrast.first, contrast.second
    both = [f"{names[recipe.records[0].recipe_key]}, {_trained(recipe)}" for recipe in (first, second)]
    top1 = f"{percent(first.top1)} / {percent(second.top1)}"
    return [data_set(first.records[0]), *both, top1, points(contrast.difference)]


def _trained(recipe: Recipe) -> str:
    """How often the recipe was trained: ``3 seeds``."""
    if recipe.resampled:
        return f"solved, {len(recipe.resampled)} resamples"
    return f"seed {recipe.cell.seed}" if len(recipe.records) == 1 else f"{len(recipe.records)} seeds"

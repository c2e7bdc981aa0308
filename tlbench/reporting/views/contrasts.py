"""Recipes, or trained models, tested against each other on the same images. Pure."""

from collections.abc import Sequence

from tlbench.regression.contrasts import Contrast, Recipe
from tlbench.reporting.document import Block, Note, Table

RECIPES = ["First", "Second", "Top-1", "Difference", "95 % interval", "p (Holm)", ""]
MODELS = ["First", "Second", "Top-1", "Difference", "Only first right", "Only second right", "p (Holm)", ""]
OF_MODELS = (
    "One seed on a side: two trained models are compared, not two recipes. Trained again, the same recipe often "
    "differs as much; several seeds of a suite compare recipes."
)


def tables(contrasts: Sequence[Contrast]) -> list[Block]:
    """A table of recipes, and one of trained models with what it does not say; those that have lines."""
    of_recipes = [_recipes(each) for each in contrasts if not each.of_models]
    of_models = [_models(each) for each in contrasts if each.of_models]
    blocks: list[Block] = [Table.of(RECIPES, of_recipes)] if of_recipes else []
    return [*blocks, Table.of(MODELS, of_models), Note((OF_MODELS,))] if of_models else blocks


def _recipes(contrast: Contrast) -> list[str]:
    ends = (contrast.low, contrast.high)
    interval = " to ".join("?" if end is None else f"{end * 100:+.1f}" for end in ends)
    return [*_both(contrast), interval, f"{contrast.adjusted:.2g}", contrast.verdict]


def _models(contrast: Contrast) -> list[str]:
    counts = [str(contrast.only_first), str(contrast.only_second)]
    return [*_both(contrast), *counts, f"{contrast.adjusted:.2g}", contrast.verdict]


def _both(contrast: Contrast) -> list[str]:
    first, second = contrast.first, contrast.second
    top1 = f"{first.top1:.1%} / {second.top1:.1%}"
    return [_label(first), _label(second), top1, f"{contrast.difference * 100:+.1f}"]


def _label(recipe: Recipe) -> str:
    without_seed = recipe.cell.label.rpartition(" · ")[0]
    if recipe.resampled:
        return f"{without_seed} · solved, {len(recipe.resampled)} resamples"
    return recipe.cell.label if len(recipe.records) == 1 else f"{without_seed} · {len(recipe.records)} seeds"

"""What `tlbench pairs` says of its tables: what is tested against what, and why there are two."""

from tests import builders
from tlbench.core.cell import Named
from tlbench.regression.contrasts import Contrast, Recipe
from tlbench.reporting.document import Note, Table
from tlbench.reporting.views.contrasts import APART, BEST, OF_MODELS, tables


def contrast(name: str, **models: int) -> Contrast:
    first, second = (builders.record(builders.cell(strategy=Named(name=each))) for each in ("full", name))
    return Contrast(Recipe((first,)), Recipe((second,)), 0.01, 0.5, **models)


OF_RECIPES, OF_ONE_SEED = contrast("frozen"), contrast("scratch", only_first=9, only_second=7)


def said(*contrasts: Contrast, of_best: bool = True) -> list[str]:
    *shown, note = tables(contrasts, of_best=of_best)
    assert all(isinstance(block, Table) for block in shown)
    assert isinstance(note, Note)
    return [str(line) for line in note.lines]


def test_that_the_first_is_the_best_is_said_unless_two_cells_were_named() -> None:
    assert BEST in said(OF_RECIPES)
    assert BEST not in said(OF_RECIPES, of_best=False)


def test_why_there_are_two_tables_is_said_where_there_are() -> None:
    assert APART in said(OF_RECIPES, OF_ONE_SEED)
    assert APART not in said(OF_RECIPES)
    assert APART not in said(OF_ONE_SEED)


def test_the_caveat_of_one_seed_goes_with_its_table() -> None:
    assert OF_MODELS in said(OF_ONE_SEED)
    assert OF_MODELS not in said(OF_RECIPES)
    assert tables([]) == []

"""Test which differences in accuracy between the cells of a run are significant."""

from collections.abc import Sequence

from tlbench.core.errors import NothingThereError, UserError
from tlbench.regression.contrasts import Contrast, Recipe, best_against_rest, contrast, recipes
from tlbench.reporting.report import Report
from tlbench.reporting.views.choice import costs_by_cell
from tlbench.results.encoding import UnreadableError
from tlbench.results.record import Record
from tlbench.results.store import Store
from tlbench.session.folder import Run, Say, find_run, log, record_of
from tlbench.session.report import rows_of, tell_shortfall


def differences(run: Run, cells: Sequence[str] = (), *, say: Say = log.warning) -> list[Contrast]:
    """Test the difference between two recipes of a run, or between the best of each data set and all others.

    Args:
        run: the run.
        cells: two cells, by id or its beginning, which stand for their recipes with all seeds. Two seeds of one recipe
            are compared as two trained models. Default: the best of each data set against all others.
        say: receives a sentence for each record that cannot be read.

    Raises:
        NothingThereError: no two recipes were tested on the same images.
        UserError: the cells cannot be found or compared.
    """
    folder = find_run(run, say)
    rows = rows_of(folder, say)
    tell_shortfall(folder, rows, say)
    records = [row.record for row in rows if row.record.accuracy and row.record.data]
    tested = _as_reported(recipes(records), Report("", rows))
    couples = [_couple(records, tested, cells)] if cells else []
    if not couples and len({recipe.images for recipe in tested}) == len(tested):
        raise NothingThereError(f"{folder.path} has no two recipes that were tested on the same images")
    store = Store(folder.path)
    try:
        right = {record.cell_id: store.read_right(record) for record in records}
        return contrast(couples, tested, right) if couples else best_against_rest(tested, right)
    except (UnreadableError, ValueError) as error:
        raise UserError(f"{error}; choose other cells, or run the suite again") from error


def _as_reported(tested: Sequence[Recipe], report: Report) -> list[Recipe]:
    """The recipes by test images, then by costs, so that of equal accuracies the same one comes first as in reports."""
    costs = costs_by_cell(report)
    images = list(dict.fromkeys(recipe.images for recipe in tested))
    return sorted(tested, key=lambda one: (images.index(one.images), costs.get(one.records[0].cell_id, ())))


def _couple(records: Sequence[Record], tested: Sequence[Recipe], cells: Sequence[str]) -> tuple[Recipe, Recipe]:
    if len(cells) != 2:
        raise UserError(f"give two cells, or none; here are {len(cells)}")
    chosen = [record_of(records, cell, "tested cell") for cell in cells]
    if chosen[0] is chosen[1]:
        raise UserError(f"{' and '.join(map(repr, cells))} mean the same cell, {chosen[0].cell.label}; name two")
    first, second = (next(recipe for recipe in tested if record in recipe.records) for record in chosen)
    if first is second:
        first, second = (Recipe((record,)) for record in chosen)
    return first, second

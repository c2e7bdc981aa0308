"""Test which differences in accuracy between the cells of a run are significant."""

from collections.abc import Sequence

from tlbench.core.errors import NothingThereError, UserError
from tlbench.regression.contrasts import Contrast, Recipe, best_against_rest, contrast, recipes
from tlbench.reporting.report import Report
from tlbench.reporting.views.choice import costs_by_cell
from tlbench.results.encoding import UnreadableError
from tlbench.results.record import Record
from tlbench.results.store import Store
from tlbench.session.folder import Run, Say, find_run, log, record_of, records_of
from tlbench.session.report import rows_of, tell_shortfall


def differences(run: Run, cells: Sequence[str] = (), *, say: Say = log.warning) -> list[Contrast]:
    """Test the difference between two recipes of a run, or between the best of each data set and all others.

    Args:
        run: the run.
        cells: two cells, by id, its beginning, a selection or a name, which stand for their recipes with all seeds. Two
            seeds of one recipe are compared as two trained models. Default: the best of each data set against all
            others.
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
    (first, one), (second, other) = (_recipe(records, tested, cell) for cell in cells)
    if first is not second:
        return first, second
    if one is None or other is None or one is other:
        raise UserError(f"{' and '.join(map(repr, cells))} mean the same, {first.cell.title}; name two")
    return Recipe((one,)), Recipe((other,))


def _recipe(records: Sequence[Record], tested: Sequence[Recipe], cell: str) -> tuple[Recipe, Record | None]:
    """The recipe that `cell` stands for, and its record if it means a single one: several are seeds of one recipe."""
    fitting = records_of(records, cell, "tested cell")
    of = next(recipe for recipe in tested if fitting[0] in recipe.records)
    if len(fitting) > 1 and all(record in of.records for record in fitting):
        return of, None
    record = record_of(records, cell, "tested cell")
    return of, record

"""Which differences in accuracy between the cells of a run are real."""

from collections.abc import Sequence

from tlbench.core.errors import UserError, nearest
from tlbench.regression.contrasts import Contrast, best_against_rest, compare
from tlbench.results.record import Record
from tlbench.results.store import Store, UnreadableError
from tlbench.session.folder import NothingThereError, Run, Say, find_run, log
from tlbench.session.report import rows_of


def differences(run: Run, cells: Sequence[str] = (), *, say: Say = log.warning) -> list[Contrast]:
    """Test two cells of a run on the same images, by id or its beginning; none: the best of each data set against all.

    Raises UserError for cells that cannot be found or compared, NothingThereError where no two were tested on the same
    images.
    """
    folder = find_run(run, say)
    records = [row.record for row in rows_of(folder, say) if row.record.accuracy and row.record.data]
    couples = [_couple(records, cells)] if cells else best_against_rest(records)
    if not couples:
        raise NothingThereError(f"{folder.path} has no two cells that were tested on the same images")
    store = Store(folder.path)
    needed = {record.cell_id for couple in couples for record in couple}
    try:
        return compare(couples, {cell_id: store.read_right(cell_id) for cell_id in needed})
    except (UnreadableError, ValueError) as error:
        raise UserError(f"{error}; choose other cells, or run the suite again") from error


def _couple(records: Sequence[Record], cells: Sequence[str]) -> tuple[Record, Record]:
    if len(cells) != 2:
        raise UserError(f"give two cells, or none; here are {len(cells)}")
    first, second = (_record(records, cell) for cell in cells)
    return first, second


def _record(records: Sequence[Record], cell: str) -> Record:
    fitting = [record for record in records if record.cell_id.startswith(cell)]
    if len(fitting) == 1:
        return fitting[0]
    ids = [record.cell_id for record in records]
    if fitting:
        raise UserError(f"{cell!r} is the beginning of {len(fitting)} cells; give more of the id")
    raise UserError(f"there is no tested cell {cell!r}; {nearest(cell, ids, 'cells')}; `tlbench plan` lists them")

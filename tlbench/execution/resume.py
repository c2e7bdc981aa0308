"""Which earlier run can be gone on with: the same cells, from the same images and weights."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tlbench.core import plugin_files
from tlbench.core.cell import Cell
from tlbench.execution.inputs import Inputs
from tlbench.results.record import Record
from tlbench.results.run_folder import RunFolder
from tlbench.results.store import SetAside, Store
from tlbench.strategies import registry as strategies


@dataclass(frozen=True)
class Found:
    """A run to go on with, the ids of its cells that are trained, and of those of them that wait for step times."""

    folder: RunFolder
    done: frozenset[str]
    untimed: frozenset[str]
    set_aside: tuple[SetAside, ...]


def resumable(
    runs: Sequence[RunFolder], ids: Sequence[str], chosen: Sequence[Cell], inputs: Inputs, models: bool = False
) -> Found | None:
    """The first of `runs` with exactly the cells `ids`, whose finished cells among `chosen` rest on `inputs`.

    models: a cell whose trained model is not there is not finished.
    """
    for folder in runs:
        if list(folder.run.cells) != list(ids):
            continue
        store = Store(folder.path)
        records = store.read_all()
        finished = {record.cell_id: record for record in records.records if record.status == "ok"}
        again = [cell for cell in chosen if cell.id in finished]
        if all(same_inputs(finished[cell.id], cell, inputs) for cell in again):
            lost = store.damaged_predictions([finished[cell.id] for cell in again])
            gone = without_model(store, finished.values()) if models else set()
            kept = [one for one in finished.values() if one.cell_id not in lost.keys() | gone]
            untimed = frozenset(one.cell_id for one in kept if one.cell.timing and one.timings is None)
            aside = (*records.set_aside, *filter(None, lost.values()))
            return Found(folder, frozenset(one.cell_id for one in kept), untimed, aside)
    return None


def without_model(store: Store, records: Iterable[Record]) -> set[str]:
    """Cells of `records` whose trained model could be kept and is not there."""
    return {one.cell_id for one in records if has_model(one.cell) and store.model_file(one) is None}


def has_model(cell: Cell) -> bool:
    """Whether training ends in a model: neither an original classifier nor a search among training images does."""
    return cell.kind == "trained" and strategies.make(cell.strategy.name, cell.strategy.args).has_classifier


def same_inputs(record: Record, cell: Cell, inputs: Inputs) -> bool:
    """Whether a record rests on the images, the weights and the plugin files that the cell would have now."""
    now, then = plugin_files.hashes(plugin_files.NUMBERS), record.environment.plugins
    if any(then.get(file, sha256) != sha256 for file, sha256 in now.items()):
        return False
    job = inputs.job(cell)
    if record.weights is None or (record.data is None) != (job.data is None):
        return False
    return (
        (record.data is None or job.data is None or record.data.fingerprint == job.data.fingerprint)
        and record.weights.source == job.weights.source
        and record.weights.sha256 == job.weights.sha256
        and record.weights.classifier_sha256 == job.weights.classifier_sha256
    )

"""What of earlier runs holds: one that can be gone on with, or single records, from the same images and weights."""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

from tlbench.core import plugin_files
from tlbench.core.cell import Cell
from tlbench.execution.inputs import Inputs
from tlbench.results.measured import Environment
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


def still_valid(
    runs: Sequence[RunFolder], cells: Sequence[Cell], inputs: Inputs, here: Environment, models: bool = False
) -> list[tuple[RunFolder, Record]]:
    """The first record in `runs` of each of `cells` that a run of another suite would make again, with its run.

    It is `ok`, rests on `inputs`, and its machine and software are `here`. Its step times come along where the model to
    which they are relative does; others would be no column, and are left to be taken. models: as for `resumable`.
    """
    found, missing = [], {cell.id: cell for cell in cells}
    for folder in runs:
        store = Store(folder.path)
        for record in filter(None, map(store.read, tuple(missing))):
            if (
                record.status == "ok"
                and _same_place(record.environment, here)
                and same_inputs(record, missing[record.cell_id], inputs)
                and not store.damaged_predictions([record])
                and not (models and without_model(store, [record]))
            ):
                found.append((folder, record))
                del missing[record.cell_id]
    anchors = [anchor for _, record in found for anchor in _anchors(record)]
    common = {*anchors[:1]} & {record.cell_id for _, record in found}
    return [(folder, _timed_beside(common, record, here)) for folder, record in found]


def _timed_beside(anchor: Set[str], record: Record, here: Environment) -> Record:
    """With its step times where all of them are relative to `anchor`, and taken `here`."""
    times = record.timings
    if times and _anchors(record) <= anchor and _same_place(times.environment or record.environment, here):
        return record
    return record.model_copy(update={"timings": None})


def _anchors(record: Record) -> set[str]:
    return {step.relative.to for step in (record.timings.steps if record.timings else ()) if step.relative}


def _same_place(there: Environment, here: Environment) -> bool:
    """Whether machine and software are the same. What only a worker knows, its GPU, is not known `here`."""
    known = {name: there.identity.get(name) for name in here.identity}
    return known == here.identity and there.versions == here.versions


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

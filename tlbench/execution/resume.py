"""What of earlier runs holds: one that can be gone on with, or single records, from the same images and weights."""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

from tlbench.core import plugin_files
from tlbench.core.cell import Cell
from tlbench.datasets.source import DataSource
from tlbench.execution.inputs import Inputs, data_key
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
    """The first of `runs` with exactly the cells `ids`, whose finished cells among `chosen` rest on `inputs`, and whose
    other finished cells rest on no others than those, where they share images or weights with one that is chosen.

    models: a cell whose trained model is not there is not finished.
    """
    for folder in runs:
        if list(folder.run.cells) != list(ids):
            continue
        store = Store(folder.path)
        records = store.read_all()
        finished = {record.cell_id: record for record in records.records if record.status == "ok"}
        again = [finished.pop(cell.id) for cell in chosen if cell.id in finished]
        others = finished.values()
        if all(same_inputs(record, inputs) for record in again) and all(_no_others(one, inputs) for one in others):
            lost = store.damaged_predictions(again)
            ready = trained(store, [*again, *others], models) - lost.keys()
            kept = [one for one in (*again, *others) if one.cell_id in ready]
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
            if _same_place(record.environment, here) and same_inputs(record, inputs) and _whole(store, record, models):
                found.append((folder, record))
                del missing[record.cell_id]
    anchors = [anchor for _, record in found for anchor in _anchors(record)]
    common = {*anchors[:1]} & {record.cell_id for _, record in found}
    return [(folder, _timed_beside(common, record, here)) for folder, record in found]


def _timed_beside(anchor: Set[str], record: Record, here: Environment) -> Record:
    """With its step times where all of them are relative to `anchor`, and taken `here`."""
    if record.timings and _anchors(record) <= anchor and _same_place(record.where_timed, here):
        return record
    return record.model_copy(update={"timings": None})


def _anchors(record: Record) -> set[str]:
    return {step.relative.to for step in (record.timings.steps if record.timings else ()) if step.relative}


def _same_place(there: Environment, here: Environment) -> bool:
    """Whether machine and software are the same. What only a worker knows, its GPU, is not known `here`."""
    known = {name: there.identity.get(name) for name in here.identity}
    return known == here.identity and there.versions == here.versions


def trained(store: Store, records: Iterable[Record], models: bool) -> set[str]:
    """Cells of `records` that need no training: `ok`, with predictions that are not lost, and, where `models` are to be
    kept, their model.
    """
    lost = store.lost_predictions()
    finished = [one for one in records if one.status == "ok" and one.cell_id not in lost]
    return {one.cell_id for one in finished if not (models and _lacks_model(store, one))}


def done(store: Store, models: bool = False) -> set[str]:
    """Cells that are trained, and timed where they ask for it. A damaged record is none, and stays where it is.

    Raises RecordTooNewError.
    """
    records = store.look()
    return trained(store, [one for one in records if one.timings or not one.cell.timing], models)


def _whole(store: Store, record: Record, models: bool) -> bool:
    """Whether all of a finished cell is there, undamaged; not where another user allows nobody to read it."""
    try:
        return record.cell_id in trained(store, [record], models) and not store.damaged_predictions([record])
    except OSError:
        return False


def _lacks_model(store: Store, record: Record) -> bool:
    """Whether a trained model could be kept and is not there."""
    return has_model(record.cell) and store.model_file(record) is None


def has_model(cell: Cell) -> bool:
    """Whether training ends in a model: neither an original classifier nor a search among training images does."""
    return cell.kind == "trained" and strategies.make(cell.strategy.name, cell.strategy.args).has_classifier


def same_inputs(record: Record, inputs: Inputs) -> bool:
    """Whether a record rests on the images, weights and plugin files that its cell, one of `inputs`, has now."""
    job = inputs.job(record.cell)
    if record.weights is None or (record.data is None) != (job.data is None):
        return False
    return (
        _same_plugins(record)
        and _same_images(record, job.data)
        and record.weights.source == job.weights.source
        and record.weights.sha256 == job.weights.sha256
        and record.weights.classifier_sha256 == job.weights.classifier_sha256
    )


def _no_others(record: Record, inputs: Inputs) -> bool:
    """Whether a record rests on the plugin files, and on what of `inputs`, those of other cells, is also its cell's."""
    now = inputs.weights_of(record.cell)
    return (
        _same_plugins(record)
        and _same_images(record, inputs.data.get(data_key(record.cell)))
        and (now is None or record.weights is None or now.sha256 == record.weights.sha256)
    )


def _same_images(record: Record, data: DataSource | None) -> bool:
    return record.data is None or data is None or record.data.fingerprint == data.fingerprint


def _same_plugins(record: Record) -> bool:
    """Whether the files that decide numbers are those of the record, or new beside them.

    One of another name may be one of the record's that was moved, which its content tells. Where that is another one,
    and a file of the record's is missing, it may be that one, changed.
    """
    then, now = record.environment.plugins, plugin_files.hashes()
    missing = then.keys() - now.keys()
    return all(
        sha256 == then[file] if file in then else not missing or sha256 in then.values()
        for file, sha256 in plugin_files.hashes(plugin_files.NUMBERS).items()
    )

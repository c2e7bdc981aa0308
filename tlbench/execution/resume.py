"""Decide what of earlier runs is still valid: a run to resume, or single records to take over."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from tlbench.core.cell import Cell
from tlbench.datasets.source import DataSource
from tlbench.execution.inputs import Inputs, data_key
from tlbench.execution.plugins import Plugins
from tlbench.host.shares import THREADS, VISIBLE
from tlbench.results.measured import Environment, changed_versions
from tlbench.results.record import Record
from tlbench.results.run_folder import RunFolder
from tlbench.results.store import Damaged, Store
from tlbench.strategies import registry as strategies

SET_IN_WORKERS = ("KMP_", "KERAS_TORCH_DEVICE", "CUDA_MODULE_LOADING", VISIBLE, *THREADS)
"""How the names of environment variables begin that a worker has and its parent need not have."""


@dataclass(frozen=True)
class Found:
    """A run to resume.

    Attributes:
        folder: the run.
        done: the ids of cells that are trained.
        untimed: those of them whose steps still have to be timed.
        damaged: files that cannot be read; their cells are trained again.
        elsewhere: how the machine that made it differs from this one; empty if it does not.
    """

    folder: RunFolder
    done: frozenset[str]
    untimed: frozenset[str]
    damaged: tuple[Damaged, ...]
    elsewhere: str


@dataclass(frozen=True)
class Wanted:
    """What finished cells must have been made from, and with, to need no training now.

    Attributes:
        cells: the cells to run now.
        inputs: their images and weights.
        here: this machine, its software, and the environment variables that libraries read.
        models: whether a finished cell must have its trained model.
    """

    cells: Sequence[Cell]
    inputs: Inputs
    here: Environment
    models: bool = False


class OtherSoftwareError(Exception):
    """The finished cells of a run were made with other software than this. The message says what differs."""


def resumable(folder: RunFolder, ids: Sequence[str], wanted: Wanted) -> Found | None:
    """What is done in a run that can be resumed; None if it cannot be.

    A run can be resumed if it has exactly the cells `ids`, its finished cells among those wanted were made from their
    inputs, its other finished cells are not known to have been made from anything else, and all with the software that
    is here: else its tables would compare models with each other that differ in more than they say.

    Args:
        folder: the run.
        ids: the ids of all cells of the suite.
        wanted: the cells to run now, and what they are made from.

    Raises:
        OtherSoftwareError: nothing but the software differs.
    """
    if list(folder.run.cells) != list(ids):
        return None
    plugins, store = Plugins(), Store(folder.path)
    records = store.read_all()
    finished = {record.cell_id: record for record in records.records if record.status == "ok"}
    again = [finished.pop(cell.id) for cell in wanted.cells if cell.id in finished]
    others = finished.values()
    same = all(same_inputs(record, wanted.inputs, plugins) for record in again)
    if not (same and all(_no_others(one, wanted.inputs, plugins) for one in others)):
        return None
    changes = [one for record in (*again, *others) for one in software_changes(record.environment, wanted.here)]
    if changes:
        raise OtherSoftwareError(", ".join(dict.fromkeys(changes)))
    lost = store.damaged_predictions(again)
    ready = trained(store, [*again, *others], wanted.models) - lost.keys()
    kept = [one for one in (*again, *others) if one.cell_id in ready]
    untimed = frozenset(one.cell_id for one in kept if one.cell.timing and one.timings is None)
    damaged = (*records.damaged, *filter(None, lost.values()))
    elsewhere = dict.fromkeys(one for record in kept for one in _machine_changes(record.environment, wanted.here))
    return Found(folder, frozenset(one.cell_id for one in kept), untimed, damaged, ", ".join(elsewhere))


def _machine_changes(there: Environment, here: Environment) -> list[str]:
    """The parts of the machine that differ, with both values. Nodes of a cluster are other machines by intention."""
    parts = {} if there.node else {"cpu": "CPU", "threads": "threads", "os": "operating system"}
    return [
        f"{name} {there.identity[key]} → {here.identity[key]}"
        for key, name in parts.items()
        if {key} <= there.identity.keys() & here.identity.keys() and there.identity[key] != here.identity[key]
    ]


def software_changes(there: Environment, here: Environment) -> list[str]:
    """What of the software differs that both have, with both values: packages, and variables that libraries read.

    The version of tlbench does not count: its recipes and the order of its fields are in the ids of cells. A node of a
    cluster has variables of its own.
    """
    both = (there.versions.keys() & here.versions.keys()) - {"tlbench"}
    before, now = ({name: one.versions[name] for name in both} for one in (there, here))
    if not there.node:
        before, now = before | _users(there.variables), now | _users(here.variables)
    changed = changed_versions(before, now)
    return [f"{name} {before.get(name, 'unset')} → {now.get(name, 'unset')}" for name in changed]


def still_valid(runs: Sequence[RunFolder], wanted: Wanted) -> list[tuple[RunFolder, Record]]:
    """Records that a new run can take over instead of training again: for each cell the first valid one, with its run.

    A record is valid if it is ``ok``, was made from the same inputs, on this machine, and with the software and
    settings that are here. It keeps its step times only if the record of the model to which they are relative is taken
    over too; others could not be compared.

    Args:
        runs: earlier runs, in order of preference.
        wanted: the cells to run, and what they are made from.
    """

    def with_plugins(record: Record) -> Environment:
        versions = plugins.of(record.cell).versions | wanted.here.versions
        return wanted.here.model_copy(update={"versions": versions})

    found, missing, plugins = [], {cell.id: cell for cell in wanted.cells}, Plugins()
    for folder in runs:
        store = Store(folder.path)
        for record in filter(None, map(store.read, tuple(missing))):
            same = _same_place(record.environment, with_plugins(record)) and same_inputs(record, wanted.inputs, plugins)
            if same and _whole(store, record, wanted.models):
                found.append((folder, record))
                del missing[record.cell_id]
    anchors = [anchor for _, record in found for anchor in _anchors(record)]
    common = {*anchors[:1]} & {record.cell_id for _, record in found}
    return [(folder, _timed_beside(common, record, with_plugins(record))) for folder, record in found]


def _timed_beside(anchor: Set[str], record: Record, here: Environment) -> Record:
    """The record, with its step times only if they are all relative to `anchor` and were measured `here`."""
    if record.timings and _anchors(record) <= anchor and _same_place(record.where_timed, here):
        return record
    return record.model_copy(update={"timings": None})


def _anchors(record: Record) -> set[str]:
    return {step.relative.to for step in (record.timings.steps if record.timings else ()) if step.relative}


def _same_place(there: Environment, here: Environment) -> bool:
    """Whether machine, software and its settings are the same. The GPU, which only a worker knows, is not in `here`."""
    known = {name: there.identity.get(name) for name in here.identity}
    same = known == here.identity and not changed_versions(there.versions, here.versions)
    return same and _users(there.variables) == _users(here.variables)


def _users(variables: Mapping[str, str]) -> dict[str, str]:
    """The environment variables without those that workers and libraries set themselves, which `here` may lack."""
    return {name: value for name, value in variables.items() if not name.startswith(SET_IN_WORKERS)}


def trained(store: Store, records: Iterable[Record], models: bool) -> set[str]:
    """The ids of the cells in `records` that need no training.

    Their records are ``ok``, their predictions exist, and so do their trained models if `models` is set.
    """
    lost = store.lost_predictions()
    finished = [one for one in records if one.status == "ok" and one.cell_id not in lost]
    return {one.cell_id for one in finished if not (models and _lacks_model(store, one))}


def lacks_times(record: Record) -> bool:
    """Whether the steps of a cell that is trained still have to be timed."""
    return bool(record.cell.timing) and record.timings is None


def _whole(store: Store, record: Record, models: bool) -> bool:
    """Whether all files of a finished cell exist, undamaged and readable."""
    try:
        return record.cell_id in trained(store, [record], models) and not store.damaged_predictions([record])
    except OSError:
        return False


def _lacks_model(store: Store, record: Record) -> bool:
    """Whether the cell has a trained model that is missing."""
    return has_model(record.cell) and store.model_file(record) is None


def has_model(cell: Cell) -> bool:
    """Whether training yields a model that can be saved; not so for original classifiers and nearest neighbours."""
    return cell.kind == "trained" and strategies.make(cell.strategy.name, cell.strategy.args).has_classifier


def same_inputs(record: Record, inputs: Inputs, plugins: Plugins) -> bool:
    """Whether a record was made from the images, weights and plugins that its cell has now."""
    job = inputs.job(record.cell)
    if record.weights is None or (record.data is None) != (job.data is None):
        return False
    return (
        plugins.same(record)
        and _same_images(record, job.data)
        and record.weights.source == job.weights.source
        and record.weights.sha256 == job.weights.sha256
        and record.weights.classifier_sha256 == job.weights.classifier_sha256
    )


def _no_others(record: Record, inputs: Inputs, plugins: Plugins) -> bool:
    """Whether nothing is known that contradicts `same_inputs`, for a record whose cell `inputs` need not include."""
    now, classifier = inputs.weights_of(record.cell), inputs.classifier_of(record.cell)
    return (
        plugins.same(record)
        and _same_images(record, inputs.data.get(data_key(record.cell)))
        and (now is None or record.weights is None or now.sha256 == record.weights.sha256)
        and (classifier is None or record.weights is None or classifier.sha256 == record.weights.classifier_sha256)
    )


def _same_images(record: Record, data: DataSource | None) -> bool:
    return record.data is None or data is None or record.data.fingerprint == data.fingerprint

"""Find the cells of a suite that earlier runs have finished, without running or decoding anything."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tlbench.core.cell import Cell
from tlbench.core.text import counted
from tlbench.execution.plugins import Plugins
from tlbench.execution.resume import lacks_times, software_changes, trained
from tlbench.host.environment import capture
from tlbench.results.measured import Environment
from tlbench.results.migrations import RecordTooNewError
from tlbench.results.run_folder import RunFolder, is_run, left_out, open_run
from tlbench.results.store import Store
from tlbench.session.images import Images
from tlbench.suite.load import Suite


@dataclass(frozen=True)
class Made:
    """The cells that are finished, by id.

    Attributes:
        done: cells that are trained and timed.
        untimed: cells that are trained but not timed.
        unsure: cells of both kinds whose images may have changed since.
        notes: sentences about runs that cannot be read, and about images and plugins that have changed.
    """

    done: frozenset[str] = frozenset()
    untimed: frozenset[str] = frozenset()
    unsure: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()


def made(
    suite: Suite,
    cells: Sequence[Cell],
    chosen: Sequence[Cell],
    runs: Sequence[RunFolder],
    out: Path | None,
    images: Images,
) -> Made:
    """Find the finished cells of a suite in the run that `tlbench run` would resume.

    Cells that were trained on other images, with other plugin code or with other software than the present do not
    count, and a note says so.

    Args:
        suite: the suite.
        cells: all cells of the suite.
        chosen: the cells whose images and plugins are compared with the present ones.
        runs: the suite's runs, the newest first. The first one with the same cells that can be resumed is used;
            a run that cannot be read is skipped with a note.
        out: the folder of the only run to consider, in place of `runs`.
        images: the present images.
    """
    ids, notes, plugins, here = [cell.id for cell in cells], list[str](), Plugins(), capture()
    wanted = {cell.id for cell in chosen}
    if out is not None:
        not_resumed = "and `run` does not resume it; name another folder"
        if not is_run(out):
            return Made()
        if list(open_run(out).run.cells) != ids:
            return Made(notes=(f"{out} holds a run of other cells, {not_resumed}",))
        return _of(Store(out), suite, wanted, images, plugins, here, not_resumed)
    first: Made | None = None
    for folder in runs:
        if list(folder.run.cells) != ids:
            continue
        try:
            found = _of(Store(folder.path), suite, wanted, images, plugins, here)
        except (RecordTooNewError, OSError) as error:
            notes.append(left_out(folder.path, error))
            continue
        if not found.notes:
            return Made(found.done, found.untimed, found.unsure, tuple(notes))
        first = first or found
    found = first or Made()
    return Made(found.done, found.untimed, found.unsure, (*found.notes, *notes))


def _of(
    store: Store,
    suite: Suite,
    wanted: set[str],
    images: Images,
    plugins: Plugins,
    here: Environment,
    not_resumed: str = "",
) -> Made:
    """The finished cells of one run.

    Args:
        store: the records of the run.
        suite: the suite.
        wanted: the ids of the cells whose images and plugins are compared.
        images: the present images.
        plugins: the present code of plugins.
        here: the present software.
        not_resumed: the end of the notes about changes if the run cannot be resumed; empty if it can.
    """
    records = list(store.read_all().records)
    ready = trained(store, records, suite.save_models)
    records = [one for one in records if one.cell_id in ready]
    same = {one.cell_id: images.same(one) for one in records if one.cell_id in wanted}
    others = Counter(one.cell.dataset.label for one in records if same.get(one.cell_id) is False)
    changed = {one.cell_id for one in records if one.cell_id in wanted and not plugins.same(one)}
    software = {one.cell_id: changes for one in records if (changes := software_changes(one.environment, here))}

    def note(count: int, how: str) -> str:
        end = f", {not_resumed}" if not_resumed else f"; `run` trains {'it' if count == 1 else 'them'} again"
        return f"{counted(count, 'cell')} {'was' if count == 1 else 'were'} trained {how}{end}"

    notes = [f"{name}: {note(count, 'on other images')}" for name, count in others.items()]
    notes += [note(len(changed), "with other plugin code")] if changed else []
    if software:
        differing = ", ".join(dict.fromkeys(change for changes in software.values() for change in changes))
        notes.append(note(len(software), f"with other software ({differing})"))
    gone = changed | software.keys()
    kept = [one for one in records if same.get(one.cell_id) is not False and one.cell_id not in gone]
    untimed = frozenset(one.cell_id for one in kept if lacks_times(one))
    unsure = frozenset(cell_id for cell_id, is_same in same.items() if is_same is None)
    return Made(frozenset(one.cell_id for one in kept) - untimed, untimed, unsure, tuple(notes))

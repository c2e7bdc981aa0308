"""Start a run in a new folder, or resume an earlier one."""

import os
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from tlbench.core.cell import Cell
from tlbench.core.errors import UserError, argument
from tlbench.core.text import counted
from tlbench.execution.inputs import Inputs
from tlbench.execution.resume import Found, OtherSoftwareError, Wanted, resumable, still_valid
from tlbench.execution.server import need_backend
from tlbench.host.environment import capture, project_commit
from tlbench.results.migrations import RecordTooNewError
from tlbench.results.owner import OwnedError, Owner
from tlbench.results.run_folder import (
    RunFolder,
    check_free,
    create,
    is_run,
    left_out,
    new_path,
    open_run,
    renew_suite,
    runs_under,
)
from tlbench.results.store import Store
from tlbench.session.events import Events
from tlbench.session.folder import RESULTS, itself_a_run
from tlbench.suite.load import Suite


def new_or_resumed(
    suite: Suite,
    cells: Sequence[Cell],
    asked: Sequence[Cell],
    inputs: Inputs,
    out: Path | None,
    fresh: bool,
    events: Events,
    backends: Sequence[str],
) -> tuple[RunFolder, frozenset[str], AbstractContextManager[object]]:
    """Find or make the folder of a run.

    A run of the same `cells` is resumed if its finished cells among `asked` were made from the same `inputs`. It takes
    over valid cells of the suite's other runs that it lacks, unless `out` or `fresh` asks, or asked when it was made,
    for a run of its own.

    Args:
        suite: the suite.
        cells: all cells of the suite.
        asked: the cells to run now.
        inputs: their images and weights.
        out: the folder that the user named, if any.
        fresh: whether to begin a new run in any case.
        events: receives what was found.
        backends: the backends that this Python needs if there is anything to do.

    Returns:
        The folder, the ids of cells that are trained and timed, and a context during which this process owns the
        folder. It owns nothing if there is nothing to do.

    Raises:
        OwnedError: another process writes into the folder.
        UserError: `out` holds another run, or one at all if `fresh` is set; or a backend is not installed.
    """
    ids, now, place = [cell.id for cell in cells], datetime.now(UTC), RESULTS / suite.name
    wanted, asked_ids = Wanted(asked, inputs, capture(), suite.save_models), {cell.id for cell in asked}

    def find(there: Path | None) -> Found | None:
        if there is None:
            return None if fresh else _first(runs_under(place, events.note), ids, wanted, events)
        if fresh and is_run(there):
            raise _not_fresh(there)
        return _in(there, ids, wanted) if is_run(there) else None

    earlier = find(out)
    if earlier and earlier.elsewhere:
        events.note(f"{earlier.folder.path} has numbers of another machine ({earlier.elsewhere})")
    if earlier and asked_ids <= earlier.done - earlier.untimed:
        _set_aside_if_free(earlier, events)
        try:
            renew_suite(earlier.folder, suite.name, suite.text, suite.beside)
        except OSError as error:  # who may only read the run still gets its results
            events.note(f"{earlier.folder.path} keeps its older copy of the suite and its gates ({error.strerror})")
        events.complete(earlier.folder, len(asked))
        return earlier.folder, earlier.done - earlier.untimed, nullcontext()
    for backend in backends:
        need_backend(backend)
    path = earlier.folder.path if earlier else out or new_path(RESULTS, suite.name, ids, now)
    alone = out is not None or fresh
    owner = Owner(path)
    try:
        earlier = find(path)  # as it is now that it is ours
        if earlier is None:
            folder = create(path, suite.name, suite.text, ids, now, project_commit(), alone, suite.beside)
            events.created(folder)
            return folder, frozenset() if alone else _take_over(folder, place, wanted, events), owner
        renew_suite(earlier.folder, suite.name, suite.text, suite.beside)
        _set_aside(earlier, events)
        done = earlier.done - earlier.untimed
        events.resumed(earlier.folder, len(asked), len(asked_ids & earlier.done), len(asked_ids & earlier.untimed))
        if not alone and earlier.folder.run.fresh is False:
            store = Store(earlier.folder.path)
            there = earlier.done | {file.path.name.partition(".")[0] for file in earlier.damaged}
            missing = [cell for cell in asked if cell.id not in there and not store.has_predictions(cell.id)]
            lacking, created = replace(wanted, cells=missing), earlier.folder.run.created
            done |= _take_over(earlier.folder, place, lacking, events, before=created)
    except BaseException:
        owner.__exit__()
        raise
    return earlier.folder, done, owner


def check_place(suite: str, out: Path | None, fresh: bool) -> None:
    """Raise UserError if the folder for a run of `suite` cannot be created or used.

    This early check, before images and weights are searched, finds only some of the reasons. It leaves nothing behind.
    """
    place = out or RESULTS / suite
    there = next((one for one in (place, *place.parents) if os.path.lexists(one)), Path())
    way_out = f"name another folder with {argument('out')}"
    if not os.path.isdir(there):  # noqa: PTH112 - no error where it may not be looked into
        what = "a file" if os.path.exists(there) else f"a broken link to {os.readlink(there)}"  # noqa: PTH110, PTH115
        if there == place:
            raise UserError(f"{place} is {what}, and a run needs a folder; {way_out}")
        raise UserError(f"{place} cannot be made, since {there} is {what}; {way_out}")
    if out is not None and is_run(out):
        if fresh:
            raise _not_fresh(out)
        return
    if out is None and (sentence := itself_a_run(suite)):
        raise UserError(sentence)
    if out is None and any(is_run(one) for one in place.glob("*")):
        return  # perhaps one that is only read
    if out is not None:
        check_free(out)
    try:
        Path(tempfile.mkdtemp(prefix=".tlbench-", dir=there)).rmdir()
    except OSError as error:
        raise UserError(f"no folder can be made in {there} ({error.strerror}); {way_out}") from error


def _not_fresh(out: Path) -> UserError:
    return UserError(f"{argument('fresh')}: {out} holds a run already; name another folder with {argument('out')}")


def _in(out: Path, ids: Sequence[str], wanted: Wanted) -> Found:
    try:
        found = resumable(open_run(out), ids, wanted)
    except OtherSoftwareError as error:
        raise UserError(
            f"{out} holds a run made with other software ({error}); name another folder with {argument('out')}"
        ) from error
    if found is None:
        raise UserError(
            f"{out} holds a run of other cells, images, weights or plugins; name another folder with {argument('out')}"
        )
    return found


def _first(runs: Sequence[RunFolder], ids: Sequence[str], wanted: Wanted, events: Events) -> Found | None:
    """The first of `runs` that can be resumed. Runs that cannot be read are skipped with a note, and so is the newest
    that only other software keeps from being resumed.
    """
    told = False
    for folder in runs:
        try:
            if found := resumable(folder, ids, wanted):
                return found
        except OtherSoftwareError as error:
            if not told:
                events.note(f"{folder.path} was made with other software ({error}) and is not resumed")
            told = True
        except (RecordTooNewError, OSError) as error:
            events.note(left_out(folder.path, error))
    return None


def _take_over(folder: RunFolder, place: Path, lacking: Wanted, events: Events, before: str = "") -> frozenset[str]:
    """Copy valid records of `lacking` into `folder` from the other runs in `place`.

    Where the run has step times already, those of others are left behind: they are relative to another measurement.

    Args:
        folder: the run.
        place: the folder of the suite's runs.
        lacking: the cells that the run lacks.
        events: receives a sentence about what was taken over.
        before: only what was finished before that time; empty for anything. A copy is older than its run, which is how
            `session.side.Seen` tells it from a second measurement.

    Returns:
        The ids of cells that are done with that.
    """
    count = len(lacking.cells)
    others = [run for run in runs_under(place, lambda sentence: None) if run.path != folder.path] if count else []
    found = still_valid(others, lacking)
    if before:
        found = [(run, record) for run, record in found if record.provenance.finished < before]
    store = Store(folder.path)
    if found and any(record.timings for record in store.read_all().records):
        found = [(run, record.model_copy(update={"timings": None})) for run, record in found]
    for earlier, record in found:
        store.take_over(record, Store(earlier.path))
    if found:
        names = ", ".join(dict.fromkeys(str(earlier.path) for earlier, _ in found))
        events.note(
            f"{len(found)} of {counted(count, 'cell')} taken over from {names}, with the same images, weights and "
            f"software; {argument('fresh')} trains all"
        )
    return frozenset(record.cell_id for _, record in found if record.timings or not record.cell.timing)


def _set_aside(found: Found, events: Events) -> None:
    """Move the damaged files of a run that this process owns out of the way."""
    for file in Store(found.folder.path).set_aside(found.damaged):
        events.set_aside(file)


def _set_aside_if_free(found: Found, events: Events) -> None:
    """The same for a run in which nothing is to be done, so that nobody owns it yet: only if it can be owned now."""
    if not found.damaged:
        return
    try:
        with Owner(found.folder.path):
            _set_aside(found, events)
    except (OwnedError, OSError):
        for file in found.damaged:
            events.note(f"{file.path} is no readable record ({file.reason})")

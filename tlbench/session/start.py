"""Where a run begins: in a new folder, or where an earlier run stopped."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tlbench.core.cell import Cell
from tlbench.core.errors import UserError
from tlbench.execution.inputs import Inputs
from tlbench.execution.resume import resumable
from tlbench.host.environment import project_commit
from tlbench.results.run_folder import RunFolder, create, is_run, new_path, open_run, runs_under
from tlbench.session.events import Events
from tlbench.session.folder import RESULTS
from tlbench.suite.load import Suite


def new_or_resumed(
    suite: Suite,
    cells: Sequence[Cell],
    asked: Sequence[Cell],
    inputs: Inputs,
    out: Path | None,
    fresh: bool,
    events: Events,
) -> tuple[RunFolder, frozenset[str]]:
    """The folder for a run of `suite`, and the ids of its cells that are trained and timed there.

    A run of the same `cells` is gone on with where those `asked` for that are finished rest on the same `inputs`.
    Raises UserError where `out` holds another run, or `fresh` asks for a new one there.
    """
    ids, now = [cell.id for cell in cells], datetime.now(UTC)
    earlier = None
    if out is not None and is_run(out):
        if fresh:
            raise UserError(f"--fresh: {out} holds a run already; give --out another folder")
        earlier = resumable([open_run(out)], ids, asked, inputs)
        if earlier is None:
            raise UserError(f"{out} holds a run of other cells, images or weights; give --out another folder")
    elif out is None and not fresh:
        earlier = resumable(runs_under(RESULTS / suite.name), ids, asked, inputs)
    if earlier is None:
        path = out or new_path(RESULTS, suite.name, ids, now)
        folder = create(path, suite.name, suite.text, ids, now, project_commit())
        events.created(folder)
        return folder, frozenset()
    for file in earlier.set_aside:
        events.set_aside(file)
    wanted, done = {cell.id for cell in asked}, earlier.done - earlier.untimed
    if wanted <= done:
        events.complete(earlier.folder, len(asked))
    else:
        events.resumed(earlier.folder, len(asked), len(wanted & earlier.done), len(wanted & earlier.untimed))
    return earlier.folder, done

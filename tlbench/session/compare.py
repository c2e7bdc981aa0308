"""Compare two sides, and judge whether anything regressed."""

from collections.abc import Mapping, Sequence

from tlbench.core import selection
from tlbench.core.cell import Cell
from tlbench.core.errors import UserError, argument, nearest
from tlbench.regression import comparison
from tlbench.regression.comparison import Comparison
from tlbench.regression.gates import Gates, gate_kinds
from tlbench.regression.matching import counterparts
from tlbench.regression.side import Side, selected, with_cells
from tlbench.results.run_folder import SUITE_FILE
from tlbench.session.folder import Run, StrPath, as_path, find_run
from tlbench.session.side import read_side
from tlbench.suite.expand import expand
from tlbench.suite.load import load_suite
from tlbench.suite.schema import GatesSection

Shares = Mapping[str, str | float]
"""Gates by kind (time, accuracy, memory), as in a suite: ``{"time": "5%"}`` or 0.05."""


def compare(
    base: Run,
    new: Run,
    *,
    gates: Shares | None = None,
    select: str = "",
    shard: str = "",
    suite: StrPath | None = None,
) -> Comparison:
    """Compare the times, memory, counts and accuracy of two sides, each by its own model of noise.

    A side is the result of `tlbench.run` or a path: the folder of a run, a folder of runs (each run is one
    measurement), or a baseline written by ``tlbench baseline save``.

    Args:
        base: the side to compare with.
        new: the side to judge.
        gates: the changes that matter, as ``{"time": "5%", "accuracy": "2pp"}``, in place of those in the base's suite.
        select: only these cells, as for `run`; others are not missing.
        shard: only this part of them, as for `run`.
        suite: the suite whose cells `shard` divides; default: the copy in the folder of `new`.

    Returns:
        The comparison. Its `cells` have the `judgements` of each cell, and ``of("regressed")`` lists those with a
        verdict. Its `exit_code` is that of ``tlbench compare``: 0: nothing regressed; 1: something did; 2: a cell is
        missing or newly failing, or a number of the base was not measured again; 3: nothing could be compared, or only
        counts although both sides have other numbers, or an accuracy of both sides could not be judged, as of other
        weights.

    Raises:
        UserError: a side has no run, record or baseline, a baseline is damaged, a gate is not valid, or it is unknown
            which suite `shard` divides.

    Examples:
        >>> import tlbench
        >>> base, new = "results/reference/backends", "results/reference/small-cpu"
        >>> comparison = tlbench.compare(base, new, gates={"accuracy": "2pp"}, select="backend=tensorflow")
        >>> comparison.of("regressed")
        []
    """
    before = read_side(base)
    after = read_side(new, before)
    if select:
        before, after = selected(before, after, select)
    if shard:
        cells = expand(load_suite(as_path(suite, "suite"))) if suite is not None else _cells_of(new)
        asked = selection.select(cells, select) if select else cells
        part = selection.shard(asked, shard)
        before, after = (_in_shard(side, part, asked) for side in (before, after))
    return comparison.compare(before, after, changed(before.gates, gates or {}))


def _cells_of(run: Run) -> tuple[Cell, ...]:
    """The cells of the suite of a run, by the copy in its folder.

    Raises:
        UserError: the copy has other cells: it names saved models that are not beside it, or plugins are not loaded.
    """
    folder = find_run(run, lambda sentence: None)
    cells = expand(load_suite(folder.path / SUITE_FILE))
    if {cell.id for cell in cells} != set(folder.run.cells):
        raise UserError(
            f"{folder.path}: its copy of the suite has other cells than the run; name the suite with "
            f"{argument('suite')}"
        )
    return cells


def _in_shard(side: Side, part: Sequence[Cell], asked: Sequence[Cell]) -> Side:
    """The side without the cells that are in other shards. A cell that the suite no longer has stays."""
    cells, ids = [entry.cell for entry in side.entries], {cell.id for cell in part}
    others = counterparts(cells, [cell for cell in asked if cell.id not in ids]) - counterparts(cells, part)
    return with_cells(side, {cell.id for cell in cells} - others)


def changed(gates: Gates, changes: Shares) -> Gates:
    """`gates` with `changes` for all cells, in place of what the suite says of these kinds.

    Raises:
        UserError: there is no such kind, or a value is no share.
    """
    if not changes:
        return gates
    kinds = gate_kinds()
    for kind in changes:
        if kind not in kinds:
            raise UserError(f"there is no gate {kind!r}; {nearest(kind, kinds, 'kinds')}")
    kept = {kind: share for kind, share in gates.everywhere().items() if kind in kinds}
    try:
        everywhere = GatesSection.model_validate({**kept, **changes}).value()
        return everywhere.model_copy(update={"cells": gates.cells_without(changes)})
    except ValueError as error:
        asked = ", ".join(f"{kind}={share}" for kind, share in changes.items())
        raise UserError(f"{asked}: a share between 0 and 1 belongs here, e.g. time=5%") from error

"""Compare two sides, and judge whether anything regressed."""

from collections.abc import Mapping

from tlbench.core.errors import UserError, nearest
from tlbench.regression import comparison
from tlbench.regression.comparison import Comparison
from tlbench.regression.gates import Gates, gate_kinds
from tlbench.regression.side import selected
from tlbench.session.folder import Run
from tlbench.session.side import read_side
from tlbench.suite.schema import GatesSection

Shares = Mapping[str, str | float]
"""Gates by kind (time, accuracy, memory), as in a suite: ``{"time": "5%"}`` or 0.05."""


def compare(base: Run, new: Run, *, gates: Shares | None = None, select: str = "") -> Comparison:
    """Compare the times, memory, counts and accuracy of two sides, each by its own model of noise.

    A side is the result of `tlbench.run` or a path: the folder of a run, a folder of runs (each run is one
    measurement), or a baseline written by ``tlbench baseline save``.

    Args:
        base: the side to compare with.
        new: the side to judge.
        gates: the changes that matter, as ``{"time": "5%", "accuracy": "2pp"}``, in place of those in the base's suite.
        select: only these cells, as for `run`; others are not missing.

    Returns:
        The comparison. Its `cells` have the `judgements` of each cell, and ``of("regressed")`` lists those with a
        verdict. Its `exit_code` is that of ``tlbench compare``: 0: nothing regressed; 1: something did; 2: a cell is
        missing or newly failing, or a number of the base was not measured again; 3: nothing could be compared, or only
        counts although both sides have other numbers.

    Raises:
        UserError: a side has no run, record or baseline, a baseline is damaged, or a gate is not valid.

    Examples:
        >>> import tlbench
        >>> run = "results/reference/small-cpu"
        >>> comparison = tlbench.compare(run, run, gates={"accuracy": "2pp"})
        >>> comparison.of("regressed")
        []
    """
    before, after = read_side(base), read_side(new)
    if select:
        before, after = selected(before, after, select)
    return comparison.compare(before, after, changed(before.gates, gates or {}))


def changed(gates: Gates, changes: Shares) -> Gates:
    """`gates` with `changes` for all cells. Raises UserError for an unknown kind or a value that is no share."""
    if not changes:
        return gates
    kinds = gate_kinds()
    for kind in changes:
        if kind not in kinds:
            raise UserError(f"there is no gate {kind!r}; {nearest(kind, kinds, 'kinds')}")
    kept = {kind: share for kind, share in gates.everywhere().items() if kind in kinds}
    try:
        return GatesSection.model_validate({**kept, **changes}).value()
    except ValueError as error:
        asked = ", ".join(f"{kind}={share}" for kind, share in changes.items())
        raise UserError(f"{asked}: a share between 0 and 1 belongs here, e.g. time=5%") from error

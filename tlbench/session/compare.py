"""What changed between two sides, and whether that is a regression."""

from collections.abc import Mapping

from tlbench.core.errors import UserError, nearest
from tlbench.regression import comparison
from tlbench.regression.comparison import Comparison
from tlbench.regression.gates import Gates, gate_kinds
from tlbench.session.folder import Run
from tlbench.session.side import read_side
from tlbench.suite.schema import GatesSection

Shares = Mapping[str, str | float]
"""Changes that matter by kind (time, accuracy, memory), as a suite writes them: ``{"time": "5%"}`` or 0.05."""


def compare(base: Run, new: Run, *, gates: Shares | None = None) -> Comparison:
    """Judge the new side against the base: times, memory, counts and accuracy, each by its own model of noise.

    A side is what `tlbench.run` returned or a path: a run's folder, a folder of runs (every run is one draw), or a
    baseline that ``tlbench baseline save`` wrote. gates: changes that matter, in the place of those of the base's
    suite, as ``{"time": "5%", "accuracy": "2pp"}``.

    The Comparison has in `cells` the `judgements` of each cell; ``of("regressed")`` lists those of a verdict. Its
    `exit_code` is that of ``tlbench compare``: 0 nothing regressed, 1 something did, 2 a cell fails that did not or is
    missing, 3 nothing could be compared.

    Raises UserError where a side has no run, record or baseline, and for a damaged baseline or a gate that is none.

    Examples:
        >>> import tlbench
        >>> run = "results/reference/small-cpu"
        >>> comparison = tlbench.compare(run, run, gates={"accuracy": "2pp"})
        >>> comparison.of("regressed")
        []
    """
    before, after = read_side(base), read_side(new)
    return comparison.compare(before, after, changed(before.gates, gates or {}))


def changed(gates: Gates, changes: Shares) -> Gates:
    """`gates` with `changes` in their place, for all cells. Raises UserError for an unknown kind and for no share."""
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

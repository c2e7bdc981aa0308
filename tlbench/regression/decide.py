"""Which steps are to be measured on, and what is left of a verdict when both sides were measured again. Pure."""

import math
from collections.abc import Mapping, Sequence
from statistics import median

from tlbench.regression import times
from tlbench.regression.comparison import Comparison
from tlbench.regression.verdicts import Judgement, verdict_of
from tlbench.statistics.multiple import holm

Rounds = Sequence[Sequence[float]]
"""Samples of each round of one process, in seconds."""


def undecided(
    found: Mapping[str, tuple[Sequence[Rounds], Sequence[Rounds]]], gates: Mapping[str, float]
) -> dict[str, int]:
    """Keys of steps whose verdict would be `inconclusive`, and how many more rounds would decide them (0: unknown).

    `found` has the processes' rounds of base and new.
    """
    keys = list(found)
    evidence = [times.of_pairs(ratios(*found[key]), gates[key], len(keys)) for key in keys]
    adjusted = holm([one.p for one in evidence])
    return {
        key: one.more
        for key, one, p in zip(keys, evidence, adjusted, strict=True)
        if verdict_of(one, p, times.LEVEL)[0] == "inconclusive"
    }


def ratios(base: Sequence[Rounds], new: Sequence[Rounds]) -> list[list[float]]:
    """Log ratios of the rounds' medians, for each process."""
    return [
        [math.log(median(after) / median(before)) for before, after in zip(one, other, strict=False)]
        for one, other in zip(base, new, strict=False)
    ]


def flagged(comparison: Comparison) -> list[Judgement]:
    """What regressed and could have done so by chance: all but counts."""
    return [one for one in comparison.of("regressed") if one.metric != "count"]


def confirmed(first: Comparison, again: Comparison) -> Comparison:
    """`first`, in which only that is still `regressed` which is so in `again` too, or is a count.

    What was not confirmed is `inconclusive`, with what the second measurement said.
    """
    seen = {(one.cell.id, one.name): one for one in again.judgements}
    cells = []
    for cell in first.cells:
        judgements = tuple(_confirmed(one, seen.get((one.cell.id, one.name))) for one in cell.judgements)
        cells.append(type(cell)(cell.label, cell.id, judgements))
    return Comparison(first.base, first.new, tuple(cells), (*first.notes, *again.notes))


def _confirmed(one: Judgement, again: Judgement | None) -> Judgement:
    if one.verdict != "regressed" or one.metric == "count":
        return one
    if again is not None and again.verdict == "regressed":
        return one.model_copy(update={"reason": "; ".join(filter(None, [one.reason, "confirmed"]))})
    said = f"measured again it was {again.verdict}" if again else "it could not be measured again"
    return one.model_copy(update={"verdict": "inconclusive", "reason": said, "decide": "more rounds of `tlbench ab`"})

"""Decide which steps need more measurements, and confirm verdicts by a second comparison. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median

from tlbench.regression.comparison import Compared, Comparison
from tlbench.regression.matching import EDITION, paired
from tlbench.regression.metrics import time
from tlbench.regression.metrics.registry import METRICS
from tlbench.regression.verdicts import JUDGED, Judgement, verdict_of
from tlbench.statistics.multiple import holm

Rounds = Sequence[Sequence[float]]
"""The samples of one process in seconds, by round."""


def undecided(
    measured: Mapping[str, tuple[Sequence[Rounds], Sequence[Rounds]]], gates: Mapping[str, float]
) -> dict[str, int]:
    """The keys of steps whose verdict would be `inconclusive`, with the rounds of one more process (0: unknown).

    Args:
        measured: the rounds of each process, of base and new, by the key of the step.
        gates: the gate of each step.
    """
    evidence = [time.of_pairs(ratios(*rounds), gates[key], len(measured)) for key, rounds in measured.items()]
    adjusted = holm([each.p for each in evidence])
    return {
        key: each.more
        for key, each, p in zip(measured, evidence, adjusted, strict=True)
        if verdict_of(each, p, time.LEVEL)[0] == "inconclusive"
    }


def ratios(base: Sequence[Rounds], new: Sequence[Rounds]) -> list[list[float]]:
    """The logarithms of the ratios of the medians of rounds, new over base, by process."""
    return [
        [math.log(median(new_round) / median(base_round)) for base_round, new_round in zip(*process, strict=False)]
        for process in zip(base, new, strict=False)
    ]


def flagged(comparison: Comparison) -> list[Judgement]:
    """The regressions of metrics whose noise differs when they are measured again."""
    return [judgement for judgement in comparison.of("regressed") if METRICS[judgement.metric].repeats]


def confirmed(first: Comparison, again: Comparison) -> Comparison:
    """`first`, with regressions that `again` does not confirm turned into `inconclusive`.

    Cells are matched, since `again` may be of a version of tlbench with another edition of recipes. A regression that
    could not be measured again, as the cell is trained or timed in another way by now, remains one.
    """
    worse = flagged(first)
    doubtful, measured = ({each.cell.id: each.cell for each in several} for several in (worse, again.judgements))
    twins = paired([*measured.values()], [*doubtful.values()], EDITION)
    seen = {(judgement.cell.id, judgement.name): judgement for judgement in again.judgements}
    verdicts = {
        (each.cell.id, each.name): _confirmed(each, seen.get((twins.get(each.cell.id, ""), each.name)))
        for each in worse
    }
    cells = []
    for cell in first.cells:
        judgements = (verdicts.get((each.cell.id, each.name), each) for each in cell.judgements)
        cells.append(Compared(cell.label, cell.id, tuple(judgements)))
    return replace(first, cells=tuple(cells), notes=tuple(dict.fromkeys((*first.notes, *again.notes))))


def _confirmed(first: Judgement, again: Judgement | None) -> Judgement:
    if again is not None and again.verdict == "regressed":
        return first.model_copy(update={"reason": "; ".join(filter(None, [first.reason, "confirmed"]))})
    if again is None or again.verdict not in JUDGED:  # a change that makes this fail must not pass because of that
        return first.model_copy(
            update={"reason": "; ".join(filter(None, [first.reason, "it could not be measured again"]))}
        )
    said = f"measured again it was {again.verdict}"
    return first.model_copy(update={"verdict": "inconclusive", "reason": said, "decide": "more rounds of `tlbench ab`"})

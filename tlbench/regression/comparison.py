"""Compare two sides cell by cell and number by number, from entries to verdicts. Pure."""

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Any

from tlbench.core.cell_settings import labels
from tlbench.core.text import counted
from tlbench.regression import notes
from tlbench.regression.both_sides import both_sides, same_training
from tlbench.regression.gates import Gates
from tlbench.regression.matching import Couple, match
from tlbench.regression.metrics.base import ELSEWHERE, NOT_AGAIN, Finding, Metric, Pair
from tlbench.regression.metrics.registry import METRICS, in_order
from tlbench.regression.metrics.time import UNTIMED
from tlbench.regression.side import Side
from tlbench.regression.verdicts import JUDGED, OUTCOME, Evidence, Judgement, Verdict, verdict_of, worst

FINE, REGRESSION, SOME_FAILED, NOTHING = 0, 1, 2, 3


@dataclass(frozen=True)
class Compared:
    """A cell with its judgements. Numbers that are about all seeds of a cell are listed with the first seed."""

    label: str
    id: str
    judgements: tuple[Judgement, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of its judgements."""
        return worst([judgement.verdict for judgement in self.judgements])

    @property
    def only_counts(self) -> bool:
        """Whether nothing but exact numbers could be judged, though there are others."""
        numbers = [each for each in self.judgements if each.metric != OUTCOME]
        judged = [each for each in numbers if each.verdict in JUDGED]
        noisy = [each for each in numbers if not METRICS[each.metric].exact]
        return bool(judged) and bool(noisy) and all(METRICS[each.metric].exact for each in judged)


@dataclass(frozen=True, repr=False)
class Comparison:
    """The comparison of two sides.

    Attributes:
        base: the side to compare with.
        new: the side to judge.
        cells: the judgements by cell.
        notes: sentences that a reader must know, such as changed versions.
        of_times: whether the step times of both sides were measured in turn, as by `tlbench ab`, to judge them. Then
            accuracies that cannot be compared, as of another recipe, do not count.
    """

    base: Side
    new: Side
    cells: tuple[Compared, ...]
    notes: tuple[str, ...] = ()
    of_times: bool = False

    def __repr__(self) -> str:
        """The sides, the number of cells with each verdict, and whether something could not be judged."""
        counts = Counter(cell.verdict for cell in self.cells)
        verdicts = ", ".join(f"{number} {verdict}" for verdict, number in counts.items())
        judged = "" if self.decides else "; counts alone could be judged" if self.only_exact else "; not all was judged"
        return f"<Comparison of {self.new.name} with {self.base.name}: {verdicts or 'no cells'}{judged}>"

    @property
    def judgements(self) -> list[Judgement]:
        """All judgements, cell by cell."""
        return [judgement for cell in self.cells for judgement in cell.judgements]

    def of(self, *verdicts: Verdict) -> list[Judgement]:
        """The judgements with one of these verdicts."""
        return [judgement for judgement in self.judgements if judgement.verdict in verdicts]

    @property
    def exit_code(self) -> int:
        """0: fine; 1: a number regressed; 2: a cell is missing or newly failing, or a number was not measured again; 3:
        nothing could be judged, or only exact numbers although both sides have others, or an accuracy that both sides
        have could not be judged, or step times were asked for and neither side has any.
        """
        if self.of("regressed"):
            return REGRESSION
        if self.of("newly failing", "missing") or self.lost:
            return SOME_FAILED
        return FINE if self.decides else NOTHING

    @property
    def decides(self) -> bool:
        """Whether a number was judged, and not exact ones alone where both sides have others, and no number that holds
        on any machine is `unjudged`; or whether there was nothing to judge but measurements that both sides share.
        """
        if self.untimed:
            return False
        if self.of(*JUDGED):
            return not self.only_exact and not self.unjudged
        return bool(self.of("same measurement")) and not self.of("not comparable")

    @property
    def only_exact(self) -> bool:
        """Whether exact numbers alone could be judged, though both sides have others that hold on any machine, or the
        base has some that were not measured again.
        """
        judged = self.of(*JUDGED)
        expected = any(_portable(each) or each.lost for each in self.out_of_reach)
        return bool(judged) and expected and all(METRICS[each.metric].exact for each in judged)

    @property
    def lost(self) -> list[Judgement]:
        """Numbers that the base has and that were not measured again."""
        return [each for each in self.judgements if each.lost]

    @property
    def untimed(self) -> list[Judgement]:
        """The step times that cells ask for, if neither side has any at all."""
        return [each for each in self.of("not comparable") if each.reason == UNTIMED]

    @property
    def unjudged(self) -> list[Judgement]:
        """Numbers that hold on any machine (accuracy) and that both sides have, but that are not comparable; none if
        the comparison is of times.
        """
        return [] if self.of_times else [each for each in self.out_of_reach if each.unjudged and _portable(each)]

    @property
    def out_of_reach(self) -> list[Judgement]:
        """Numbers with noise (accuracy, time, memory) that the base has and that are not comparable."""
        numbers = [each for each in self.of("not comparable") if each.metric != OUTCOME]
        return [each for each in numbers if not METRICS[each.metric].exact]


def _portable(judgement: Judgement) -> bool:
    """Whether the number holds on any machine."""
    return not METRICS[judgement.metric].machine_bound


def compare(base: Side, new: Side, gates: Gates) -> Comparison:
    """Match the cells of both sides, and judge every number that can be compared."""
    couples = match(base.entries, new.entries)
    outcomes = [both_sides(couple) for couple in couples]
    judged = [each for each in outcomes if isinstance(each, Judgement)]
    pairs = [each for each in outcomes if not isinstance(each, Judgement)]
    for metric in in_order():
        judged += _judged(metric, pairs, gates, metric.tests(new.entries))
    found = (*notes.between(base, new), *_timed_again(pairs), *notes.namesakes(couples))
    return Comparison(base, new, _by_cell(couples, judged), found)


def _timed_again(pairs: Sequence[Pair]) -> list[str]:
    """A note on the cells of which nothing but the step times was measured again."""
    number = sum(same_training(*pair) for pair in pairs)
    were = "was" if number == 1 else "were"
    return [f"{counted(number, 'cell')} {were} not trained again: only the step times are judged"] if number else []


def _judged(metric: Metric, pairs: Sequence[Pair], gates: Gates, tests: int) -> list[Judgement]:
    """The judgements of one metric: first findings that are final, then those with evidence, corrected together."""
    findings = list(metric.compare(pairs, lambda cell: gates.of(cell).get(metric.name, 0.0), tests))
    findings += _extra_of_base_alone(metric, pairs, {each.cell.id for each in findings if each.new is None})
    waiting = [(finding, finding.evidence) for finding in findings if finding.evidence is not None]
    adjusted = metric.corrected(waiting)
    return [
        *(
            _at_once(metric, finding, gates.of(finding.cell).get(metric.name))
            for finding in findings
            if finding.evidence is None
        ),
        *(_by_evidence(metric, *each, p) for each, p in zip(waiting, adjusted, strict=True)),
    ]


def _extra_of_base_alone(metric: Metric, pairs: Sequence[Pair], found: Set[str]) -> list[Finding]:
    """Findings for numbers of `Metric.of_record` that only the base has.

    Args:
        metric: the metric.
        pairs: the pairs.
        found: the ids of cells whose missing numbers the metric itself has found.
    """
    alone = []
    for base, new in pairs:
        if new.cell.id in found or new.extra.get(metric.name):
            continue
        elsewhere = metric.machine_bound and base.machine != new.machine
        for name, values in base.extra.get(metric.name, {}).items():
            known = None if elsewhere or not values else values[0]
            alone.append(Finding(new.cell, name, base=known, reason=ELSEWHERE if elsewhere else NOT_AGAIN))
    return alone


def _at_once(metric: Metric, finding: Finding, gate: float | None) -> Judgement:
    """The judgement of a finding that is final. The gate of an exact number is 0: every change matters."""
    return _judgement(
        metric,
        finding,
        effect=finding.effect,
        gate=None if finding.effect is None else 0.0 if metric.exact else gate,
        verdict=finding.verdict,
        reason=finding.reason,
        decide=finding.decide,
    )


def _by_evidence(metric: Metric, finding: Finding, evidence: Evidence, adjusted: float) -> Judgement:
    verdict, why = verdict_of(evidence, adjusted, metric.level)
    low, high = sorted((metric.shown(evidence.low), metric.shown(evidence.high)))
    return _judgement(
        metric,
        finding,
        effect=metric.shown(evidence.effect),
        low=low,
        high=high,
        gate=abs(metric.shown(evidence.gate)),
        adjusted=adjusted,
        verdict=verdict,
        reason=why or finding.reason,
        decide=evidence.decide if verdict == "inconclusive" else "",
    )


def _judgement(metric: Metric, finding: Finding, **fields: Any) -> Judgement:
    return Judgement(
        cell=finding.cell,
        seeds=finding.seeds,
        metric=metric.name,
        name=finding.name,
        unit=finding.unit,
        base=finding.base,
        new=finding.new,
        bare=finding.bare,
        **fields,
    )


def _by_cell(couples: Sequence[Couple], judged: Sequence[Judgement]) -> tuple[Compared, ...]:
    by_cell: dict[str, list[Judgement]] = {couple.cell.id: [] for couple in couples}
    for judgement in judged:
        by_cell[judgement.cell.id].append(judgement)
    return tuple(
        Compared(
            label,
            couple.cell.id,
            tuple(one.model_copy(update={"label": label}) for one in by_cell[couple.cell.id]),
        )
        for couple, label in zip(couples, labels([couple.cell for couple in couples]), strict=True)
    )

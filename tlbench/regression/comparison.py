"""Compare two sides, cell by cell and number by number. Pure: from entries to verdicts."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tlbench.regression import accuracies, memories, times
from tlbench.regression.entries import EXACT, STATE, Entry, Side
from tlbench.regression.gates import Gates
from tlbench.regression.matching import Couple, match, why_not, why_not_times
from tlbench.regression.verdicts import JUDGED, Evidence, Judgement, Metric, Verdict, verdict_of, worst
from tlbench.statistics.multiple import holm

FINE, REGRESSION, SOME_FAILED, NOTHING = 0, 1, 2, 3


@dataclass(frozen=True)
class Compared:
    """One cell (all its seeds together where accuracy is meant) and what was judged of it."""

    label: str
    id: str
    judgements: tuple[Judgement, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of its verdicts."""
        return worst([one.verdict for one in self.judgements])


@dataclass(frozen=True, repr=False)
class Comparison:
    """Two sides compared. `notes`: what the reader must know of either side."""

    base: Side
    new: Side
    cells: tuple[Compared, ...]
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """The sides, with how many cells have which verdict."""
        counts = Counter(cell.verdict for cell in self.cells)
        verdicts = ", ".join(f"{number} {verdict}" for verdict, number in counts.items())
        return f"<Comparison of {self.new.name} with {self.base.name}: {verdicts or 'no cells'}>"

    @property
    def judgements(self) -> list[Judgement]:
        """All of them, cell by cell."""
        return [one for cell in self.cells for one in cell.judgements]

    def of(self, *verdicts: Verdict) -> list[Judgement]:
        """Those with one of `verdicts`."""
        return [one for one in self.judgements if one.verdict in verdicts]

    @property
    def exit_code(self) -> int:
        """0 fine, 1 something regressed, 2 a cell fails that did not or is missing, 3 nothing could be judged."""
        if self.of("regressed"):
            return REGRESSION
        if self.of("newly failing", "missing"):
            return SOME_FAILED
        return FINE if any(one.verdict in JUDGED for one in self.judgements) else NOTHING


@dataclass(frozen=True)
class _Open:
    """A number with its evidence, before it is corrected for the others of its kind. Effects as shown, not logs."""

    fields: dict[str, Any]
    evidence: Evidence
    level: float
    shown: Callable[[float], float]


def compare(base: Side, new: Side, gates: Gates) -> Comparison:
    """Match the cells of both sides and judge every number that can be compared."""
    couples = match(base.entries, new.entries)
    tests = sum(len(one.times) for one in new.entries)
    judged: list[Judgement] = []
    waiting: list[_Open] = []
    for couple in couples:
        alone = _outcome(couple)
        if alone is not None:
            judged.append(alone)
            continue
        assert couple.base is not None
        assert couple.new is not None
        judged += _counts(couple.base, couple.new)
        waiting += _memory(couple.base, couple.new, gates, judged)
        waiting += _times(couple.base, couple.new, gates, tests, judged)
    waiting += _accuracies(couples, gates, judged)
    judged += _corrected(waiting)
    return Comparison(base, new, _by_cell(couples, judged), _notes(base, new))


def _outcome(couple: Couple) -> Judgement | None:
    """The judgement of a cell that has no two sides with numbers; None where it has."""
    base, new = couple.base, couple.new
    if new is None:
        assert base is not None
        reason = "the new side has no such cell"
        return Judgement(cell=base.cell, metric="outcome", name="outcome", verdict="missing", reason=reason)
    if base is None:
        return Judgement(
            cell=new.cell, metric="outcome", name="outcome", verdict="new", reason="no such cell in the base"
        )
    verdict: Verdict
    if base.ok and not new.ok:
        verdict, reason = "newly failing", f"{new.status}: {new.failure or 'no reason given'}"
    elif new.ok and not base.ok:
        verdict, reason = "fixed", f"it was {base.status} before"
    elif not new.ok:
        verdict, reason = "not comparable", f"{base.status} before, {new.status} now"
    else:
        return None
    return Judgement(cell=new.cell, metric="outcome", name="outcome", verdict=verdict, reason=reason)


def _counts(base: Entry, new: Entry) -> list[Judgement]:
    """Counts are exact: more is `regressed`, fewer `improved`."""
    found = []
    pairs = [(key, base.counts.get(key), new.counts.get(key)) for key in EXACT]
    pairs += [(f"memory of {key}", base.state.get(key), new.state.get(key)) for key in STATE]
    for name, before, after in pairs:
        if before is None or after is None:
            continue
        effect = after / before - 1 if before else (math.inf if after else 0.0)
        same = math.isclose(before, after, rel_tol=1e-9)
        verdict: Verdict = "unchanged" if same else "regressed" if after > before else "improved"
        fields: dict[str, Any] = {"base": before, "new": after, "effect": effect, "gate": 0.0}
        found.append(Judgement(cell=new.cell, metric="count", name=name, verdict=verdict, **fields))
    return found


def _memory(base: Entry, new: Entry, gates: Gates, judged: list[Judgement]) -> list[_Open]:
    if not base.memory or not new.memory:
        return []
    fields: dict[str, Any] = {"cell": new.cell, "metric": "memory", "name": "peak memory", "unit": "MiB"}
    fields |= {"base": base.memory[0] / 2**20, "new": new.memory[0] / 2**20}
    reason = why_not(base, new) or ("" if base.machine == new.machine else "taken on another machine")
    if not reason and base.trained_on != new.trained_on:
        reason = f"the base trained on {base.trained_on or 'what is not known'}, the new side on {new.trained_on}"
    if reason:
        judged.append(Judgement(**fields, verdict="not comparable", reason=reason))
        return []
    return [
        _Open(fields, memories.evidence(base.memory, new.memory, gates.of(new.cell).memory), times.LEVEL, math.expm1)
    ]


def _times(base: Entry, new: Entry, gates: Gates, tests: int, judged: list[Judgement]) -> list[_Open]:
    waiting = []
    before = {(one.step, one.batch_size): one for one in base.times}
    for after in new.times:
        one = before.get((after.step, after.batch_size))
        fields: dict[str, Any] = {"cell": new.cell, "metric": "time", "name": after.name, "unit": "ms"}
        if one is None:
            judged.append(Judgement(**fields, verdict="new", reason="the base has no such time"))
            continue
        fields |= {"base": one.draws[0].median * 1000, "new": after.draws[0].median * 1000}
        reason = why_not_times(base, new, one, after)
        if reason:
            judged.append(Judgement(**fields, verdict="not comparable", reason=reason))
            continue
        found = times.evidence(one, after, gates.of(new.cell).time, tests)
        waiting.append(_Open(fields, found, times.LEVEL, math.expm1))
    missing = set(before) - {(one.step, one.batch_size) for one in new.times}
    for key in sorted(missing):
        fields = {"cell": new.cell, "metric": "time", "name": before[key].name}
        judged.append(Judgement(**fields, verdict="missing", reason=new.failure or "the new side has no such time"))
    return waiting


def _accuracies(couples: Sequence[Couple], gates: Gates, judged: list[Judgement]) -> list[_Open]:
    blocks: dict[str, list[tuple[Entry, Entry]]] = {}
    for couple in couples:
        if couple.base and couple.new and couple.base.images and couple.new.images:
            blocks.setdefault(_without_seed(couple.new), []).append((couple.base, couple.new))
    waiting = []
    for block in blocks.values():
        cell = block[0][1].cell
        fields: dict[str, Any] = {"cell": cell, "seeds": len(block), "metric": "accuracy", "name": "accuracy"}
        reason = next(filter(None, (why_not(base, new, trained=True) for base, new in block)), "")
        if reason:
            judged.append(Judgement(**fields, verdict="not comparable", reason=reason))
            continue
        shown = accuracies.compare(block, gates.of(cell).accuracy)
        fields |= {"base": shown.base, "new": shown.new, "reason": shown.method}
        waiting.append(_Open(fields, shown.evidence, accuracies.LEVEL, lambda lost: -lost))
    return waiting


def _without_seed(entry: Entry) -> str:
    return entry.cell.model_copy(update={"seed": 0}).canonical()


def _corrected(waiting: Sequence[_Open]) -> list[Judgement]:
    """Correct for many tests within each kind of number, then give the verdicts."""
    judged = []
    for metric in dict.fromkeys(one.fields["metric"] for one in waiting):
        family = [one for one in waiting if one.fields["metric"] == metric]
        if metric == "time":  # cells that share a measurement are one test
            distinct = list(dict.fromkeys(one.evidence for one in family))
            adjusted = dict(zip(distinct, holm([one.p for one in distinct]), strict=True))
            judged += [_judgement(one, adjusted[one.evidence]) for one in family]
        else:
            p_values = holm([one.evidence.p for one in family])
            judged += [_judgement(one, p) for one, p in zip(family, p_values, strict=True)]
    return judged


def _judgement(one: _Open, adjusted: float) -> Judgement:
    found = one.evidence
    verdict, why = verdict_of(found, adjusted, one.level)
    ends = sorted((one.shown(found.low), one.shown(found.high)))
    fields = dict(one.fields)
    method = fields.pop("reason", "")
    return Judgement(
        **fields,
        effect=one.shown(found.effect),
        low=ends[0],
        high=ends[1],
        gate=abs(one.shown(found.gate)),
        adjusted=adjusted,
        verdict=verdict,
        reason=why or method,
        decide=found.decide if verdict == "inconclusive" else "",
    )


def _by_cell(couples: Sequence[Couple], judged: Sequence[Judgement]) -> tuple[Compared, ...]:
    order: dict[str, list[Judgement]] = {}
    for couple in couples:
        either = couple.new or couple.base
        assert either is not None
        order[either.cell.id] = []
    for one in judged:
        order[one.cell.id].append(one)
    kinds: list[Metric] = ["outcome", "accuracy", "time", "memory", "count"]
    found = []
    for couple in couples:
        either = couple.new or couple.base
        assert either is not None
        judgements = sorted(order[either.cell.id], key=lambda one: kinds.index(one.metric))
        found.append(Compared(either.cell.label, either.cell.id, tuple(judgements)))
    return tuple(found)


def _notes(base: Side, new: Side) -> tuple[str, ...]:
    notes = [*base.notes, *new.notes]
    versions = [{key: value for one in side.entries for key, value in one.versions.items()} for side in (base, new)]
    changed = [
        f"{key} {versions[0].get(key, 'absent')} → {versions[1].get(key, 'absent')}"
        for key in sorted({*versions[0], *versions[1]})
        if versions[0].get(key) != versions[1].get(key)
    ]
    if changed and base.entries and new.entries:
        notes.append(f"versions: {', '.join(changed)}")
    return tuple(notes)

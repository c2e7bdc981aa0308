"""Is a step slower? From the draws of both sides to evidence. Pure; docs/methodology.md says why.

All effects are logarithms of ratios, new over base: 0 is no change, 0.095 is 10 % slower.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import NormalDist, median

from tlbench.core.cell import StepName
from tlbench.regression.entries import Draw, Entry, Times, conditions
from tlbench.regression.matching import other_stand_ins
from tlbench.regression.metrics.base import Finding, Followed, Metric, Pair, of_shift
from tlbench.regression.verdicts import Evidence
from tlbench.statistics.multiple import holm
from tlbench.statistics.ranks import Shift, dependence, mann_whitney, signed_rank, widened

UNIT, MS = "ms", 1000
LEVEL = 0.01
"""Chance of any false alarm over a suite's times, effects beyond the gate apart."""
STORED_DRIFT = 0.20
"""How far normalised times of unchanged code were seen to move between runs minutes apart (METHOD.md)."""
FEW_RUNS = 4
"""From so many runs a side on, their medians are ranked against each other."""
FEWEST_PAIRS = 12
MARGIN = 1.5
"""The estimate that the number of rounds is reckoned from is uncertain itself."""
POWER = 1.6448536269514722
ONE_PROCESS = "one process a side was timed, and one process is one draw"
DISAGREE = "the processes do not agree"


class TimeMetric(Metric):
    """The time of a step, at each batch size it was timed at."""

    name = "time"
    summary = "time of an inference step and of a training step"
    gate = 0.05
    level = LEVEL
    machine_bound = True
    plural = "times"

    def tests(self, entries: Sequence[Entry]) -> int:
        """Every step and batch size of every cell."""
        return sum(len(entry.times) for entry in entries)

    def compare(self, pairs: Sequence[Pair], gate: float, tests: int) -> Iterator[Finding]:
        """Each step of the new side, then those that only the base has."""
        for base, new in pairs:
            base_times = {_step(times): times for times in base.times}
            for times in new.times:
                yield compare_step((base, new), base_times.get(_step(times)), times, gate, tests)
            for step in sorted(base_times.keys() - {_step(times) for times in new.times}):
                reason = new.failure or "the new side has no such time"
                yield Finding(new.cell, base_times[step].name, verdict="missing", reason=reason)

    def corrected(self, evidence: Sequence[Evidence]) -> list[float]:
        """Holm's; cells that share a measurement have equal evidence, and are one test."""
        distinct = list(dict.fromkeys(evidence))
        adjusted = dict(zip(distinct, holm([each.p for each in distinct]), strict=True))
        return [adjusted[each] for each in evidence]

    def followed(self, entry: Entry) -> Iterator[Followed]:
        """Each step's median, normalised by the reference workload where it was, and in milliseconds."""
        for times in entry.times:
            draw = times.draws[0]
            if draw.normalised is not None:
                yield Followed(f"{times.name}, normalised", "", draw.normalised)
            yield Followed(times.name, UNIT, draw.median * MS)


def _step(times: Times) -> tuple[StepName, int]:
    return times.step, times.batch_size


def compare_step(pair: Pair, base: Times | None, new: Times, gate: float, tests: int) -> Finding:
    """One step of a cell; `base` is None where that side has no such time."""
    cell = pair[1].cell
    if base is None:
        return Finding(cell, new.name, UNIT, verdict="new", reason="the base has no such time")
    reason = why_not_times(pair, base, new)
    known = None if reason else evidence(base, new, gate, tests)
    medians = (base.draws[0].median * MS, new.draws[0].median * MS)
    return Finding(cell, new.name, UNIT, *medians, evidence=known, reason=reason)


def why_not_times(pair: Pair, base: Times, new: Times) -> str:
    """Why two times of a step cannot be compared; empty where they can."""
    machines = [entry.machine for entry in pair]
    if machines[0] != machines[1]:
        changed = [key for key in sorted({*machines[0], *machines[1]}) if machines[0].get(key) != machines[1].get(key)]
        return f"taken on another machine ({', '.join(changed)} differ)"
    base_conditions, new_conditions = conditions(base), conditions(new)
    changed = [key.replace("_", " ") for key in base_conditions if base_conditions[key] != new_conditions[key]]
    if changed:
        return f"timed in another way ({', '.join(changed)} differ)"
    return other_stand_ins(*pair)


def log_gate(gate: float) -> float:
    """A gate of 10 % as a logarithm."""
    return math.log1p(gate)


def evidence(base: Times, new: Times, gate: float, tests: int) -> Evidence:
    """The best evidence that the draws allow: interleaved pairs, several runs a side, or one run a side.

    `tests`: how many times of the suite are judged together; for what would decide it.
    """
    paired = pairs(base.draws[0], new.draws[0])
    if paired:
        return of_pairs(paired, gate, tests)
    if len(base.draws) >= FEW_RUNS and len(new.draws) >= FEW_RUNS:
        return of_runs(base.draws, new.draws, gate)
    return of_stored(base.draws[0], new.draws[0], gate)


def pairs(base: Draw, new: Draw) -> tuple[tuple[float, ...], ...]:
    """Log ratios of rounds that were measured in turn, split by process; empty where they were not."""
    if base.session is None or base.session != new.session:
        return ()
    return tuple(
        tuple(math.log(new_round / base_round) for base_round, new_round in zip(*process, strict=False))
        for process in zip(base.rounds, new.rounds, strict=False)
    )


def of_pairs(processes: Sequence[Sequence[float]], gate: float, tests: int) -> Evidence:
    """From interleaved pairs (log ratios of each process): the signed-rank test, less sure where pairs hang together.

    Where several processes were timed, their medians must agree that the change is real: each lies beyond half the
    gate on the same side.
    """
    every = [ratio for process in processes for ratio in process]
    limit = log_gate(gate)
    shift = signed_rank(every)
    shift = widened(shift, dependence(processes, shift.estimate))
    middles = [median(process) for process in processes if process]
    sign = math.copysign(1.0, shift.estimate)
    agreed = ""
    if len(middles) < 2:
        agreed = ONE_PROCESS
    elif any(sign * middle <= limit / 2 for middle in middles):
        agreed = DISAGREE
    looks = len(middles) ** 2 * math.pi**2 / 6  # one look after each process; 6 / (pi k)^2 sums to 1
    more = pairs_needed(shift, len(every), limit, tests)
    decide = f"{more} more rounds" if more else "another process a side"
    return of_shift(replace(shift, p=min(1.0, shift.p * looks)), limit, decide, agreed, more)


def pairs_needed(shift: Shift, count: int, limit: float, tests: int) -> int:
    """How many more pairs would decide it 95 times of 100, were the estimate and the spread what they seem now."""
    if shift.low is None or shift.high is None:
        return FEWEST_PAIRS
    z = NormalDist().inv_cdf
    deviation = (shift.high - shift.low) / 2 / z(0.975) * math.sqrt(count)
    distance = max(abs(abs(shift.estimate) - limit), limit / 4)
    if abs(shift.estimate) > limit:
        sure = (z(1 - LEVEL / 2 / max(tests, 1)) + POWER) * deviation / abs(shift.estimate)
        needed = max(sure**2, (POWER * deviation / distance) ** 2)
    else:
        needed = ((z(0.975) + POWER) * deviation / distance) ** 2
    return max(0, math.ceil((MARGIN * needed - count) / 10) * 10)


def of_runs(base: Sequence[Draw], new: Sequence[Draw], gate: float) -> Evidence:
    """From several runs a side, each one draw: Mann and Whitney's test of their medians, normalised where possible."""
    comparable = all(draw.normalised for draw in (*base, *new))
    base_medians, new_medians = (
        [math.log(draw.normalised if comparable and draw.normalised else draw.median) for draw in side]
        for side in (base, new)
    )
    shift = mann_whitney(base_medians, new_medians)
    return of_shift(shift, log_gate(gate), "more runs a side, or `tlbench ab`")


def of_stored(base: Draw, new: Draw, gate: float) -> Evidence:
    """From one run a side, at different times: only what the drift of the machine cannot explain counts.

    The interval holds both medians' intervals, which include the drift that the reference workload saw, and in any
    case the ratio of normalised times within `STORED_DRIFT`. The p-value is 0 where it does not hold 1, else 1.
    """
    effect = math.log(new.median / base.median)
    low = math.log((new.low or new.median) / (base.high or base.median))
    high = math.log((new.high or new.median) / (base.low or base.median))
    allowed = math.log1p(STORED_DRIFT)
    effects = [effect]
    if new.normalised and base.normalised:
        effects.append(math.log(new.normalised / base.normalised))
    low, high = min(low, *(each - allowed for each in effects)), max(high, *(each + allowed for each in effects))
    limit = log_gate(gate)
    shown = low > limit or high < -limit
    nearest = min(effects, key=abs)
    return Evidence(nearest, low, high, 0.0 if shown else 1.0, limit, "", "`tlbench ab`, which measures both in turn")

"""The metric of time: is a step slower than before? docs/methodology.md explains the method. Pure.

Effects are logarithms of ratios, new over base: 0 is no change, 0.095 is 10 % slower.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from statistics import NormalDist, fmean, median

from tlbench.core.text import listed
from tlbench.regression import runs
from tlbench.regression.entries import Draw, Entry, Times, conditions
from tlbench.regression.matching import other_optimizer, other_stand_ins
from tlbench.regression.metrics.base import Finding, Followed, Gate, Known, Metric, Pair, of_measurements, of_shift
from tlbench.regression.verdicts import Evidence
from tlbench.statistics.attainable import signed_rank_pairs
from tlbench.statistics.bootstrap import FEWEST
from tlbench.statistics.correlated import correlated_signed_rank
from tlbench.statistics.moderated import Spread, difference, shrunk, spread
from tlbench.statistics.processes import FEWEST_PROCESSES, next_process, over_processes
from tlbench.statistics.ranks import Shift, widened

UNIT, MS = "ms", 1000
PARTS = {"cpu": "CPU", "gpu": "GPU", "os": "operating system", **{f"cache_l{n}": f"L{n} cache" for n in range(1, 5)}}
LEVEL = 0.01
"""The chance of any false alarm over a suite's times."""
KNOWN = Spread((math.log(1.2) / 1.96) ** 2 / 2, 10)
"""The variance of the logarithm of a run's time: 95 % of pairs of runs of unchanged code, minutes apart, are within
20 %, as observed for times relative to the reference workload (docs/methodology.md)."""
MARGIN = 1.5
"""Safety factor on predicted numbers of rounds, because they are computed from uncertain estimates."""
POWER = 1.6448536269514722
"""The 95 % quantile of the standard normal distribution."""
IN_TURN = "`tlbench ab`, which measures both in turn"
OFFSETS = Spread(0.0123**2, 8)
"""The variance between processes of identical code, of the logarithm of the ratio of both sides, beyond that of their
rounds: of the 15 long processes of tests/data/aa_rounds.json. Degrees of freedom: 30 / (2 + excess kurtosis)."""
CONFIDENCE = 0.95
LARGE = 0.1
"""The share of the level for the test of the processes' medians; the rest is for the test of the rounds."""
ONE_PROCESS = "one process a side was timed, and one process is one draw"
DISAGREE = "the processes do not agree"
TOO_FEW = f"fewer than {FEWEST} rounds of a run say nothing of their noise"
GATE_OF_NOTHING = "a gate above 0 %, since no number of rounds shows that a time is exactly the same"
NO_TIMES = "no step times in the new run"
STEP_TIMES, UNTIMED = "step times", "asked for, measured on neither side"
MORE_ROUNDS = f"at least {FEWEST} rounds a run"


class TimeMetric(Metric):
    """The times of steps, at each batch size."""

    name = "time"
    summary = "time of an inference step and of a training step"
    gate = 0.05
    level = LEVEL
    machine_bound = True
    plural = "times"

    def tests(self, entries: Sequence[Entry]) -> int:
        """One test for each step and batch size of each cell."""
        return sum(len(entry.times) for entry in entries)

    def compare(self, pairs: Sequence[Pair], gate: Gate, tests: int) -> Iterator[Finding]:
        """As `Metric.compare`, with a finding for each step of either side."""
        if not any(entry.times for pair in pairs for entry in pair):
            yield from (Finding(pair[1].cell, STEP_TIMES, reason=UNTIMED) for pair in pairs if _asked(pair))
        apart: list[tuple[Pair, Times, Times]] = []
        for pair in pairs:
            cell = pair[1].cell
            if pair[1].failure and not pair[0].failure and not pair[0].times:
                yield Finding(cell, STEP_TIMES, verdict="newly failing", reason=pair[1].failure)
            for base, new in steps(pair):
                if base is None or new is None:
                    yield of_one_side(pair[1], base, new)
                elif reason := why_not_times(pair, base, new):
                    yield _finding(pair, base, new, reason=reason)
                elif paired := in_turn(base.draws[0], new.draws[0]):
                    yield _finding(pair, base, new, of_pairs(paired, gate(cell), tests))
                elif (before := _judgeable(base)) and (now := _judgeable(new)):
                    apart.append((pair, before, now))
                else:
                    yield replace(_finding(pair, base, new, reason=TOO_FEW), verdict="inconclusive", decide=MORE_ROUNDS)
        gates = [gate(new.cell) for (_, new), _, _ in apart]
        judged = of_apart([(base, new) for _, base, new in apart], gates, tests)
        for (pair, base, new), evidence in zip(apart, judged, strict=True):
            yield replace(_finding(pair, base, new, evidence), bare=bare_change(base, new, evidence))

    def corrected(self, found: Sequence[Known]) -> list[float]:
        """As `Metric.corrected`; cells that share a measurement count as one test."""
        return of_measurements(found)

    def followed(self, entry: Entry) -> Iterator[Followed]:
        """The median of each step in milliseconds and, if possible, in units of the reference workload."""
        for times in entry.times:
            draw = times.draws[0]
            if draw.few is not None:
                continue
            if draw.normalised is not None:
                yield Followed(f"{times.name}, normalised", "", draw.normalised, of_step=True)
            yield Followed(times.name, UNIT, draw.median * MS, of_step=True)


def _asked(pair: Pair) -> bool:
    """Whether both sides ask for step times, and no failure says why there are none. A search has no step to time."""
    cells = [entry.cell for entry in pair if entry.cell.timing and not entry.failure]
    return len(cells) == len(pair) and not any(cell.strategy.args.get("solver") == "neighbours" for cell in cells)


def steps(pair: Pair) -> Iterator[tuple[Times | None, Times | None]]:
    """The steps of both sides (base, new): those of the new side, then those that only the base has."""
    base, new = ({(times.step, times.batch_size): times for times in entry.times} for entry in pair)
    yield from ((base.get(key), times) for key, times in new.items())
    yield from ((base[key], None) for key in sorted(base.keys() - new.keys()))


def of_one_side(entry: Entry, base: Times | None, new: Times | None) -> Finding:
    """The finding for a step that one side lacks; `entry` is that of the new side."""
    if new is not None:
        return Finding(entry.cell, new.name, UNIT, verdict="new", reason="the base has no such time")
    assert base is not None
    if not entry.times and not entry.failure:  # the cell is there, and was not timed
        return Finding(entry.cell, base.name, UNIT, _number(base), reason=NO_TIMES)
    return Finding(entry.cell, base.name, verdict="missing", reason=entry.failure or "the new side has no such time")


def _finding(pair: Pair, base: Times, new: Times, evidence: Evidence | None = None, reason: str = "") -> Finding:
    numbers = (_number(base), _number(new))
    if None in numbers:  # a base alone would mean that the new side lacks the time
        numbers = (None, None)
    return Finding(pair[1].cell, new.name, UNIT, *numbers, evidence=evidence, reason=reason)


def _number(times: Times) -> float | None:
    """The median of the newest run in milliseconds; None if it has too few steps for a number."""
    newest = times.draws[0]
    return newest.median * MS if newest.few is None else None


def why_not_times(pair: Pair, base: Times, new: Times) -> str:
    """Why two times of a step cannot be compared; empty if they can."""
    machines = [entry.steps_machine for entry in pair]
    if machines[0] != machines[1]:
        keys = sorted({*machines[0], *machines[1]})
        changed = [PARTS.get(key, key) for key in keys if machines[0].get(key) != machines[1].get(key)]
        return f"taken on another machine (different {listed(changed)})"
    base_conditions, new_conditions = conditions(base), conditions(new)
    changed = [key.replace("_", " ") for key in base_conditions if base_conditions[key] != new_conditions[key]]
    if new.step == "training" and other_optimizer(*pair):
        changed.append("optimizer")
    if changed:
        return f"timed in another way (different {listed(changed)})"
    return other_stand_ins(*pair)


def log_gate(gate: float) -> float:
    """A relative gate as a logarithm of a ratio."""
    return math.log1p(gate)


def in_turn(base: Draw, new: Draw) -> tuple[tuple[float, ...], ...]:
    """The log ratios of rounds that were measured in turn, by process; empty if they were not."""
    if base.session is None or base.session != new.session:
        return ()
    return tuple(
        tuple(math.log(new_round / base_round) for base_round, new_round in zip(*process, strict=False))
        for process in zip(base.rounds, new.rounds, strict=False)
    )


def of_pairs(processes: Sequence[Sequence[float]], gate: float, tests: int) -> Evidence:
    """The evidence from rounds that were measured in turn.

    Two tests must agree. In the signed-rank test rounds are the draws, which may be correlated. In the test over
    processes, which also gives the effect and its interval, processes are the draws. In addition all medians must lie
    on the same side, beyond half the gate.

    With few, correlated rounds ranks hardly become significant, however large the effect. So a part of the level goes
    to a t-test of the processes' medians, with a variance moderated by `KNOWN`.

    Level and interval count the looks at the data, so that they hold however long measuring goes on.

    Args:
        processes: the log ratios of the rounds of each process.
        gate: the gate as a fraction.
        tests: the number of tests that share the level.
    """
    limit, timed = log_gate(gate), [process for process in processes if process]
    ranks = correlated_signed_rank(timed)
    more, enough = pairs_needed(timed, ranks, limit, tests)
    decide = f"{more} more rounds" if more and enough else "more processes a side"
    if not limit and not ranks.estimate:
        decide = GATE_OF_NOTHING
    if not any(map(any, timed)):  # both sides are one measurement
        return of_shift(ranks, limit, decide)
    if len(timed) < FEWEST_PROCESSES or ranks.low is None or ranks.high is None:
        premature = ONE_PROCESS if len(timed) < FEWEST_PROCESSES else TOO_FEW
        unknown = of_shift(Shift(ranks.estimate, None, None, 1.0), limit, decide, more=more)
        return replace(unknown, premature=premature)
    medians = [median(process) for process in timed]
    share = share_of_look(len(timed))
    shift = over_processes(timed, deviation(ranks, sum(map(len, timed))), OFFSETS, 1 - (1 - CONFIDENCE) * share)
    sign = math.copysign(1.0, shift.estimate)
    agreed = DISAGREE if any(sign * middle <= limit / 2 for middle in medians) else ""
    p = max(shift.p, min(ranks.p / (1 - LARGE), of_medians(medians) / LARGE))
    return of_shift(replace(shift, p=min(1.0, p / share)), limit, decide, agreed, more)


def share_of_look(processes: int) -> float:
    """The share of the level for the look at so many processes: as 1 / k^2, which sums to 1 from the second look on."""
    return 1 / (processes**2 * (math.pi**2 / 6 - 1))


def deviation(shift: Shift, count: int) -> float:
    """The deviation of a round, from the interval of 95 % that `count` of them gave, correlation included."""
    assert shift.low is not None
    assert shift.high is not None
    return (shift.high - shift.low) / 2 / NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * math.sqrt(count)


def of_medians(middles: Sequence[float]) -> float:
    """The p-value of a moderated t-test of no change, from one log ratio per process; 1 with a single process."""
    if len(middles) < FEWEST_PROCESSES:
        return 1.0
    likely = shrunk(spread(middles), Spread(2 * KNOWN.variance, KNOWN.freedom))
    return difference(0.0, fmean(middles), Spread(likely.variance / len(middles), likely.freedom)).p


def pairs_needed(processes: Sequence[Sequence[float]], shift: Shift, limit: float, tests: int) -> tuple[int, bool]:
    """The pairs of rounds to take in one more process, and whether they decide.

    They do with 95 % power, if effect and variances are as they seem. At least as many as the test of ranks needs to be
    able to become significant.

    Args:
        processes: the log ratios of the rounds of each process so far.
        shift: the shift in all of these rounds.
        limit: the gate as a logarithm.
        tests: the number of tests that share the level.
    """
    count, least = sum(map(len, processes)), _least(max(tests, 1))
    if shift.low is None or shift.high is None:
        return least, True
    distance = max(abs(abs(shift.estimate) - limit), limit / 4)
    if distance == 0:  # no change at all, and a gate of 0: an interval never shrinks to a point
        return 0, False
    z, share = NormalDist().inv_cdf, share_of_look(len(processes) + 1)
    if abs(shift.estimate) > limit:
        sure = z(1 - share * LEVEL / 2 / max(tests, 1)) + POWER
        wanted = min(abs(shift.estimate) / sure, distance / POWER)
    else:
        wanted, least = distance / (z(1 - share * (1 - CONFIDENCE) / 2) + POWER), 0
    further = next_process(processes, deviation(shift, count), OFFSETS, wanted**2 / MARGIN)
    return math.ceil(max(further.rounds, least - count) / 10) * 10, further.enough


@lru_cache
def _least(tests: int) -> int:
    return signed_rank_pairs(LEVEL, tests)


def of_apart(measured: Sequence[tuple[Times, Times]], gates: Sequence[float], tests: int) -> list[Evidence]:
    """The evidence from runs at different times, each of which counts as one measurement.

    A change counts only if both the times and the times relative to the reference workload show it, because the machine
    may have been slower, or the reference workload disturbed.

    Args:
        measured: base and new of each step.
        gates: the gate of each step as a fraction.
        tests: the number of tests that share the level.
    """
    raw = [runs.Runs(*(tuple(draw.median for draw in side.draws) for side in step)) for step in measured]
    relative = [relative_to_reference(*step) for step in measured]
    of_relative = iter(runs.shifts([cell for cell in relative if cell], KNOWN))
    judged = []
    for step, cell, shift, other, gate in zip(measured, raw, runs.shifts(raw, KNOWN), relative, gates, strict=True):
        seen = common_to(shift, next(of_relative)) if other else shift
        seen = widened(seen, 1 + uncertain(*step) / (KNOWN.variance * cell.share))
        judged.append(runs.evidence(seen, cell, KNOWN, log_gate(gate), LEVEL, tests, IN_TURN))
    return judged


def relative_to_reference(base: Times, new: Times) -> runs.Runs | None:
    """The times in units of the reference workload; None if a run lacks them."""
    sides = [[draw.normalised for draw in times.draws if draw.normalised is not None] for times in (base, new)]
    if [len(side) for side in sides] != [len(base.draws), len(new.draws)]:
        return None
    return runs.Runs(*map(tuple, sides))


def bare_change(base: Times, new: Times, evidence: Evidence) -> float | None:
    """The relative change of the times themselves; None if the evidence is about nothing else."""
    before, now = (fmean(math.log(draw.median) for draw in times.draws) for times in (base, new))
    change = now - before
    return None if math.isclose(change, evidence.effect, abs_tol=5e-4) else math.expm1(change)


def common_to(first: Shift, second: Shift) -> Shift:
    """What both shifts agree on: the smaller estimate, the hull of both intervals, and the larger p-value."""
    ends = [end for shift in (first, second) for end in (shift.low, shift.high) if end is not None]
    p = max(first.p, second.p) if first.estimate * second.estimate > 0 else 1.0
    return Shift(min(first.estimate, second.estimate, key=abs), min(ends), max(ends), p)


def uncertain(base: Times, new: Times) -> float:
    """The variance of the log ratio due to the rounds within a run, for sides with a single run.

    With several runs, this variance is part of the variance between them.
    """
    widths = [math.log(draw.high / draw.low) for draw in _alone(base, new) if draw.low and draw.high]
    return sum((width / 2 / NormalDist().inv_cdf(0.975)) ** 2 for width in widths)


def _judgeable(times: Times) -> Times | None:
    """The times with only those runs that have enough steps for a number; None if they cannot be judged then.

    The noise of a single run is that of its rounds, the noise of several runs is that between them.
    """
    draws = tuple(draw for draw in times.draws if draw.few is None)
    if not draws or (len(draws) == 1 and (draws[0].low is None or draws[0].high is None)):
        return None
    return times.model_copy(update={"draws": draws})


def _alone(*sides: Times) -> list[Draw]:
    """The runs of those sides that have only one."""
    return [times.draws[0] for times in sides if len(times.draws) == 1]

"""The metric of memory: does a cell need more memory than before? Pure.

It judges the memory that a user's process would take: the anonymous memory of the process that timed a step of the
whole model, above what it had before the model was built. If that is unknown on a side, it judges the peak of the
process that trained the cell, including the framework and mapped files. Both are one number per run. Allocators and
threads add noise: a few percent on identical code, and sometimes much more (docs/methodology.md). A single run per side
is judged by that known noise; several runs add their own estimate.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tlbench.regression.entries import Entry, Times, conditions
from tlbench.regression.matching import ANOTHER_WAY, other_optimizer, other_stand_ins, trained_in_another_way
from tlbench.regression.metrics.base import (
    ELSEWHERE,
    NOT_AGAIN,
    Finding,
    Followed,
    Gate,
    Known,
    Metric,
    Pair,
    of_measurements,
)
from tlbench.regression.runs import Runs, evidence, shifts
from tlbench.regression.verdicts import Evidence
from tlbench.statistics.moderated import Spread
from tlbench.statistics.ranks import Shift

PEAK, UNIT, MIB = "peak memory", "MiB", 2**20
KNOWN = Spread((math.log(1.05) / 1.96) ** 2 / 2, 10)
"""The variance of the logarithm of a run's memory: 95 % of pairs of runs of identical code are within 5 %."""
OTHERWISE = "measured in another way"
CALLED = {"features, kept from earlier": "cached features"}
"""What a process trained on, as `tlbench history` calls it, where records call it otherwise."""
STRAY = 1.3
"""About one process in fifty takes up to this many times the memory of another (docs/methodology.md)."""
ONE = f"one process in fifty takes up to {STRAY - 1:.0%} more, and a side has only one"


@dataclass(frozen=True)
class Taken:
    """The memory of a cell on both sides in bytes, one number per run, the newest first.

    Attributes:
        name: what was measured.
        base: the memory in the base.
        new: the memory on the new side.
        reason: why it is not judged; empty if it is.
    """

    name: str
    base: tuple[int, ...]
    new: tuple[int, ...]
    reason: str


class MemoryMetric(Metric):
    """The memory of a step of the whole model, or else the peak of the process that trained the cell."""

    name = "memory"
    summary = "memory of a step on the whole model, or else peak of the process that trained the cell"
    gate = 0.10
    machine_bound = True

    def compare(self, pairs: Sequence[Pair], gate: Gate, tests: int) -> Iterator[Finding]:
        """As `Metric.compare`, with one finding per cell."""
        found = []
        for base, new in pairs:
            taken = of_step(base, new) or of_process(base, new)
            if taken:
                found.append((new.cell, taken))
            else:
                yield from _of_base_alone(base, new)
        cells = [Runs(taken.base, taken.new) for _, taken in found if not taken.reason]
        judged = iter(zip(cells, shifts(cells, KNOWN), strict=True))
        for cell, taken in found:
            shown = (taken.base[0] / MIB, taken.new[0] / MIB)
            if taken.reason:
                yield Finding(cell, taken.name, UNIT, *shown, reason=taken.reason)
                continue
            runs, shift = next(judged)
            known = of_memory(runs, shift, math.log1p(gate(cell)), self.level, tests)
            yield Finding(cell, taken.name, UNIT, *shown, evidence=known)

    def corrected(self, found: Sequence[Known]) -> list[float]:
        """As `Metric.corrected`; cells that share a measurement count as one test."""
        return of_measurements(found)

    def followed(self, entry: Entry) -> Iterator[Followed]:
        """The memory in the newest run, under a name that says what it depends on besides the cell."""
        step = _heaviest(entry)
        if step is not None and step.draws[0].memory is not None:
            name = f"{_name(step)}, batch {step.batch_size}"
            yield Followed(name, UNIT, step.draws[0].memory / MIB, of_step=True)
        elif entry.memory:
            on = CALLED.get(entry.trained_on or "", entry.trained_on)
            name = f"{PEAK}, training on {on}" if on else PEAK
            yield Followed(name, UNIT, entry.memory[0] / MIB)

    def written(self, value: float) -> str:
        """Format a number of MiB, without decimals."""
        return f"{value:.0f}"


def of_memory(runs: Runs, shift: Shift, gate: float, level: float, tests: int) -> Evidence:
    """As `runs.evidence`, but a small shift does not count if a side has a single process."""
    found = evidence(shift, runs, KNOWN, gate, level, tests)
    if min(len(runs.base), len(runs.new)) > 1 or abs(shift.estimate) >= math.log(STRAY):
        return found
    return replace(found, agreed=ONE, decide="2 runs a side" if abs(shift.estimate) > gate else found.decide)


def of_step(base: Entry, new: Entry) -> Taken | None:
    """The memory of the heaviest step; None unless both sides measured it in the same way."""
    step = _heaviest(new)
    same = [each for each in base.times if step and conditions(each) == conditions(step)]
    if step is None or not same:
        return None
    before, after = _of_draws(same[0]), _of_draws(step)
    reason = _elsewhere(base, new, base.steps_machine == new.steps_machine)
    if not reason and step.step == "training" and other_optimizer(base, new):
        reason = "timed with another optimizer"
    return Taken(_name(step), before, after, reason) if before and after else None


def of_process(base: Entry, new: Entry) -> Taken | None:
    """The peak memory of the processes that trained the cell; None unless both sides have it."""
    if not base.memory or not new.memory:
        return None
    reason = _elsewhere(base, new, base.machine == new.machine)
    if not reason and base.trained_on != new.trained_on:
        reason = f"the base trained on {base.trained_on or 'what is not known'}, the new side on {new.trained_on}"
    if not reason and trained_in_another_way(base, new):
        reason = ANOTHER_WAY
    return Taken(PEAK, base.memory, new.memory, reason)


def _of_base_alone(base: Entry, new: Entry) -> Iterator[Finding]:
    """The finding for memory of the base that the new side has not measured, or in another way; none without any."""
    (name, taken, machine), (_, now, here) = (_measured(entry) for entry in (base, new))
    if not taken:
        return
    if now:
        yield Finding(new.cell, name, UNIT, reason=OTHERWISE)
    elif machine != here:
        yield Finding(new.cell, name, UNIT, reason=ELSEWHERE)
    else:
        yield Finding(new.cell, name, UNIT, taken[0] / MIB, reason=NOT_AGAIN)


def _measured(entry: Entry) -> tuple[str, tuple[int, ...], dict[str, str]]:
    """What an entry has: the name of the memory, its bytes by run (empty: unknown), and the machine."""
    step = _heaviest(entry)
    of_steps = _of_draws(step) if step else ()
    if step and of_steps:
        return _name(step), of_steps, entry.steps_machine
    return PEAK, entry.memory, entry.machine


def _heaviest(entry: Entry) -> Times | None:
    """The training step, or inference if nothing is trained."""
    steps = {times.step: times for times in reversed(entry.times)}
    return steps.get("training") or steps.get("inference")


def _of_draws(times: Times) -> tuple[int, ...]:
    return tuple(draw.memory for draw in times.draws if draw.memory)


def _name(times: Times) -> str:
    return f"memory of {'a training' if times.step == 'training' else 'an inference'} step"


def _elsewhere(base: Entry, new: Entry, same_machine: bool) -> str:
    return other_stand_ins(base, new) or ("" if same_machine else ELSEWHERE)

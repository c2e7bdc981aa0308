"""A side of a comparison, and its entries made from records. Pure."""

import hashlib
import json
from collections.abc import Sequence, Set
from statistics import median
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tlbench.core.selection import select
from tlbench.core.text import OneLine
from tlbench.core.value import Value
from tlbench.regression.entries import EXACT, STATE, Draw, Entry, Times, conditions, pack
from tlbench.regression.gates import Gates
from tlbench.regression.matching import match
from tlbench.regression.metrics.registry import METRICS
from tlbench.results.measured import Environment, StepTiming, Timings, changed_versions
from tlbench.results.record import Record

NOT_IDENTITY = ("python", "memory_gib")
"""Not part of a machine's identity: `ab` may vary Python on purpose, and the memory depends on container limits."""


class Side(Value):
    """A side of a comparison.

    Attributes:
        name: how messages name it.
        entries: its cells.
        kind: where it comes from: a run, several runs, or a baseline.
        suite: the name of its suite.
        created: when it was made.
        commit: the commit of the user's project.
        gates: the gates of its suite.
        planned: the number of cells of its suite; 0 if unknown.
        notes: sentences about which runs count, and what was left out.
        taken: the number of runs that count.
    """

    name: str
    entries: tuple[Entry, ...]
    kind: Literal["run", "runs", "baseline"] = "run"
    suite: str = ""
    created: str = ""
    commit: str | None = None
    gates: Gates = Gates()
    planned: int = 0
    notes: tuple[OneLine, ...] = ()
    taken: int = 1


def entry(record: Record, right: NDArray[np.bool_] | None) -> Entry:
    """The entry of a record; `right` are the answers to its test images, if they are known."""
    machine, timed_on = _machine(record.environment), _machine(record.where_timed)
    versions, timed_with = record.environment.software, record.where_timed.software
    memory, basis = record.memory, record.basis
    return Entry(
        cell=record.cell,
        status=record.status,
        measured=(_measured(record),),
        failure=f"{record.trouble.type}: {record.trouble.message}" if record.trouble else None,
        fallbacks=basis.stand_ins,
        machine=machine,
        versions=versions,
        variables=dict(record.environment.variables),
        timed_on=timed_on if timed_on != machine else {},
        timed_with=timed_with if timed_with != versions else {},
        data=basis.images or None,
        weights=basis.weights or None,
        counts={key: getattr(record.counts, key) for key in EXACT} if record.counts else {},
        state={key: getattr(memory, key) for key in STATE} if memory else {},
        correct=record.accuracy.correct if record.accuracy else None,
        images=record.accuracy.images if record.accuracy else None,
        right=None if right is None else pack(right),
        memory=(memory.peak,) if memory and memory.peak else (),
        trained_on=_trained_on(record),
        times=tuple(_times(record.timings, step) for step in record.timings.steps) if record.timings else (),
        extra=_extra(record) if record.status == "ok" else {},
    )


def _trained_on(record: Record) -> str | None:
    """What the cell was trained on. Its peak memory depends on it: a pass that computes features takes more."""
    if record.path is None:
        return None
    if record.path.whole:
        return "images"
    told = record.memory.features if record.memory else None
    computed = bool(record.path.computed) if told is None else told
    return "features" if computed else "features, kept from earlier"


def _measured(record: Record) -> str:
    """Identifies a training: its cell, when it began and ended, and how long its phases took."""
    made = (record.cell_id, record.provenance.started, record.provenance.finished, sorted(record.phases.items()))
    return hashlib.sha256(json.dumps(made).encode()).hexdigest()[:16]


def _machine(environment: Environment) -> dict[str, str]:
    return {key: value for key, value in environment.identity.items() if key not in NOT_IDENTITY}


def _extra(record: Record) -> dict[str, dict[str, tuple[float, ...]]]:
    numbers = {name: metric.of_record(record) for name, metric in METRICS.items()}
    return {name: {key: (value,) for key, value in kept.items()} for name, kept in numbers.items() if kept}


def _times(timings: Timings, step: StepTiming) -> Times:
    rounds, begin = [], 0
    for count in step.draws or (len(step.rounds),):
        rounds.append(step.rounds[begin : begin + count])
        begin += count
    draw = Draw(
        median=step.median,
        low=step.low,
        high=step.high,
        normalised=step.normalised,
        stable=step.stable,
        memory=step.memory,
        few=None if step.has_number else len(step.samples),
        session=step.session,
        rounds=tuple(tuple(median(samples) for samples in process) for process in rounds),
    )
    return Times(
        step=step.step,
        batch_size=step.batch_size,
        protocol=timings.protocol,
        device=timings.device_name,
        jit=timings.jit,
        threads=timings.threads,
        draws=(draw,),
    )


def merged(entries: Sequence[Entry]) -> Entry:
    """Merge the entries of a cell from several runs, the newest first, into one with a measurement per run.

    Runs on another machine or with other software, images or weights than the newest are left out, and so is the
    memory of processes that trained on something else.
    """
    newest = entries[0]
    alike = [entry for entry in entries if not unlike(entry, newest)]
    return newest.model_copy(
        update={
            "measured": tuple(each for entry in alike for each in entry.measured),
            "times": tuple(_all_draws(times, alike) for times in newest.times),
            "memory": tuple(peak for entry in alike if entry.trained_on == newest.trained_on for peak in entry.memory),
            "extra": {
                metric: {key: _all_kept(metric, key, alike) for key in kept} for metric, kept in newest.extra.items()
            },
        }
    )


def unlike(entry: Entry, newest: Entry) -> list[str]:
    """In what an entry differs from the newest of its cell so that it is not merged with it; empty where it is."""
    outcome = ["outcome"] if entry.status != newest.status else []
    machines = ((entry.machine, newest.machine), (entry.steps_machine, newest.steps_machine))
    machine = ["machine"] if any(old != new for old, new in machines) else []
    both = ((entry.versions, newest.versions), (entry.steps_versions, newest.steps_versions))
    versions = ["versions"] if any(changed_versions(old, new) for old, new in both) else []
    return [*outcome, *machine, *entry.basis.apart(newest.basis), *versions]


def _all_draws(times: Times, entries: Sequence[Entry]) -> Times:
    same = [each for entry in entries for each in entry.times if conditions(each) == conditions(times)]
    return times.model_copy(update={"draws": tuple(draw for each in same for draw in each.draws)})


def _all_kept(metric: str, key: str, entries: Sequence[Entry]) -> tuple[float, ...]:
    return tuple(value for entry in entries for value in entry.extra.get(metric, {}).get(key, ()))


def selected(base: Side, new: Side, expression: str) -> tuple[Side, Side]:
    """Both sides with the cells that `expression` selects, as `tlbench run --select` does.

    A cell of `base` that is selected and has no counterpart in `new` stays, and so counts as missing. One that has a
    counterpart is there with it, even if it is trained in another way.

    Raises:
        NothingSelectedError: no cell of either side matches all terms.
        UserError: the expression has a mistake, or one of its patterns matches no cell.
    """
    cells = {entry.cell.id: entry.cell for entry in (*base.entries, *new.entries)}
    chosen = {cell.id for cell in select([*cells.values()], expression)}
    couples = match(base.entries, new.entries)
    ids = [{entry.cell.id for entry in (couple.base, couple.new) if entry} for couple in couples]
    kept = set().union(*(each for each in ids if each & chosen))
    return with_cells(base, kept), with_cells(new, kept)


def with_cells(side: Side, ids: Set[str]) -> Side:
    """The side with these cells alone."""
    return side.model_copy(update={"entries": tuple(one for one in side.entries if one.cell.id in ids)})

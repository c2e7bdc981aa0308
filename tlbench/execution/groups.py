"""Put jobs into groups that share a model, in an order in which shared work is done once. Pure."""

import json
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from tlbench.core.cell import Head, Named
from tlbench.execution.job import Group, Job, Keep
from tlbench.strategies import registry as strategies

Item = TypeVar("Item")

OF_EACH_CELL = {"epochs", "learning_rate", "early_stopping", "reduce_lr", "schedule", "warmup", "tune"}
"""Settings of training that no model is compiled with."""


def grouped(jobs: Sequence[Job], keep: Keep | None) -> list[Group]:
    """Every job in one group.

    Groups that need features of the same images from the same fixed layers follow each other, and each knows the cuts
    of the others, so that whichever comes first computes for all. Otherwise the order of `jobs` stays.
    """
    found = []
    for alike in _by(jobs, features_key):
        for members in _by(alike, structure_key):
            found.append(Group(tuple(members), keep and replace(keep, others=_cuts(members[0], alike))))
    return found


def in_turns(groups: Sequence[Group]) -> list[Group]:
    """The order for several workers: first one group of each that share features, then the second ones, and so on.

    Groups that share features may run side by side, but one of them waits while the other computes them.
    """
    alike = chains(groups)
    return [chain[place] for place in range(max(map(len, alike), default=0)) for chain in alike if place < len(chain)]


def chains(groups: Sequence[Group]) -> list[list[Group]]:
    """Groups by the features they need, in order."""
    return _by(groups, lambda group: features_key(group.jobs[0]))


def features_key(job: Job) -> Hashable:
    """Equal for jobs whose fixed layers, wherever they end, make the same features of the same images."""
    if job.cell.kind == "original":
        return job.cell.id
    return (job.data.fingerprint if job.data else None, *_fixed(job))


def structure_key(job: Job) -> Hashable:
    """Equal for jobs that one built, compiled and traced model serves."""
    cell = job.cell
    if cell.kind == "original":
        return cell.id
    train = cell.training.model_dump_json(exclude=OF_EACH_CELL)
    structure = strategies.make(cell.strategy.name, cell.strategy.args).structure(cell.training)
    return (features_key(job), cell.strategy.label, cell.head.model_dump_json(), train, structure)


def _fixed(job: Job) -> tuple[Hashable, ...]:
    cell = job.cell
    start = job.weights.sha256 if job.weights.source != "random" else cell.seed
    kind = (cell.image_size, cell.resize, cell.precision, cell.backend, cell.jit)
    return (cell.backbone.name, json.dumps(cell.backbone.args, sort_keys=True), start, *kind)


def _cuts(own: Job, jobs: Sequence[Job]) -> tuple[tuple[Named, Head], ...]:
    cuts: list[tuple[Named, Head]] = []
    for job in jobs:
        cut = (job.cell.strategy, job.cell.head)
        if (
            job.cell.train
            and not job.cell.train.changes_images
            and cut != (own.cell.strategy, own.cell.head)
            and cut not in cuts
        ):
            cuts.append(cut)
    return tuple(cuts)


def _by(items: Iterable[Item], key: Callable[[Item], Hashable]) -> list[list[Item]]:
    found: dict[Hashable, list[Item]] = {}
    for item in items:
        found.setdefault(key(item), []).append(item)
    return list(found.values())

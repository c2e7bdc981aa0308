"""Group jobs that can share a model, and order the groups so that shared work is done once. Pure."""

import json
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from tlbench.core.cell import Head, Named
from tlbench.execution.job import Group, Job, Keep
from tlbench.strategies import registry as strategies

Item = TypeVar("Item")

NOT_COMPILED = {"epochs", "learning_rate", "early_stopping", "reduce_lr", "schedule", "warmup", "tune"}
"""Settings of training that are not compiled into a model."""


def grouped(jobs: Sequence[Job], keep: Keep | None) -> list[Group]:
    """Partition the jobs into groups that share a model.

    Groups that need features of the same images from the same frozen layers are adjacent, and each knows the cuts of
    the others, so that the first one computes the features for all. Apart from that the order of `jobs` is kept.
    """
    groups = []
    for sharing_features in _by(jobs, features_key):
        for members in _by(sharing_features, structure_key):
            groups.append(Group(tuple(members), keep and replace(keep, others=_cuts(members[0], sharing_features))))
    return groups


def in_turns(groups: Sequence[Group]) -> list[Group]:
    """The order for several workers: the first group of each chain, then the second of each, and so on.

    Groups of a chain may run side by side, but then one of them waits while another computes the shared features.
    """
    all_chains = chains(groups)
    longest = max(map(len, all_chains), default=0)
    return [chain[index] for index in range(longest) for chain in all_chains if index < len(chain)]


def chains(groups: Sequence[Group]) -> list[list[Group]]:
    """The groups by the features that they share, in order."""
    return _by(groups, lambda group: features_key(group.jobs[0]))


def features_key(job: Job) -> Hashable:
    """A key that is the same for jobs whose frozen layers compute the same features of the same images."""
    if job.cell.kind == "original":
        return job.cell.id
    return (job.data.fingerprint if job.data else None, *_fixed(job))


def structure_key(job: Job) -> Hashable:
    """A key that is the same for jobs that can share one built, compiled and traced model."""
    cell = job.cell
    if cell.kind == "original":
        return cell.id
    train = cell.training.model_dump_json(exclude=NOT_COMPILED)
    structure = strategies.make(cell.strategy.name, cell.strategy.args).structure(cell.training)
    return (features_key(job), cell.strategy.label, cell.head.model_dump_json(), train, structure)


def _fixed(job: Job) -> tuple[Hashable, ...]:
    cell = job.cell
    start = job.weights.sha256 if job.weights.source != "random" else cell.seed
    kind = (cell.image_size, cell.resize, cell.precision, cell.backend, cell.jit)
    return (cell.backbone.name, json.dumps(cell.backbone.args, sort_keys=True), start, *kind)


def _cuts(own: Job, jobs: Sequence[Job]) -> tuple[tuple[Named, Head], ...]:
    """The other cuts among the jobs, by strategy and head, whose features can be cached."""
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

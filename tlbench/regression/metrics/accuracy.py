"""The metric of accuracy: is a model less accurate than before?

The seed of a training affects many images at once, so that test images are not independent, and accuracies are compared
over several seeds; docs/methodology.md says why. Effects in evidence are base minus new, so that more is worse as for
times. Pure.
"""

import math
from collections.abc import Iterator, Sequence
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from tlbench.core.cell import Cell
from tlbench.core.text import percent
from tlbench.regression.entries import Entry, unpack
from tlbench.regression.matching import ANOTHER_WAY, other_stand_ins, trained_in_another_way
from tlbench.regression.metrics.base import NOT_AGAIN, Finding, Followed, Gate, Metric, Pair, of_shift
from tlbench.regression.verdicts import Evidence
from tlbench.statistics.classification import mcnemar
from tlbench.statistics.paired import Z, paired_interval, two_proportions
from tlbench.statistics.ranks import Shift
from tlbench.statistics.trainings import FEWEST_SEEDS, Trainings, compare, of_accuracies, of_answers

NAME = "accuracy"
LEVEL = 0.05
"""The chance of any false alarm over a suite's accuracies."""
ONE_TRAINING = "one training a side is shown, not judged"
MORE_SEEDS = f"at least {FEWEST_SEEDS} seeds a side, better {FEWEST_SEEDS + 1}"
Answers = NDArray[np.bool_]
"""For each test image (N,), whether it was predicted correctly."""


class AccuracyMetric(Metric):
    """Top-1 accuracy on the test split, over all seeds of a cell."""

    name = "accuracy"
    summary = "top-1 accuracy on the test set, all seeds of a cell together"
    scale = "points"
    better = "more"
    gate = 0.02
    level = LEVEL
    repeats = False

    def block(self, cell: Cell) -> str:
        """Cells that differ only in the seed are compared together."""
        return cell.apart_from("seed")

    def compare(self, pairs: Sequence[Pair], gate: Gate, tests: int) -> Iterator[Finding]:
        """As `Metric.compare`, with one finding per block: the mean over seeds with an accuracy on both sides.

        A cell whose accuracy the new side lacks has a finding of its own. Accuracies that cannot be compared are shown.
        """
        for base, new in pairs:
            if base.images and not new.images:
                yield Finding(new.cell, NAME, base=(base.correct or 0) / base.images, reason=NOT_AGAIN)
        blocks = self.blocks([(base, new) for base, new in pairs if base.images and new.images])
        trained: list[Sequence[Pair]] = []
        for block in blocks:
            cell, seeds = block[0][1].cell, len(block)
            reason = next(filter(None, (why_not_accuracy(base, new) for base, new in block)), "")
            if reason:
                before, now = (_mean([pair[side] for pair in block]) for side in (0, 1))
                yield Finding(cell, NAME, base=before, new=now, reason=reason, seeds=seeds)
            elif deterministic(cell):
                yield of_images(block[0], gate(cell), seeds)
            elif seeds < FEWEST_SEEDS:
                yield shown(block)
            else:
                trained.append(block)
        yield from of_seeds(trained, gate)

    def followed(self, entry: Entry) -> Iterator[Followed]:
        """The accuracy in percent."""
        if entry.images and entry.correct is not None:
            yield Followed(NAME, "%", 100 * entry.correct / entry.images)

    def written(self, value: float) -> str:
        """Format an accuracy: ``93.0%``."""
        return percent(value)


GATE_OF_NOTHING = "a gate above 0 %, since no number of trainings shows that nothing at all was lost"


def why_not_accuracy(base: Entry, new: Entry) -> str:
    """Why two accuracies cannot be compared; empty if they can."""
    reason = other_stand_ins(base, new)
    if reason:
        return reason
    if base.data != new.data or base.images != new.images:
        return _other_images(base, new)
    if base.weights != new.weights:
        return "started from other weights"
    if base.cell.recipe != new.cell.recipe:
        return f"trained by another recipe (edition {base.cell.recipe} in the base, {new.cell.recipe} now)"
    if trained_in_another_way(base, new):
        return ANOTHER_WAY
    return ""


def _other_images(base: Entry, new: Entry) -> str:
    """What is known of how the images differ: their numbers, if the cells say that they do."""
    before, now = base.cell.limit.model_dump(), new.cell.limit.model_dump()
    told = [f"{split} {before[split] or 'all'} → {now[split] or 'all'}" for split in now if before[split] != now[split]]
    return "trained or tested on other images" + (f" (a class: {', '.join(told)})" if told else "")


def deterministic(cell: Cell) -> bool:
    """Whether the accuracy of a cell does not depend on the seed: nothing is trained, or a head is solved on features
    of weights that are not random.
    """
    return cell.train is None or (cell.train.epochs == 0 and cell.weights != "random")


def _mean(entries: Sequence[Entry]) -> float:
    """The mean accuracy of entries, which may have been tested on different numbers of images."""
    return fmean((entry.correct or 0) / (entry.images or 1) for entry in entries)


def shown(block: Sequence[Pair]) -> Finding:
    """The finding for too few trainings, which are shown but not judged."""
    base, new = (trainings(block, side).accuracies.mean() for side in (0, 1))
    return Finding(
        block[0][1].cell,
        NAME,
        base=float(base),
        new=float(new),
        verdict="inconclusive",
        reason=ONE_TRAINING,
        decide=MORE_SEEDS,
        effect=float(new - base),
        seeds=len(block),
    )


def of_seeds(blocks: Sequence[Sequence[Pair]], gate: Gate) -> Iterator[Finding]:
    """Compare base and new over the seeds of each block; all blocks help to estimate the variance between seeds.

    The test images are treated as fixed: they are the same on both sides, and unchanged code gives the same answers.
    """
    sides = [trainings(block, side) for block in blocks for side in (0, 1)]
    compared = compare(sides, [(2 * number, 2 * number + 1) for number in range(len(blocks))], images="fixed")
    for number, (block, shift) in enumerate(zip(blocks, compared, strict=True)):
        assert shift is not None  # every block has seeds enough
        cell, seeds = block[0][1].cell, len(block)
        limit = gate(cell)
        lost = Shift(
            -shift.estimate,
            None if shift.high is None else -shift.high,
            None if shift.low is None else -shift.low,
            shift.p,
        )
        base, new = (float(side.accuracies.mean()) for side in sides[2 * number : 2 * number + 2])
        decide = f"about {seeds_needed(lost, seeds, limit)} seeds a side" if limit or lost.estimate else GATE_OF_NOTHING
        evidence = of_shift(lost, limit, decide)
        yield Finding(cell, NAME, base=base, new=new, evidence=evidence, reason="seeds", seeds=seeds)


def trainings(block: Sequence[Pair], side: int) -> Trainings:
    """The trainings of one side (0: base, 1: new), with their answers if all of them are known."""
    entries = [pair[side] for pair in block]
    kept = [each for each in map(answers, entries) if each is not None]
    images = entries[0].images or 0
    if len(kept) == len(entries):
        return of_answers(np.stack(kept, axis=1))
    return of_accuracies([(entry.correct or 0) / (entry.images or 1) for entry in entries], images)


def answers(entry: Entry) -> Answers | None:
    """The answers to the test images, if they are known."""
    return unpack(entry.right, entry.images) if entry.right is not None and entry.images else None


def seeds_needed(shift: Shift, seeds: int, gate: float) -> int:
    """The seeds per side with which the interval would be narrow enough to decide."""
    if shift.low is None or shift.high is None:
        return FEWEST_SEEDS + 1
    distance = max(abs(abs(shift.estimate) - gate), gate / 4)
    return max(seeds + 1, math.ceil(seeds * ((shift.high - shift.low) / 2 / distance) ** 2))


def of_images(pair: Pair, gate: float, seeds: int) -> Finding:
    """Compare two deterministic models by their answers to each image or, if unknown, as two proportions."""
    base, new = pair
    before, after = answers(base), answers(new)
    shares = ((base.correct or 0) / (base.images or 1), (new.correct or 0) / (new.images or 1))
    effect = shares[0] - shares[1]
    if before is None or after is None:
        low, high, p = two_proportions((base.correct or 0, base.images or 0), (new.correct or 0, new.images or 0))
        decide = "keep the predictions of both runs: answers to the same images tell more than counts do"
        method, known = "two proportions", Evidence(effect, -high, -low, p, gate, "", decide)
    else:
        lost = before.astype(int) - after.astype(int)
        low, high = paired_interval(lost) if lost.any() else (0.0, 0.0)  # nothing changed at all
        p = mcnemar(int((lost > 0).sum()), int((lost < 0).sum()))
        decide = f"about {images_needed(lost, effect, gate)} test images" if gate or effect else GATE_OF_NOTHING
        method, known = "McNemar", Evidence(effect, low, high, p, gate, "", decide)
    return Finding(new.cell, NAME, "", *shares, evidence=known, reason=method, seeds=seeds)


def images_needed(lost: NDArray[np.integer], effect: float, gate: float) -> int:
    """The test images with which the interval would be narrow enough; `lost` (N,): base minus new of each image."""
    deviation = math.sqrt(float((lost**2).sum() + 1) / (len(lost) + 2))
    distance = max(abs(abs(effect) - gate), gate / 4)
    return math.ceil((Z * deviation / distance) ** 2 / 100) * 100

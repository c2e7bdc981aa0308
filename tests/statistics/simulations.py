"""Simulated suites, runs, rounds and series whose truth is known, and how often each method is right about them.

Tests run them with few draws, slow tests and benchmarks/statistics_rates.py with 1000 or more. Each is seeded.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from scipy import special

from tests.narrow import present
from tlbench.statistics.best import leads
from tlbench.statistics.bootstrap import Interval, Statistic, over_rounds, ratio
from tlbench.statistics.changepoints import changes_of_all
from tlbench.statistics.classification import mcnemar
from tlbench.statistics.drift import drift
from tlbench.statistics.intervals import wilson
from tlbench.statistics.moderated import Spread
from tlbench.statistics.multiple import holm
from tlbench.statistics.runs import of_runs
from tlbench.statistics.trainings import Images, Trainings, compare, of_answers


@dataclass(frozen=True)
class Rate:
    """So many of so many, in per cent with Wilson's 95 % interval."""

    hits: int
    trials: int

    @property
    def share(self) -> float:
        return self.hits / self.trials

    @property
    def low(self) -> float:
        return wilson(self.hits, self.trials)[0]

    @property
    def high(self) -> float:
        return wilson(self.hits, self.trials)[1]

    def __str__(self) -> str:
        return f"{100 * self.share:.1f} ({100 * self.low:.1f}–{100 * self.high:.1f})"


def rate(outcomes: Iterable[bool]) -> Rate:
    seen = list(outcomes)
    return Rate(sum(map(bool, seen)), len(seen))


# Trainings. An image is right where skill + ease of the image + noise of this training on this image > 0: ease and noise
# are normal, with deviations 2.2 and 1, so that two equally good trainings disagree on 11 % of the images (real ones: 6 to
# 21 %). A training's skill varies by what moves its accuracy by the spread that is asked for; with 1000 images the noise
# moves it by another 0.74 points.
ACCURACY, EASE = 0.85, 2.2
LEVEL, GATE, IMAGES = 0.05, 0.02, 1000


def trained(
    generator: np.random.Generator, ease: NDArray[np.float32], seeds: int, spread: NDArray[np.floating]
) -> NDArray[np.bool_]:
    """Answers (recipes, images, seeds) of recipes whose accuracies are equal and vary by `spread` (recipes,)."""
    whole = math.sqrt(1 + EASE**2)
    threshold = special.ndtri(ACCURACY)
    slope = math.exp(-(threshold**2) / 2) / math.sqrt(2 * math.pi) / whole
    skill = generator.standard_normal((len(spread), 1, seeds)) * spread[:, None, None] / slope
    chance: NDArray[np.float32] = special.ndtr(
        (threshold * whole + skill).astype(np.float32) + np.float32(EASE) * ease[..., None]
    )
    return generator.random(chance.shape, dtype=np.float32) < chance


def easy(generator: np.random.Generator, recipes: int, images: int) -> NDArray[np.float32]:
    return generator.standard_normal((recipes, images), dtype=np.float32)


def spreads(generator: np.random.Generator, spread: float, factor: float, cells: int) -> NDArray[np.floating]:
    """Spreads between spread / sqrt(factor) and spread * sqrt(factor), one a cell."""
    return spread * factor ** generator.uniform(-0.5, 0.5, cells)


def suites_of_trainings(
    suites: int,
    spread: float,
    seeds: int,
    cells: int = 24,
    factor: float = 1.0,
    losses: tuple[float, ...] = (),
    images: Images = "fixed",
    seed: int = 0,
    solved: int = 0,
) -> tuple[Rate, dict[float, Rate]]:
    """Suites with a false `regressed`, and those in which the first cell's loss is found, by loss.

    `regressed`: more than 2 points lower and significant at 5 % after Holm. A loss takes that share of all images from
    every training of the first cell's new side. solved: so many more cells without luck are tested, which are equal.
    """
    alarms = list[bool]()
    found: dict[float, list[bool]] = {loss: [] for loss in losses}
    for suite in range(suites):
        generator = np.random.default_rng([seed, suite])
        ease = np.repeat(easy(generator, cells, IMAGES), 2, axis=0)
        right = trained(generator, ease, seeds, np.repeat(spreads(generator, spread, factor, cells), 2))
        sides = [of_answers(answers) for answers in right]
        couples = [(2 * cell, 2 * cell + 1) for cell in range(cells)]

        def regressed(couples: list[tuple[int, int]] = couples, sides: list[Trainings] = sides) -> list[bool]:
            shifts = [present(shift) for shift in compare(sides, couples, images)]
            adjusted = holm([*(shift.p for shift in shifts), *[1.0] * solved])
            return [shift.estimate < -GATE and p < LEVEL for shift, p in zip(shifts, adjusted, strict=False)]

        alarms.append(any(regressed()))
        for loss in losses:
            kept = generator.random((IMAGES, 1)) >= loss / ACCURACY
            sides[1] = of_answers(right[1] & kept)
            found[loss].append(regressed()[0])
    return rate(alarms), {loss: rate(seen) for loss, seen in found.items()}


@dataclass(frozen=True)
class FalseBetter:
    """How often equally good recipes are told apart: the first two; by McNemar's test of one training each; any two of
    all, after Holm over all pairs."""

    two: Rate
    mcnemar: Rate
    any: Rate


def equal_recipes(
    runs: int, images: int, spread: float, seeds: int, recipes: int = 2, alike: bool = True, seed: int = 1
) -> FalseBetter:
    """`alike`: the recipes find the same images easy, as one recipe trained again does; else images of their own."""
    two, single, anything = [], [], []
    for run in range(runs):
        generator = np.random.default_rng([seed, run])
        ease = easy(generator, 1 if alike else recipes, images)
        right = trained(generator, np.broadcast_to(ease, (recipes, images)), seeds, np.full(recipes, spread))
        couples = [(one, other) for one in range(recipes) for other in range(one + 1, recipes)]
        shifts = [present(shift) for shift in compare([of_answers(answers) for answers in right], couples)]
        two.append(shifts[0].p < LEVEL)
        anything.append(min(holm([shift.p for shift in shifts])) < LEVEL)
        first, second = right[0, :, 0], right[1, :, 0]
        single.append(mcnemar(int((first & ~second).sum()), int((second & ~first).sum())) < LEVEL)
    return FalseBetter(rate(two), rate(single), rate(anything))


@dataclass(frozen=True)
class FalseWorse:
    """How often an equally good recipe with one seed is beaten by the one that leads: some recipe of a run, and each
    other one. By subset selection alone, and where `tlbench pairs` tells the models apart, too."""

    some_selected: Rate
    each_selected: Rate
    some_told: Rate
    each_told: Rate


def equal_with_one_seed(runs: int, recipes: int, spread: float = 0.013, seed: int = 8) -> FalseWorse:
    """Recipes of equal accuracy that find the same images easy, with one training each, on `IMAGES` test images."""
    selected, told = [], []
    couples = [(0, other) for other in range(1, recipes)]
    for run in range(runs):
        generator = np.random.default_rng([seed, run])
        ease = np.broadcast_to(easy(generator, 1, IMAGES), (recipes, IMAGES))
        right = trained(generator, ease, 1, np.full(recipes, spread))
        p_values = leads([of_answers(right[place]) for place in np.argsort(-right.mean(axis=(1, 2)))], couples)
        selected.append([p <= LEVEL / (recipes - 1) for p in p_values])
        told.append([p <= min(LEVEL / (recipes - 1), LEVEL / 2 / math.comb(recipes, 2)) for p in p_values])
    return FalseWorse(
        *(rate(seen) for outcomes in (selected, told) for seen in (map(any, outcomes), chain.from_iterable(outcomes)))
    )


# Runs a side: logarithms of times.
KNOWN = Spread((math.log(1.2) / 1.96 / math.sqrt(2)) ** 2, 10)
"""A pair of runs of identical code lies within 20 % in 95 of 100 cases."""
TIME_LEVEL, TIME_GATE = 0.01, math.log(1.05)


def suites_of_runs(
    suites: int,
    runs: int,
    scale: float = 1.0,
    shared: float = 0.5,
    factor: float = 1.0,
    slower: float = 1.0,
    outliers: float = 0.0,
    tests: int = 48,
    seed: int = 2,
) -> tuple[Rate, Rate, float]:
    """Suites with a false `regressed`; those in which the first step, so many times slower, is; its largest adjusted p.

    scale: deviation of the runs' noise over the known one. shared: share of the variance that all steps of a run have
    in common. outliers: chance that a run's step takes twice as long.
    """
    alarms, found, largest = [], [], 0.0
    deviation = scale * math.sqrt(KNOWN.variance)
    for suite in range(suites):
        generator = np.random.default_rng([seed, suite])
        own = generator.standard_normal((tests, 2 * runs)) * spreads(generator, 1.0, factor, tests)[:, None]
        common = generator.standard_normal(2 * runs)
        values = deviation * (math.sqrt(shared) * common + math.sqrt(1 - shared) * own)
        values += math.log(2) * (generator.random(values.shape) < outliers)
        values[0, runs:] += math.log(slower)
        shifts = of_runs([(row[:runs], row[runs:]) for row in values], KNOWN)
        adjusted = holm([shift.p for shift in shifts])
        regressed = [s.estimate > TIME_GATE and p < TIME_LEVEL for s, p in zip(shifts, adjusted, strict=True)]
        alarms.append(any(regressed[1:] if slower > 1 else regressed))
        found.append(regressed[0])
        largest = max(largest, adjusted[0])
    return rate(alarms), rate(found), largest


# Rounds of samples: a round's own moment, which rounds beside each other share in part, and noise of each step.
NOISE = 0.1


def moments(generator: np.random.Generator, rounds: int, between: float) -> NDArray[np.float64]:
    noise = generator.standard_normal(rounds)
    for number in range(1, rounds):
        noise[number] = between * noise[number - 1] + math.sqrt(1 - between**2) * noise[number]
    return noise


def covered(draws: int, once: Callable[[np.random.Generator], tuple[Interval, float]], seed: int = 3) -> Rate:
    """How often an interval holds the truth that comes with it."""
    pairs = (once(np.random.default_rng([seed, draw])) for draw in range(draws))
    return rate(interval.low <= truth <= interval.high for interval, truth in pairs)


def coverage(
    draws: int, rounds: int, within: float, between: float = 0.0, statistic: Statistic = "median", each: int = 2
) -> Rate:
    """Of the median (or mean) that endless rounds have; correlation of steps in a round, and of rounds side by side."""
    truth = 1.0 if statistic == "median" else math.exp(NOISE**2 / 2)

    def once(generator: np.random.Generator) -> tuple[Interval, float]:
        own = math.sqrt(1 - within) * generator.standard_normal((rounds, each))
        logs = NOISE * (math.sqrt(within) * moments(generator, rounds, between)[:, None] + own)
        return present(over_rounds(np.exp(logs).tolist(), statistic)), truth

    return covered(draws, once)


def ratio_coverage(draws: int, rounds: int, within: float, wander: float = 0.05, each: int = 2) -> Rate:
    """Of the ratio 1.5 of two steps whose machine's speed wanders by `wander` from round to round, a random walk."""

    def once(generator: np.random.Generator) -> tuple[Interval, float]:
        speed = np.cumsum(wander * generator.standard_normal(rounds))[:, None]
        sides = []
        for _ in range(2):
            own = math.sqrt(1 - within) * generator.standard_normal((rounds, each))
            moment = math.sqrt(within) * generator.standard_normal((rounds, 1))
            sides.append(np.exp(speed + NOISE * (moment + own)))
        return present(ratio(sides[0].tolist(), (1.5 * sides[1]).tolist())), 1.5

    return covered(draws, once)


# Rounds of processes that were measured in turn.
def processes(
    draws: int, rounds: Sequence[int], correlation: float, difference: float = 0.0, seed: int = 6
) -> Iterator[list[list[float]]]:
    """Log ratios of some processes of so many rounds, in units of their noise, which has this correlation."""
    for draw in range(draws):
        generator = np.random.default_rng([seed, draw])
        yield [(difference + moments(generator, count, correlation)).tolist() for count in rounds]


# Series of runs.
def correlated(generator: np.random.Generator, series: int, count: int, correlation: float) -> NDArray[np.float64]:
    """Noise (series, count) of deviation 1 with this correlation from one value to the next."""
    return np.stack([moments(generator, count, correlation) for _ in range(series)])


COARSE: dict[str, Callable[[np.random.Generator, int], NDArray[np.floating]]] = {
    "two values, half each": lambda generator, count: (generator.random(count) < 0.5).astype(float),
    "two values, a fifth": lambda generator, count: (generator.random(count) < 0.2).astype(float),
    "three values": lambda generator, count: generator.choice([0.0, 1.0, 2.0], count, p=[0.6, 0.3, 0.1]),
    "normal, rounded to two deviations": lambda generator, count: np.round(
        generator.normal(generator.uniform(), 0.5, count)
    ),
}
"""Noise of few values; `count` of them."""


def changes_in(
    pages: int,
    count: int,
    correlation: float,
    step: float = 0.0,
    series: int = 1,
    begin: int | None = None,
    end: int | None = None,
    noise: Callable[[np.random.Generator, int], NDArray[np.floating]] | None = None,
    level: float = 0.01,
    seed: int = 4,
) -> tuple[Rate, Rate]:
    """Pages with any change, and those with exactly the true ones, at most one run off, in the first series.

    The first of `series` series steps by `step` deviations of its noise at `begin` (its middle), back at `end`.
    """
    some, exact = [], []
    begin = count // 2 if begin is None else begin
    truth = [place for place in (begin, end) if place is not None]
    for page in range(pages):
        generator = np.random.default_rng([seed, page])
        values = noise(generator, count)[None] if noise else correlated(generator, series, count, correlation)
        values[0, begin:end] += step
        changes = changes_of_all(values.tolist(), level)
        places = [change.index for change in changes[0]]
        some.append(any(changes))
        exact.append(len(places) == len(truth) and all(abs(a - b) <= 1 for a, b in zip(places, truth, strict=True)))
    return rate(some), rate(exact)


def drifts(draws: int, readings: int, deviation: float = 0.05, seed: int = 5) -> NDArray[np.floating]:
    """Spreads (draws,) of so many readings whose true one is `deviation`."""
    generator = np.random.default_rng(seed)
    return np.array([drift((1 + deviation * generator.standard_normal(readings)).tolist()) for _ in range(draws)])


def ranges(draws: int, readings: int, deviation: float = 0.05, seed: int = 5) -> NDArray[np.floating]:
    """The same readings' ranges over their medians, which the drift was before."""
    generator = np.random.default_rng(seed)
    taken = 1 + deviation * generator.standard_normal((draws, readings))
    return np.asarray(np.ptp(taken, axis=1) / np.median(taken, axis=1))

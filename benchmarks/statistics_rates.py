"""Print the tables of docs/statistics.md: how often each method is right, by simulation.

    python -m benchmarks.statistics_rates [--draws 1000] [TABLE ...]

from the root of the repository; a quarter of an hour of one core for all of them. Every cell is seeded, so that the
same versions print the same tables.
"""

import argparse
import math
from collections.abc import Callable, Sequence

import numpy as np

from tests.regression import suites_in_turn as suites
from tests.statistics import simulations as simulated
from tests.statistics.simulations import Rate, rate
from tlbench.statistics.attainable import signed_rank_pairs
from tlbench.statistics.correlated import correlated_signed_rank

Rows = list[list[object]]
SPREADS = (0.0, 0.005, 0.01, 0.015, 0.02)


def points(share: float) -> str:
    """A share in per cent."""
    return f"{100 * share:g}"


def attainable(draws: int) -> tuple[list[str], Rows]:
    """Runs a side, and pairs, that a test needs to fall below a level; 4 against 4 give 0.0286 at least."""
    del draws

    def runs(level: float, tests: int) -> int:
        """All of one side below all of the other: 2 of C(2 n, n) orders."""
        return next(count for count in range(1, 99) if 2 / math.comb(2 * count, count) < level / tests)

    rows: Rows = [
        [level, tests, runs(level, tests), signed_rank_pairs(level, tests)]
        for level in (0.05, 0.01)
        for tests in (1, 4, 24, 48)
    ]
    return ["level", "tests (Holm)", "Mann-Whitney, runs a side", "signed rank, McNemar: pairs"], rows


def runs_level(draws: int) -> tuple[list[str], Rows]:
    """Suites of 48 identical steps with a false `regressed` (level 1 %, gate 5 %), in % with the 95 % interval."""
    rows: Rows = []
    cases = [(0.5, 1.0, 0.0), (1.0, 1.0, 0.0), (1.0, 3.0, 0.0), (1.0, 1.0, 0.02), (1.5, 1.0, 0.0), (2.0, 1.0, 0.0)]
    for scale, factor, outliers in cases:
        seen = [simulated.suites_of_runs(draws, runs, scale, 0.5, factor, 1.0, outliers)[0] for runs in (1, 2, 4, 6)]
        rows.append([scale, factor, points(outliers), *seen])
    return [
        "noise over the known",
        "factor between steps",
        "% outliers x 2",
        *(f"{n} a side" for n in (1, 2, 4, 6)),
    ], rows


def runs_power(draws: int) -> tuple[list[str], Rows]:
    """Suites of 48 steps in which the one that is slower is `regressed`, in %; noise as known."""
    rows: Rows = []
    for slower in (1.1, 1.2, 1.3, 1.5, 2.0, 10.0):
        found = [simulated.suites_of_runs(draws, runs, slower=slower) for runs in (1, 2, 4, 6)]
        rows.append([f"x {slower:g}", *(each[1] for each in found), f"{max(each[2] for each in found):.1g}"])
    return ["slower", *(f"{n} a side" for n in (1, 2, 4, 6)), "largest adjusted p"], rows


def accuracy(draws: int) -> tuple[list[str], Rows]:
    """Suites of identical cells with a false `regressed`, and suites whose one cell with less accuracy is, in %."""
    rows: Rows = []
    losses = (0.02, 0.03, 0.05)
    for cells, seeds in ((2, 3), (2, 5), (2, 8), (4, 3), (4, 5), (4, 8), (24, 3), (24, 5)):
        solved = 2 if cells == 2 else 0  # what suites/ci.yaml has
        for spread in SPREADS:
            alarms, found = simulated.suites_of_trainings(draws, spread, seeds, cells, losses=losses, solved=solved)
            unequal = "as before"
            if spread:
                unequal = str(simulated.suites_of_trainings(draws, spread, seeds, cells, 3.0, solved=solved)[0])
            named = f"{cells}, and {solved} solved" if solved else cells
            rows.append([named, seeds, points(spread), alarms, unequal, *(found[loss] for loss in losses)])
    return [
        "cells",
        "seeds",
        "spread of seeds, points",
        "false, equal spreads",
        "false, spreads up to 3 times apart",
        *(f"{points(loss)} points lost" for loss in losses),
    ], rows


def pairs_level(draws: int) -> tuple[list[str], Rows]:
    """Equally good recipes told apart (level 5 %), in %, spread of seeds 1.3 points, 3 seeds."""
    rows: Rows = []
    for images in (400, 600, 5000):
        for alike in (True, False):
            two = simulated.equal_recipes(2 * draws, images, 0.013, 3, 2, alike)
            six = simulated.equal_recipes(draws, images, 0.013, 3, 6, alike)
            rows.append([images, "the same" if alike else "others", two.mcnemar, two.two, six.two, six.any])
    return [
        "test images",
        "easy images of both",
        "McNemar, one seed",
        "two recipes",
        "two of six",
        "any of six, Holm over 15 pairs",
    ], rows


PROCESSES = ((20, 20), (20, 60), (20, 100, 100))


def one_seed(draws: int) -> tuple[list[str], Rows]:
    """Equally good recipes with one seed that lose to the one that leads, in %, spread of seeds 1.3 points."""
    rows: Rows = []
    for recipes in (2, 3, 6, 12):
        seen = simulated.equal_with_one_seed(draws, recipes)
        rows.append([recipes, seen.some_selected, seen.each_selected, seen.some_told, seen.each_told])
    return [
        "recipes",
        "selection: some recipe",
        "selection: each other one",
        "and pairs: some recipe",
        "and pairs: each other one",
    ], rows


def in_turn_level(draws: int) -> tuple[list[str], Rows]:
    """Rounds without a difference in which one is found (level 1 %), in %, by their correlation within a process."""
    rows: Rows = [
        [
            rho,
            *(
                rate(correlated_signed_rank(each).p < 0.01 for each in simulated.processes(draws, rounds, rho))
                for rounds in PROCESSES
            ),
        ]
        for rho in (0.0, 0.3, 0.5, 0.7, 0.8, 0.9)
    ]
    return ["correlation", *(" + ".join(map(str, rounds)) for rounds in PROCESSES)], rows


def in_turn_power(draws: int) -> tuple[list[str], Rows]:
    """Rounds with a difference, in deviations of their noise, in which it is found (level 0.39 %), in %."""
    rows: Rows = []
    for rho, difference in ((0.0, 0.5), (0.0, 0.95), (0.5, 0.95), (0.5, 1.4), (0.8, 1.4), (0.8, 2.0)):
        seen = [
            rate(
                correlated_signed_rank(each).p < 0.0039 for each in simulated.processes(draws, rounds, rho, difference)
            )
            for rounds in PROCESSES
        ]
        rows.append([rho, difference, *seen])
    return ["correlation", "difference", *(" + ".join(map(str, rounds)) for rounds in PROCESSES)], rows


def in_turn_unchanged(draws: int) -> tuple[list[str], Rows]:
    """Steps of `tlbench ab` (gate 5 %): intervals that hold the truth, and how often each verdict is given, in %."""
    noises = {"real": suites.real, "offsets of 1 %": suites.with_offsets(0.01), "of 2 %": suites.with_offsets(0.02)}
    rows: Rows = []
    for name, make in noises.items():
        for slower in (0.0, 0.055, 0.06, 0.07):
            held, verdicts = suites.of_one_step(make, math.log1p(slower), draws)
            seen = [Rate(verdicts[verdict], draws) for verdict in ("unchanged", "inconclusive", "regressed")]
            rows.append([name, f"{points(slower)} %", Rate(held, draws), *seen])
    return ["noise of processes", "slower", "interval holds the truth", "unchanged", "inconclusive", "regressed"], rows


def gate_suites(draws: int) -> tuple[list[str], Rows]:
    """docs/ci.md: suites of `tlbench ab`, in %: identical code of which a step `regressed`, and a step 10 % slower."""
    kinds = [suites.real, suites.bimodal, suites.drifting]
    rows: Rows = [
        [f"identical code, {make.__name__} noise", Rate(suites.false_alarms(make, draws), draws)] for make in kinds
    ]
    inconclusive, promised, kept = suites.noisy(draws)
    rows += [
        ["one step 10 % slower", Rate(suites.found_slower(draws), draws)],
        ["with five times the noise: inconclusive", Rate(inconclusive, draws)],
        ["a number of rounds is said to decide", Rate(promised, draws)],
        ["of these, decided after so many", Rate(kept, promised)],
    ]
    return ["change", "suites"], rows


def intervals(draws: int) -> tuple[list[str], Rows]:
    """Intervals of 95 % that hold the truth, in %; rounds of two steps."""
    rows: Rows = []
    for within, between in ((0.5, 0.0), (0.7, 0.0), (0.9, 0.0), (0.9, 0.3), (0.9, 0.6)):
        for statistic in ("median", "mean"):
            seen = [simulated.coverage(draws, n, within, between, statistic) for n in (6, 8, 15, 30, 60)]
            rows.append([statistic, within, between, *seen])
    rows += [
        [
            "ratio, speed wanders 5 % a round",
            within,
            "-",
            *(simulated.ratio_coverage(draws, n, within) for n in (6, 8, 15, 30, 60)),
        ]
        for within in (0.5, 0.9)
    ]
    return [
        "of",
        "correlation in a round",
        "of rounds side by side",
        *(f"{n} rounds" for n in (6, 8, 15, 30, 60)),
    ], rows


COUNTS = (6, 7, 8, 10, 15, 20, 30, 60)


def changes_level(draws: int) -> tuple[list[str], Rows]:
    """Series without a step in which one is seen (level 1 %), in %, by the correlation of the noise."""
    noises: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
        "heavy tails (t, 3 degrees of freedom)": lambda generator, count: generator.standard_t(3, count),
        "skew (lognormal, 0.5)": lambda generator, count: np.exp(0.5 * generator.standard_normal(count)),
    }
    rows: Rows = [
        [f"correlation {rho:g}", *(simulated.changes_in(draws, count, rho)[0] for count in COUNTS)]
        for rho in (0.0, 0.2, 0.4, 0.6, 0.8, 0.9)
    ]
    rows += [
        [name, *(simulated.changes_in(draws, count, 0.0, noise=noise)[0] for count in COUNTS)]
        for name, noise in (noises | simulated.COARSE).items()
    ]
    page = [simulated.changes_in(draws, count, 0.8, series=20)[0] if count in (8, 20) else "" for count in COUNTS]
    rows.append(["any of 20 series, 0.8", *page])
    return ["noise", *(f"{count} runs" for count in COUNTS)], rows


def changes_power(draws: int) -> tuple[list[str], Rows]:
    """Series in which a step in the middle is seen, at most one run off, in %; height in deviations of the noise."""
    rows: Rows = []
    for rho, series in ((0.0, 1), (0.0, 20), (0.6, 1), (0.8, 1)):
        for step in (4.0, 6.0, 10.0):
            seen = [simulated.changes_in(draws, n, rho, step, level=0.01 / series)[1] for n in COUNTS]
            rows.append([rho, series, step, *seen])
    return ["correlation", "series on the page", "step", *(f"{count} runs" for count in COUNTS)], rows


def spells(draws: int) -> tuple[list[str], Rows]:
    """Series of 60 runs with a spell, both ends of which are seen at most one run off, in %; uncorrelated noise."""
    rows: Rows = [
        [
            length,
            *(simulated.changes_in(draws, 60, 0.0, step, begin=25, end=25 + length)[1] for step in (4.0, 6.0, 10.0)),
        ]
        for length in (3, 4, 6, 10)
    ]
    return ["runs in the spell", "step 4", "step 6", "step 10"], rows


def drift(draws: int) -> tuple[list[str], Rows]:
    """Readings with a true spread of 5 %: their mean `drift`, and runs called drifting, in %, as before and now."""
    rows: Rows = []
    for count in (15, 50, 200):
        spreads, ranges = simulated.drifts(draws, count), simulated.ranges(draws, count)
        now: Rate = rate(spreads > 0.08)
        rows.append([count, f"{100 * spreads.mean():.2f}", f"{100 * spreads.std():.2f}", rate(ranges > 0.2), now])
    return ["readings", "mean drift, %", "deviation of it", "range over 20 %", "drift over 8 %"], rows


TABLES = (
    attainable,
    runs_level,
    runs_power,
    accuracy,
    pairs_level,
    one_seed,
    in_turn_level,
    in_turn_power,
    in_turn_unchanged,
    gate_suites,
    intervals,
    changes_level,
    changes_power,
    spells,
    drift,
)


def table(headings: Sequence[str], rows: Rows) -> str:
    """In Markdown."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def main() -> None:
    """Print the tables that are asked for, all by default."""
    parser = argparse.ArgumentParser(description="Print the tables of docs/statistics.md.")
    parser.add_argument("tables", nargs="*", help=", ".join(each.__name__ for each in TABLES))
    parser.add_argument("--draws", type=int, default=1000, help="simulated suites, runs or series of each cell")
    asked = parser.parse_args()
    for make in TABLES:
        if not asked.tables or make.__name__ in asked.tables:
            headings, rows = make(asked.draws)
            print(f"{make.__doc__}\n\n{table(headings, rows)}\n", flush=True)


if __name__ == "__main__":
    main()

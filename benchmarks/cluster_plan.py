"""How long 10,000 cells take on 100 GPUs, simulated from cells that were measured; docs/scale.md cites the table.

    python benchmarks/cluster_plan.py [--cells 10000] [--machines 100] [--scale 10] [--run results/reference/strategies]

Groups of cells (seeds of one structure, as `tlbench` makes them) are drawn from a run's records, with the seconds each
cell took there times `--scale`. Machines take the next group when they are free, as `--executor ray` has it. A machine
fails at random (exponential, `mtbf` hours), what it was at is begun again elsewhere, finished cells are kept, and it is
back after `repair` minutes; some machines are slow all the time. Nothing here is measured on a GPU.
"""

import argparse
import heapq
import random
import statistics
import sys
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from tlbench.execution.again import LOST_TRIES
from tlbench.results.store import Store

HOUR = 3600.0


@dataclass(frozen=True)
class World:
    """What goes wrong: mean hours between failures of a machine (0: never), minutes until it is back, the share of
    machines that are slow, and how many times slower. start: seconds before a group's first cell.
    """

    name: str
    mtbf: float = 0.0
    repair: float = 10.0
    slow: float = 0.0
    factor: float = 1.0
    start: float = 15.0


@dataclass
class Outcome:
    """Hours until the last cell, share of the machines' time in cells that were kept, attempts lost, cells given up."""

    hours: float
    used: float
    lost: int
    given_up: int


def measured(run: Path) -> list[list[float]]:
    """Seconds of the cells of each group of a run: those that differ in the seed alone."""
    groups: dict[str, list[float]] = {}
    for record in Store(run).read_all().records:
        if record.status == "ok":
            key = record.cell.model_copy(update={"seed": 0}).id
            groups.setdefault(key, []).append(sum(record.phases.values()))
    return list(groups.values())


def simulate(groups: list[list[float]], machines: int, world: World, draw: random.Random) -> Outcome:
    """One run, event by event: each event is a machine that is free."""
    waiting = deque((cells, [0] * len(cells)) for cells in groups)
    slow = set(draw.sample(range(machines), round(world.slow * machines)))
    fails = [draw.expovariate(1 / (world.mtbf * HOUR)) if world.mtbf else float("inf") for _ in range(machines)]
    free = [(0.0, machine) for machine in range(machines)]
    end = kept = 0.0
    lost = given_up = 0
    returning: list[tuple[float, int]] = []  # groups that are there again, when their machine was lost
    apart: dict[int, tuple[list[float], list[int]]] = {}
    while waiting or returning:
        now, machine = heapq.heappop(free)
        while returning and returning[0][0] <= now:
            waiting.appendleft(apart.pop(heapq.heappop(returning)[1]))
        if not waiting:
            heapq.heappush(free, (returning[0][0], machine))
            continue
        if fails[machine] < now:  # with nothing to do
            repaired = fails[machine] + world.repair * 60
            fails[machine] = repaired + draw.expovariate(1 / (world.mtbf * HOUR))
            heapq.heappush(free, (max(now, repaired), machine))
            continue
        cells, tries = waiting.popleft()
        at = now + world.start
        for place, seconds in enumerate(cells):
            taken = seconds * (world.factor if machine in slow else 1.0)
            if at + taken > fails[machine]:
                lost, tries[place] = lost + 1, tries[place] + 1
                left = place + (tries[place] > LOST_TRIES)
                given_up += left - place
                at = fails[machine] + world.repair * 60
                if cells[left:]:
                    number = lost
                    apart[number] = cells[left:], tries[left:]
                    heapq.heappush(returning, (fails[machine], number))
                fails[machine] = at + draw.expovariate(1 / (world.mtbf * HOUR))
                break
            at, kept = at + taken, kept + taken
            end = max(end, at)
        heapq.heappush(free, (at, machine))
    return Outcome(end / HOUR, kept / (end * machines), lost, given_up)


def main() -> int:
    """Print a row for each world."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=10_000)
    parser.add_argument("--machines", type=int, default=100)
    parser.add_argument("--scale", type=float, default=10.0)
    parser.add_argument("--run", type=Path, default=Path("results/reference/strategies"))
    parser.add_argument("--repeats", type=int, default=20)
    asked = parser.parse_args()
    groups = measured(asked.run)
    cells = [seconds for group in groups for seconds in group]
    mean = statistics.mean(cells) * asked.scale
    ideal = mean * asked.cells / asked.machines / HOUR
    print(
        f"{len(cells)} measured cells in {len(groups)} groups, {statistics.mean(cells):.1f} s each "
        f"({min(cells):.1f} to {max(cells):.1f}), times {asked.scale:g}; "
        f"{asked.cells} on {asked.machines} machines without any loss: {ideal:.2f} h\n"
    )
    worlds = [
        World("nothing fails"),
        World("a machine fails every 100 h", mtbf=100),
        World("every 10 h", mtbf=10),
        World("every hour", mtbf=1),
        World("5 % of the machines three times slower", slow=0.05, factor=3),
        World("both: every 10 h, and 5 % slow", mtbf=10, slow=0.05, factor=3),
    ]
    draws = f"{asked.repeats} draws, lowest to highest"
    print(f"| | hours, median (of {draws}) | machines' time in kept cells | attempts lost | given up |")
    print("|---|---|---|---|---|")
    for world in worlds:
        found = []
        for repeat in range(asked.repeats):
            draw = random.Random(f"{world.name} {repeat}")
            drawn: list[list[float]] = []
            while sum(map(len, drawn)) < asked.cells:
                drawn.append([seconds * asked.scale for seconds in draw.choice(groups)])
            found.append(simulate(drawn, asked.machines, world, draw))
        hours = [one.hours for one in found]
        lost, given_up = (statistics.median(getattr(one, name) for one in found) for name in ("lost", "given_up"))
        print(
            f"| {world.name} | {statistics.median(hours):.2f} ({min(hours):.2f} to {max(hours):.2f}) "
            f"| {statistics.median(one.used for one in found):.0%} | {lost:.0f} | {given_up:.0f} |"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())

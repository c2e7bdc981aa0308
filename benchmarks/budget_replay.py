"""What a budget would have found: successive halving replayed on the cells of a run that trained them all.

`python -m benchmarks.budget_replay results/reference/strategies --budget 60 120 240` takes accuracies and times from
the run's records, each seed by itself, and prints for each data set how far the best cell that was trained within the
budget is from the best of all, both on test images.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tlbench.core.cell import Cell
from tlbench.costs.budget import State, next_rung
from tlbench.results.record import Record
from tlbench.results.store import Store
from tlbench.session.budgeted import on_validation


def main() -> None:
    """Print one line for each budget, seed and data set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--budget", type=float, nargs="+", default=[60.0, 120.0, 240.0], help="seconds")
    asked = parser.parse_args()
    store = Store(asked.run)
    records = {record.cell_id: record for record in store.read_all().records if record.status == "ok"}
    of_all = [record.cell for record in records.values()]
    alone = Counter(map(of_any_seed, of_all))
    for budget in asked.budget:
        for seed in sorted({record.cell.seed for record in records.values()}):
            cells = [cell for cell in of_all if cell.seed == seed or alone[of_any_seed(cell)] == 1]
            trained = replay(cells, records, store, budget)
            for line in lines(cells, trained, records):
                print(f"{budget:.0f} s, seed {seed}, {line}")


def of_any_seed(cell: Cell) -> str:
    """What a cell has in common with those that differ in their seed alone. A solved head has none, and stands once."""
    return cell.model_copy(update={"seed": 0}).id


def replay(cells: Sequence[Cell], records: dict[str, Record], store: Store, budget: float) -> set[str]:
    """The ids of the cells that the budget trains, each in the time that it took in the run."""
    seconds = {cell.id: sum(records[cell.id].phases.values()) for cell in cells}
    scores, images, spent = dict[str, float](), dict[str, int](), 0.0
    while rung := next_rung(cells, State(scores, seconds, images), budget - spent):
        for cell in rung.cells:
            spent += seconds[cell.id]
            scores[cell.id], images[cell.id] = on_validation(store, records[cell.id])
    return set(scores)


def lines(cells: Sequence[Cell], trained: set[str], records: dict[str, Record]) -> list[str]:
    """``intel: 5 of 30 cells, best 84.3 %, of all 86.3 %: 2.0 points``."""

    def best(some: Sequence[Cell]) -> float:
        return max((a.top1 for cell in some if (a := records[cell.id].accuracy)), default=0.0) * 100

    told = []
    for dataset in sorted({cell.dataset.label for cell in cells}):
        every = [cell for cell in cells if cell.dataset.label == dataset]
        ran = [cell for cell in every if cell.id in trained]
        found, most = best(ran), best(every)
        how_far = f"best {found:.1f} %, of all {most:.1f} %: {most - found:.1f} points"
        told.append(f"{dataset}: {len(ran)} of {len(every)} cells, {how_far}")
    return told


if __name__ == "__main__":
    main()

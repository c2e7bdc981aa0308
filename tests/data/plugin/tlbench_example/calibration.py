"""A metric: how far a model's confidence lies from its accuracy."""

from collections.abc import Iterator, Mapping, Sequence

from tlbench.core.cell import Cell
from tlbench.regression.entries import Entry
from tlbench.regression.matching import other_stand_ins
from tlbench.regression.metrics.base import Finding, Followed, Gate, Metric, Pair, of_shift
from tlbench.results.record import Record
from tlbench.statistics.moderated import Spread, difference, of_sum, spread
from tlbench.statistics.ranks import Shift

NAME = "calibration error"


class CalibrationMetric(Metric):
    """The expected calibration error on the test set; each seed is one draw."""

    name = "calibration"
    summary = "expected calibration error on the test set, all seeds of a cell together"
    scale = "points"
    gate = 0.01
    level = 0.05

    def of_record(self, record: Record) -> Mapping[str, float]:
        """What entries and baselines keep of a record."""
        return {"error": record.accuracy.calibration_error} if record.accuracy else {}

    def block(self, cell: Cell) -> str:
        """Cells that differ in nothing but the seed are compared together."""
        return cell.model_copy(update={"seed": 0}).canonical()

    def compare(self, pairs: Sequence[Pair], gate: Gate, tests: int) -> Iterator[Finding]:
        """Base and new of each block, seed by seed as independent draws."""
        for block in self.blocks(pairs):
            cell = block[0][1].cell
            base, new = ([error for pair in block for error in self.kept(pair[side], "error")] for side in (0, 1))
            if not base or not new:
                continue
            reason = next(filter(None, (other_stand_ins(*pair) for pair in block)), "")
            known = None if reason else of_shift(shift(base, new), gate(cell), "more seeds")
            means = (sum(base) / len(base), sum(new) / len(new))
            yield Finding(cell, NAME, "", *means, evidence=known, reason=reason, seeds=len(block))

    def followed(self, entry: Entry) -> Iterator[Followed]:
        """What `tlbench history` follows."""
        for error in self.kept(entry, "error")[:1]:
            yield Followed(NAME, "%", 100 * error)

    def written(self, value: float) -> str:
        """``2.6%``."""
        return f"{value:.1%}"


def shift(base: Sequence[float], new: Sequence[float]) -> Shift:
    """Welch's t-test: unlike one of ranks, it can find a large change with two seeds a side. Of one seed it says nothing."""
    of_means = [Spread(spread(side).variance / len(side), spread(side).freedom) for side in (base, new)]
    return difference(sum(base) / len(base), sum(new) / len(new), of_sum(of_means))


CALIBRATION = CalibrationMetric()

"""The remaining time of a run: predictions, corrected by the times of finished cells. Pure."""

from collections.abc import Callable, Mapping


class TimeLeft:
    """The seconds that a run still needs.

    A cell without a prediction counts as an average cell. Predictions are multiplied by the pace: the time that passed
    for finished cells, over their predicted time. One more cell, an average one that took as long as predicted, counts
    as finished, so that a single unusual cell does not dominate. Since time passes once for cells that train in
    parallel, the pace includes the effect of that.

    Args:
        clock: returns the time in seconds and never goes back.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._predicted: Mapping[str, float] = {}
        self._step_times, self._step_times_began = 0.0, 0.0
        self._timing = False
        self.training(0)

    def foretold(self, training: Mapping[str, float], timing: float) -> None:
        """Set the predicted seconds of each cell's training, by cell id, and of the timing phase."""
        self._predicted, self._step_times = training, timing

    def training(self, cells: int) -> None:
        """The training of `cells` cells begins."""
        self._waiting, self._unknown = dict(self._predicted), cells - len(self._predicted)
        self._running: set[str] = set()
        self._finished_predicted = self._finished_took = 0.0
        self._last = self._clock()

    def begin(self, cell_id: str) -> None:
        """The training of a cell begins."""
        self._running.add(cell_id)

    def end(self, cell_id: str, *, whole: bool) -> None:
        """The training of a cell ends. One that failed, and so was not `whole`, does not count for the pace."""
        now = self._clock()
        if whole:
            self._finished_predicted += self._prediction(cell_id)
            self._finished_took += now - self._last
        self._running.discard(cell_id)
        if self._waiting.pop(cell_id, None) is None:
            self._unknown -= 1
        self._last = now

    def timing(self) -> None:
        """The timing phase begins, if it has not."""
        if not self._timing:
            self._timing, self._step_times_began = True, self._clock()

    def seconds(self) -> float | None:
        """The remaining seconds; None if there are no predictions, or if the timing phase takes longer than its own."""
        if self._timing:
            left = self._step_times - (self._clock() - self._step_times_began)
            return left if left > 0 else None
        if not self._predicted and not self._finished_predicted:
            return None
        rest = sum(self._waiting.values()) + self._unknown * self._average()
        passed = min(self._clock() - self._last, self._pace() * sum(map(self._prediction, self._running)))
        return max(self._pace() * rest - passed, 0.0) + self._step_times

    def _prediction(self, cell_id: str) -> float:
        return self._predicted.get(cell_id, self._average())

    def _average(self) -> float:
        return sum(self._predicted.values()) / len(self._predicted) if self._predicted else 1.0

    def _pace(self) -> float:
        """The seconds that pass per predicted second."""
        before = self._average() if self._predicted else 0.0
        return (before + self._finished_took) / (before + self._finished_predicted)

"""How much longer a run takes: what was predicted of it, corrected by what finished cells took. Pure."""

from collections.abc import Callable, Mapping


class TimeLeft:
    """The seconds that a run still needs, by `clock` (seconds that only go up).

    A cell without a prediction counts as an average one. Until a cell has finished, predictions stand as they are;
    then they are scaled by the seconds that went by for each predicted one, as if an average cell had gone as predicted
    before: so one odd cell does not turn it all. Cells that train side by side are in that scale, too.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._predicted: Mapping[str, float] = {}
        self._step_times, self._step_times_began = 0.0, 0.0
        self._timing = False
        self.training(0)

    def foretold(self, training: Mapping[str, float], timing: float) -> None:
        """Predicted seconds of each cell's training, by id, and of all step times."""
        self._predicted, self._step_times = training, timing

    def training(self, cells: int) -> None:
        """`cells` are trained from now on."""
        self._waiting, self._unknown = dict(self._predicted), cells - len(self._predicted)
        self._running: set[str] = set()
        self._told = self._took = 0.0
        self._last = self._clock()

    def begin(self, cell_id: str) -> None:
        """A cell's training begins."""
        self._running.add(cell_id)

    def end(self, cell_id: str, *, whole: bool) -> None:
        """A cell ends; one that failed, and so was not `whole`, says nothing of what others take."""
        now = self._clock()
        if whole:
            self._told += self._of(cell_id)
            self._took += now - self._last
        self._running.discard(cell_id)
        if self._waiting.pop(cell_id, None) is None:
            self._unknown -= 1
        self._last = now

    def timing(self) -> None:
        """Step times are taken from now on."""
        if not self._timing:
            self._timing, self._step_times_began = True, self._clock()

    def seconds(self) -> float | None:
        """What is left; None where nothing is known of it, or where more went by than was predicted."""
        if self._timing:
            left = self._step_times - (self._clock() - self._step_times_began)
            return left if left > 0 else None
        if not self._predicted and not self._told:
            return None
        rest = sum(self._waiting.values()) + self._unknown * self._average()
        gone = min(self._clock() - self._last, self._pace() * sum(map(self._of, self._running)))
        return max(self._pace() * rest - gone, 0.0) + self._step_times

    def _of(self, cell_id: str) -> float:
        return self._predicted.get(cell_id, self._average())

    def _average(self) -> float:
        return sum(self._predicted.values()) / len(self._predicted) if self._predicted else 1.0

    def _pace(self) -> float:
        """Seconds that go by for a predicted one."""
        before = self._average() if self._predicted else 0.0
        return (before + self._took) / (before + self._told)

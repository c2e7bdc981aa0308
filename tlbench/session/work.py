"""Train and time the cells of a run, all of them or as many as a budget allows."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tlbench.cache.folders import cache_dir, feature_dir, most_features
from tlbench.core.cell import Cell
from tlbench.core.errors import UserError
from tlbench.costs.predict import Cost
from tlbench.execution.again import Policy
from tlbench.execution.executors import Executor, InlineExecutor, ProcessExecutor
from tlbench.execution.groups import grouped
from tlbench.execution.inputs import Inputs, data_key
from tlbench.execution.job import Keep, Places
from tlbench.execution.predicted import memory_sentences, predicted
from tlbench.execution.resume import trained
from tlbench.execution.runner import run_groups
from tlbench.host.resources import available_memory
from tlbench.host.shares import Share
from tlbench.measuring.jobs import untimed
from tlbench.measuring.phase import time_cells
from tlbench.results.record import Record
from tlbench.results.run_folder import RunFolder, discard
from tlbench.results.spent import write_spent
from tlbench.results.store import Store
from tlbench.session.budgeted import Purse
from tlbench.session.costs import earlier_records
from tlbench.session.events import Events
from tlbench.suite.load import Suite


@dataclass(frozen=True)
class Work:
    """The work of one call of `run` in a folder that it owns.

    Attributes:
        suite: the suite.
        folder: the folder of the run.
        inputs: the images and weights of the cells.
        places: where they were looked for.
        executor: where groups of cells are run.
        slots: a share of the machine for each group that trains side by side.
        events: receives the progress.
        cut: whether to cache features of frozen layers, and to train only the layers above them.
        timed: whether step times are measured.
        failed: receives the records of cells that failed.
    """

    suite: Suite
    folder: RunFolder
    inputs: Inputs
    places: Places
    executor: Executor
    slots: Sequence[Share | None]
    events: Events
    cut: bool
    timed: bool
    failed: list[Record] = field(default_factory=list)

    @property
    def store(self) -> Store:
        """The records in the folder."""
        return Store(self.folder.path)

    def do(self, cells: Sequence[Cell], purse: Purse | None) -> dict[str, Cost]:
        """Train and time `cells`, or as many as `purse` pays for.

        Returns:
            The predicted costs of the cells that were not trained yet, by cell id.
        """
        if purse is not None:
            return self._within(purse, cells)
        costs = self._train(cells)
        self._time(cells)
        return costs

    def _within(self, purse: Purse, cells: Sequence[Cell]) -> dict[str, Cost]:
        """Train and time what the budget allows, and write how it was spent."""
        costs, earlier = dict[str, Cost](), earlier_records()

        def predict(cells: Sequence[Cell], so_far: Sequence[Record], alone: bool) -> dict[str, Cost]:
            return predicted(cells, self._counts, [*so_far, *earlier], alone=alone)

        def train_rung(chosen: Sequence[Cell]) -> None:
            costs.update(self._train(chosen))

        try:
            done = purse.spend(cells, self.store, predict, train_rung, self.events.note)
        except UserError:
            discard(self.folder.path)
            raise
        self._time(done)
        write_spent(self.folder.path, purse.told(cells, {cell.id for cell in done}, self.store, predict))
        return costs

    def _train(self, cells: Sequence[Cell]) -> dict[str, Cost]:
        """Train the cells that are not trained yet. Returns their predicted costs by cell id."""
        records = self.store.read_all().records
        ready = trained(self.store, records, self.suite.save_models)
        todo = [cell for cell in cells if cell.id not in ready]
        waiting = [one.cell for one in untimed(records, cells) if one.cell_id in ready] if self.timed else []
        costs = self._foretold(todo, waiting)
        self.events.training(len(cells), len(cells) - len(todo))
        keep = Keep(feature_dir(), most_features()) if self.cut else None
        models = self.store.models if self.suite.save_models else None
        groups = [
            replace(group, memory=self.suite.memory, models=models, places=self.places)
            for group in grouped([self.inputs.job(cell) for cell in todo], keep)
        ]
        failed = run_groups(
            groups,
            self.executor,
            self.store,
            self.events,
            timeout=self.suite.timeout,
            logs=self.folder.path / "logs",
            shares=self.slots,
            policy=Policy(self.suite.content.retries, self.suite.content.on_oom),
        )
        self.failed.extend(failed)
        return costs

    def _time(self, cells: Sequence[Cell]) -> None:
        """Measure the step times of the cells that have none yet."""
        if not self.timed:
            return
        time_cells(
            cells,
            self.executor,
            self.store,
            self.events,
            timeout=self.suite.timeout,
            logs=self.folder.path / "logs",
            readings=cache_dir() / "reference",
        )

    def _foretold(self, todo: Sequence[Cell], waiting: Sequence[Cell]) -> dict[str, Cost]:
        """Predict the costs of training, and report them with a note on cells that may need too much memory.

        Args:
            todo: the cells to train.
            waiting: the cells that only lack step times.

        Returns:
            The costs of `todo` by cell id.
        """
        costs = predicted([*todo, *waiting], self._counts, earlier_records())
        timing = sum(cost.timing for cost in costs.values()) if self.timed else 0.0
        costs = {cell.id: costs[cell.id] for cell in todo if cell.id in costs}
        if isinstance(self.executor, ProcessExecutor | InlineExecutor):
            for sentence in memory_sentences(todo, costs, available_memory()):
                self.events.note(sentence)
        self.events.foretold({cell_id: cost.seconds for cell_id, cost in costs.items()}, timing)
        return costs

    def _counts(self, cell: Cell) -> dict[str, int] | None:
        """The number of a cell's images by split; None if it has no images."""
        data = self.inputs.data.get(data_key(cell))
        return {name: sum(split.per_class.values()) for name, split in data.splits.items()} if data else None

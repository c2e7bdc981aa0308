"""Run a suite: find images and weights, make or resume the folder, train and measure cells, and write the report."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from tlbench.cache.folders import cache_dir, feature_dir, most_features
from tlbench.core import plugin_files, selection, settings
from tlbench.core.cell import Cell
from tlbench.core.duration import parse_duration
from tlbench.core.errors import UserError, nearest
from tlbench.core.text import counted
from tlbench.costs.predict import Cost
from tlbench.execution import server
from tlbench.execution.again import Policy
from tlbench.execution.executors import EXECUTORS, Executor, InlineExecutor, ProcessExecutor
from tlbench.execution.groups import grouped
from tlbench.execution.inputs import Inputs, data_key, find_inputs
from tlbench.execution.job import Keep, Places, Resources
from tlbench.execution.predicted import memory_sentences, predicted, taken_sentence
from tlbench.execution.resume import trained
from tlbench.execution.runner import run_groups
from tlbench.host.resources import available_memory
from tlbench.host.shares import Share
from tlbench.measuring.jobs import untimed
from tlbench.measuring.phase import time_cells
from tlbench.reporting.views.budget import sentence as spent_sentence
from tlbench.results.record import Record
from tlbench.results.run_folder import RunFolder
from tlbench.results.spent import write_spent
from tlbench.results.store import Store
from tlbench.session.budgeted import Predict, Purse
from tlbench.session.costs import earlier_records
from tlbench.session.events import Events, Logged
from tlbench.session.folder import StrPath, as_path, outdate_report, written_report
from tlbench.session.start import check_place, new_or_resumed
from tlbench.suite.expand import expand
from tlbench.suite.load import Suite, load_suite

if TYPE_CHECKING:
    import pandas as pd

    from tlbench.reporting.report import Report

MOST_WORKERS = 10_000


@dataclass(frozen=True, repr=False)
class CompletedRun(RunFolder):
    """The folder of a run, and what one call of `run` did there. In a notebook it shows the run's tables.

    Attributes:
        cells: the cells that were asked for.
        failed: records of these cells without numbers or step times, and failures of this call whose cells keep the
            numbers of an earlier one.
        files: the reports that were written; empty if there was nothing to do and the reports were up to date.
        markdown: the report.
        text: a screenful of the report, for a terminal.
        predicted: one sentence that compares predicted and actual time; empty if nothing was trained.
    """

    cells: tuple[Cell, ...]
    failed: tuple[Record, ...]
    files: tuple[Path, ...]
    markdown: str
    text: str
    predicted: str = ""

    @cached_property
    def report(self) -> "Report":
        """The report of all records in the folder, as `tlbench.load` returns it. It is read when first used."""
        from tlbench.session.report import load  # pandas

        return load(self)

    @property
    def frame(self) -> "pd.DataFrame":
        """One row per record of the cells that were asked for; `report.frame` has all of the folder."""
        every = self.report.frame
        return every[every["cell_id"].isin({cell.id for cell in self.cells})].reset_index(drop=True)

    def __repr__(self) -> str:
        """The folder, with the numbers of cells and failures."""
        return f"<CompletedRun in {self.path}: {counted(len(self.cells), 'cell')}, {len(self.failed)} failed>"

    def _repr_markdown_(self) -> str:
        return self.markdown

    def _repr_html_(self) -> str:
        return self.report._repr_html_()


def run(
    suite: StrPath,
    *,
    select: str = "",
    shard: str = "",
    out: StrPath | None = None,
    fresh: bool = False,
    executor: str = "process",
    workers: int | None = None,
    timed: bool = True,
    cut: bool = True,
    data: StrPath | None = None,
    weights: StrPath | None = None,
    imagenet: StrPath | None = None,
    budget: str | None = None,
    plugins: Sequence[StrPath] = (),
    events: Events | None = None,
) -> CompletedRun:
    """Train and measure the cells of a suite, and write records and reports.

    A run that was stopped is resumed, and a finished one returns at once. After a change to the suite, the new run
    takes over cells of earlier runs that had the same images, weights, software and machine, unless `out` or `fresh`
    asks for a run of its own. A cell that fails is no error: its record says why.

    Args:
        suite: the suite file, or the name of a bundled suite.
        select: only these cells, as in ``backbone=MobileNet* strategy=frozen,full``.
        shard: only this part of them, as in ``1/4``.
        out: the folder of the run; default: ``results/<suite>/<time>-<id>``.
        fresh: begin a new run even if an earlier one could be resumed.
        executor: ``process`` (a child process for each group of cells), ``inline`` (in this process, for debugging), or
            ``ray`` (on the machines of a cluster).
        workers: how many groups of cells train side by side, each with a GPU or a part of the cores of its own.
            Default: one per GPU, else 2 that share all cores, if memory allows.
        timed: False leaves step times for a later call.
        cut: False trains every model whole, without cached features.
        data: the folder of data sets; default: ``$TLBENCH_DATA``.
        weights: the folder of weights; default: ``$TLBENCH_WEIGHTS``.
        imagenet: ImageNet's validation folder; default: ``$TLBENCH_IMAGENET``.
        budget: a time limit for this call, as in ``20 min``. The most promising cells are trained as long as they fit,
            and the others are listed. Default: the suite's, if it has one.
        plugins: Python files that add backbones, strategies, ... (docs/extending.md). They are executed, and what they
            add stays registered in this process.
        events: receives the progress; by default only stand-ins and failures are logged.

    Returns:
        The folder of the run, and what this call did there.

    Raises:
        UserError: the suite has a mistake, images or weights are missing, or the folder holds another run or is being
            written by one.
        KeyboardInterrupt: the user interrupted the run; finished cells are kept.

    Examples:
        >>> import tlbench
        >>> done = tlbench.run("suites/small.yaml", select="strategy=frozen")  # doctest: +SKIP
        >>> done.frame[["backbone", "dataset", "top1", "inference_ms"]]  # doctest: +SKIP
    """
    for plugin in plugins:
        plugin_files.load(Path(plugin))
    if executor not in EXECUTORS:
        raise UserError(f"there is no executor {executor!r}; {nearest(executor, list(EXECUTORS), 'executors')}")
    if workers is not None and workers < 1:
        raise UserError(f"workers={workers}: at least 1 is needed")
    if workers is not None and workers > MOST_WORKERS:
        raise UserError(f"workers={workers}: at most {MOST_WORKERS} can train side by side")
    events = events or Logged()
    began = time.monotonic()
    read = load_suite(as_path(suite, "suite"))
    seconds = parse_duration(budget, "budget") if budget is not None else read.content.budget
    worker = EXECUTORS[executor]()
    needs = Resources(**read.content.resources.model_dump())
    slots = worker.slots(needs, workers)
    for note in read.notes:
        events.note(note)
    cells = expand(read)
    asked = selection.select(cells, select) if select else cells
    asked = selection.shard(asked, shard) if shard else asked
    places = Places(
        data=_place(data, "TLBENCH_DATA"),
        weights=_place(weights, "TLBENCH_WEIGHTS"),
        imagenet=_place(imagenet, "TLBENCH_IMAGENET"),
        cache=cache_dir(),
        dataset_paths=read.dataset_paths,
        synthetic_allowed=read.fallback.datasets == "synthetic",
        weights_instead=read.fallback.weights,
    )
    place = Path(out) if out is not None else None
    check_place(read.name, place, fresh)
    inputs = _find(asked, places, events)
    backends = _backends(asked, worker)
    folder, done, owner = new_or_resumed(read, cells, asked, inputs, place, fresh, events, backends)
    costs, failed_now = dict[str, Cost](), list[Record]()
    with owner:
        left = not all(cell.id in done for cell in asked)
        if not left and (earlier := written_report(folder)) is not None:
            return CompletedRun(folder.path, folder.run, asked, (), (), *earlier)
        if left and isinstance(worker, ProcessExecutor):
            server.start_server(asked[0].backend)
        from tlbench.session.report import write  # pandas, while the framework loads

        if left:
            keep = Keep(feature_dir(), most_features()) if cut else None
            outdate_report(folder)
            train = partial(
                _train, inputs=inputs, places=places, executor=worker, keep=keep, slots=slots, suite=read,
                folder=folder, events=events, timed=timed, failed=failed_now,
            )  # fmt: skip
            time_steps = partial(_time, executor=worker, timeout=read.timeout, folder=folder, events=events)
            if seconds is not None:
                purse = Purse(seconds, timed, began, models=read.save_models)
                costs = _within(purse, asked, inputs, folder, train, time_steps, events)
            else:
                costs = train(asked)
                if timed:
                    time_steps(asked)
        written = write(folder)
    spent = written.report.spent if seconds is not None else ()
    said = [taken_sentence(costs, [row.record for row in written.report.rows]), *map(spent_sentence, spent)]
    told = " ".join(filter(None, said))
    failed = written.troubled({cell.id for cell in asked})
    failed += tuple(one for one in failed_now if one.cell_id not in {record.cell_id for record in failed})
    return CompletedRun(folder.path, folder.run, asked, failed, written.files, written.markdown, written.text, told)


def _backends(cells: Sequence[Cell], worker: Executor) -> Sequence[str]:
    """The backends that this Python needs, in order.

    Raises:
        UserError: the inline executor would need several in its single process.
    """
    needed = list(dict.fromkeys(cell.backend for cell in cells))
    if isinstance(worker, InlineExecutor) and len(needed) > 1:
        raise UserError(
            f"backend: the inline executor has one process, and a process one backend, not {' and '.join(needed)}; "
            "take the process executor, or select one of them"
        )
    return needed if isinstance(worker, ProcessExecutor | InlineExecutor) else ()


def _place(given: StrPath | None, variable: str) -> Path | None:
    return settings.at_home(given, variable) if given else settings.folder(variable)


def _find(cells: Sequence[Cell], places: Places, events: Events) -> Inputs:
    def on_decode(name: str, done: int, total: int) -> None:
        if done == 0:
            # The framework loads while images are decoded. The server must start before the first image: starting it
            # changes the environment, and libjpeg's threads crash if they read it (JPEGMEM) meanwhile.
            server.start_server(cells[0].backend)
        events.decoding(name, done, total)

    events.searching()
    inputs = find_inputs(cells, places, on_decode)
    for sentence in inputs.fallbacks():
        events.fallback(sentence)
    for sentence in inputs.read():
        events.read(sentence)
    for sentence in (*inputs.repeated(), *inputs.unbalanced(), *inputs.notes()):
        events.note(sentence)
    for sentence in inputs.skipped():
        events.skipped(sentence)
    return inputs


def _foretold(
    cells: Sequence[Cell], waiting: Sequence[Cell] | None, inputs: Inputs, executor: Executor, events: Events
) -> dict[str, Cost]:
    """Predict the cost of training `cells`, and report it with a note on cells that may need too much memory.

    waiting: cells that only lack step times; None if no steps are timed now.
    """
    costs = predicted([*cells, *(waiting or ())], _counting(inputs), earlier_records())
    timing = sum(cost.timing for cost in costs.values()) if waiting is not None else 0.0
    costs = {cell.id: costs[cell.id] for cell in cells if cell.id in costs}
    if isinstance(executor, ProcessExecutor | InlineExecutor):
        for sentence in memory_sentences(cells, costs, available_memory()):
            events.note(sentence)
    events.foretold({cell_id: cost.seconds for cell_id, cost in costs.items()}, timing)
    return costs


def _within(
    purse: Purse,
    cells: Sequence[Cell],
    inputs: Inputs,
    folder: RunFolder,
    train: Callable[[Sequence[Cell]], dict[str, Cost]],
    time_steps: Callable[[Sequence[Cell]], None],
    events: Events,
) -> dict[str, Cost]:
    """Train and time what the budget allows, and write how it was spent. Returns the predicted costs by cell id."""
    costs, predict, store = dict[str, Cost](), _predicting(inputs), Store(folder.path)

    def train_rung(chosen: Sequence[Cell]) -> None:
        costs.update(train(chosen))

    trained = purse.spend(cells, store, predict, train_rung, events.note)
    if purse.timed:
        time_steps(trained)
    write_spent(folder.path, purse.told(cells, {cell.id for cell in trained}, store, predict))
    return costs


def _predicting(inputs: Inputs) -> Predict:
    """A function that predicts costs from earlier runs on this machine and from the records of this run so far."""
    earlier = earlier_records()

    def predict(cells: Sequence[Cell], so_far: Sequence[Record], alone: bool) -> dict[str, Cost]:
        return predicted(cells, _counting(inputs), [*so_far, *earlier], alone=alone)

    return predict


def _counting(inputs: Inputs) -> Callable[[Cell], dict[str, int] | None]:
    def counts_of(cell: Cell) -> dict[str, int] | None:
        data = inputs.data.get(data_key(cell))
        return {name: sum(split.per_class.values()) for name, split in data.splits.items()} if data else None

    return counts_of


def _train(
    cells: Sequence[Cell],
    *,
    inputs: Inputs,
    places: Places,
    executor: Executor,
    keep: Keep | None,
    slots: Sequence[Share | None],
    suite: Suite,
    folder: RunFolder,
    events: Events,
    timed: bool,
    failed: list[Record],
) -> dict[str, Cost]:
    """Train the cells that are not trained yet. Records of failures are appended to `failed`.

    Returns:
        The predicted costs by cell id.
    """
    store = Store(folder.path)
    there = store.read_all().records
    ready = trained(store, there, suite.save_models)
    todo = [cell for cell in cells if cell.id not in ready]
    waiting = [one.cell for one in untimed(there, cells) if one.cell_id in ready] if timed else None
    costs = _foretold(todo, waiting, inputs, executor, events)
    events.training(len(cells), len(cells) - len(todo))
    models = store.models if suite.save_models else None
    groups = [
        replace(group, memory=suite.memory, models=models, places=places)
        for group in grouped([inputs.job(cell) for cell in todo], keep)
    ]
    policy, logs = Policy(suite.content.retries, suite.content.on_oom), folder.path / "logs"
    failed += run_groups(groups, executor, store, events, timeout=suite.timeout, logs=logs, shares=slots, policy=policy)
    return costs


def _time(cells: Sequence[Cell], executor: Executor, timeout: float, folder: RunFolder, events: Events) -> None:
    store, logs, readings = Store(folder.path), folder.path / "logs", cache_dir() / "reference"
    time_cells(cells, executor, store, events, timeout=timeout, logs=logs, readings=readings)

"""Train and measure the cells of a suite: find what they need, make or resume the run's folder, write its report."""

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

    cells: those that were asked for. failed: their records that lack numbers or step times; one of this call too whose
    earlier numbers are kept, since what it was trained again for is still missing. files: the reports that
    were written; empty where nothing was left to do and the reports were there. markdown: the report. text: a screenful
    of it, for a terminal. predicted: what was trained, beside what it was predicted to take; empty where nothing was.
    """

    cells: tuple[Cell, ...]
    failed: tuple[Record, ...]
    files: tuple[Path, ...]
    markdown: str
    text: str
    predicted: str = ""

    @cached_property
    def report(self) -> "Report":
        """All records in the folder, also of earlier calls, as `tlbench.load` has them; read once, when asked for."""
        from tlbench.session.report import load  # pandas

        return load(self)

    @property
    def frame(self) -> "pd.DataFrame":
        """The report's: one row a record."""
        return self.report.frame

    def __repr__(self) -> str:
        """Where it is, with numbers of cells."""
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

    A run that was stopped goes on where it was; a finished one answers at once. A suite that was changed takes over
    what its earlier runs have made with the same images, weights, software and machine, unless `out` or `fresh` asks
    for a run of its own. A cell that fails is a record that says why, and no error.

    suite: the suite file. select: only these cells, as in ``backbone=MobileNet* strategy=frozen,full``. shard: of those
    one part, as in ``1/4``. out: the run's folder; default ``results/<suite>/<time>-<id>``. fresh: begin a new run even
    where one could be gone on with. executor: ``process``, a child for each group of cells, ``inline``, in this
    process, for a debugger, or ``ray``, on a cluster's machines. workers: cells that train side by side, each with a
    GPU or a part of the cores of its own; default: one a GPU, else 2, on all cores, where memory allows. timed: False
    leaves step times for a later call. cut: False trains every model whole. data, weights, imagenet: folders; default
    ``$TLBENCH_DATA``, ``$TLBENCH_WEIGHTS``, ``$TLBENCH_IMAGENET``. budget: of this call, as ``20 min``: what is most
    promising is trained for as long as it fits, and the rest is named; default: the suite's, if it has one. plugins:
    Python files that add backbones, strategies, ... (docs/extending.md); they are executed, and what they add stays
    known in this process. events: hears how it goes; by default stand-ins and failures are logged, and nothing else.

    Raises UserError for a suite that cannot be run: a mistake in it, images or weights that are missing, a folder that
    holds another run or is being written by one. KeyboardInterrupt leaves what is finished in the folder.

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
    """Those that this Python is to have, in order. Raises UserError where one process is to have several."""
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
            # It loads the framework while images are decoded. Never later: it is started with variables of its own, and
            # a thread in libjpeg that reads the environment (JPEGMEM) while Python changes it ends this process.
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
    """What the training of `cells` will cost; those for which memory may not be enough, on this machine, are named.

    waiting: cells that are trained and only lack step times; None where no step times are taken now.
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
    """Train and time what the budget allows of `cells`, and keep what it was spent on; what was predicted of each."""
    costs, predict, store = dict[str, Cost](), _predicting(inputs), Store(folder.path)

    def one_rung(chosen: Sequence[Cell]) -> None:
        costs.update(train(chosen))

    trained = purse.spend(cells, store, predict, one_rung, events.note)
    if purse.timed:
        time_steps(trained)
    write_spent(folder.path, purse.told(cells, {cell.id for cell in trained}, store, predict))
    return costs


def _predicting(inputs: Inputs) -> Predict:
    """Predicts from earlier runs on this machine, which are read once, and from what this one took so far."""
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
    """Train what is not trained; what was predicted of it. Records of those that fail are added to `failed`."""
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

"""Run a suite: find images and weights, make or resume the folder, train and measure cells, and write the report."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tlbench.cache.folders import cache_dir
from tlbench.core import plugin_files, selection, settings
from tlbench.core.cell import Cell
from tlbench.core.duration import parse_duration
from tlbench.core.errors import UserError, argument, nearest
from tlbench.core.text import counted
from tlbench.costs.predict import Cost
from tlbench.execution import server
from tlbench.execution.executors import EXECUTORS, Executor, InlineExecutor, ProcessExecutor
from tlbench.execution.inputs import Inputs, find_inputs
from tlbench.execution.job import Places, Resources
from tlbench.execution.predicted import taken_sentence
from tlbench.reporting.views.budget import sentence as spent_sentence
from tlbench.results.record import Record
from tlbench.results.run_folder import RunFolder
from tlbench.session.budgeted import Purse
from tlbench.session.events import Events, Logged
from tlbench.session.folder import StrPath, as_path, outdate_report, written_report
from tlbench.session.start import check_place, new_or_resumed
from tlbench.session.work import Work
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

    A run that was stopped is resumed, and a finished one returns at once. After a change to the suite, a run takes over
    cells of other runs that had the same images, weights, software, machine and environment variables of libraries,
    unless `out` or `fresh` asked for a run of its own. A cell that fails is no error: its record says why.

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
    _check(executor, workers)
    events = events or Logged()
    began = time.monotonic()
    read = load_suite(as_path(suite, "suite"))
    if budget is not None and not isinstance(budget, str):
        raise UserError(f"budget={budget!r} has no unit; write it as '20 min', 90 s or 8 h")
    seconds = parse_duration(budget, "budget") if budget is not None else read.content.budget
    purse = Purse(seconds, timed, began, models=read.save_models) if seconds is not None else None
    worker = EXECUTORS[executor]()
    slots = worker.slots(Resources(**read.content.resources.model_dump()), workers)
    for note in read.notes:
        events.note(note)
    cells = expand(read)
    asked = selection.select(cells, select) if select else cells
    asked = selection.shard(asked, shard) if shard else asked
    places = _places(read, data, weights, imagenet)
    place = as_path(out, "out") if out is not None else None
    check_place(read.name, place, fresh)
    _check_paths(read, asked)
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
            outdate_report(folder)
            work = Work(
                suite=read, folder=folder, inputs=inputs, places=places, executor=worker, slots=slots, events=events,
                cut=cut, timed=timed,
            )  # fmt: skip
            costs, failed_now = work.do(asked, purse), work.failed
        written = write(folder)
    spent = written.report.spent if purse is not None else ()
    said = [taken_sentence(costs, [row.record for row in written.report.rows]), *map(spent_sentence, spent)]
    told = " ".join(filter(None, said))
    failed = written.troubled({cell.id for cell in asked})
    failed += tuple(one for one in failed_now if one.cell_id not in {record.cell_id for record in failed})
    return CompletedRun(folder.path, folder.run, asked, failed, written.files, written.markdown, written.text, told)


def _check(executor: str, workers: int | None) -> None:
    """Raise `UserError` for an unknown executor or an impossible number of workers."""
    if executor not in EXECUTORS:
        raise UserError(f"there is no executor {executor!r}; {nearest(executor, list(EXECUTORS), 'executors')}")
    if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int)):
        raise UserError(f"workers={workers!r}: a whole number belongs here")
    if workers is not None and workers < 1:
        raise UserError(f"workers={workers}: at least 1 is needed")
    if workers is not None and workers > MOST_WORKERS:
        raise UserError(f"workers={workers}: at most {MOST_WORKERS} can train side by side")


def _check_paths(suite: Suite, cells: Sequence[Cell]) -> None:
    """Raise `UserError` for a path of the suite that was meant relative to the working directory."""
    for name in dict.fromkeys(cell.dataset.name for cell in cells):
        if sentence := suite.misplaced(name):
            raise UserError(sentence)


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


def _places(suite: Suite, data: StrPath | None, weights: StrPath | None, imagenet: StrPath | None) -> Places:
    own_data, own_weights = settings.folder("TLBENCH_DATA", data), settings.folder("TLBENCH_WEIGHTS", weights)
    for name, folder, given in (("data", own_data, data), ("weights", own_weights, weights)):
        if given is not None and folder is not None and not folder.is_dir():  # also where no cell needs it
            raise UserError(f"the {name} folder {folder} does not exist; correct {argument(name)}")
    return Places(
        data=own_data,
        weights=own_weights,
        imagenet=settings.folder("TLBENCH_IMAGENET", imagenet),
        cache=cache_dir(),
        dataset_paths=suite.dataset_paths,
        synthetic_allowed=suite.fallback.datasets == "synthetic",
        weights_instead=suite.fallback.weights,
    )


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

"""A/B comparison of two environments: train cells in both, measure their steps in turn, and compare."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from tlbench.cache.folders import cache_dir
from tlbench.core import plugin_files
from tlbench.core.cell import Cell
from tlbench.core.errors import UserError, argument
from tlbench.core.files import write_atomically
from tlbench.core.selection import covering, names_ids
from tlbench.core.selection import select as select_cells
from tlbench.core.text import counted
from tlbench.execution import temporary
from tlbench.measuring.jobs import step_key, steps_of
from tlbench.measuring.opening import TimedSide, TimingEvents
from tlbench.measuring.phase import Effort, Measured, Undecided, time_sides
from tlbench.regression.comparison import Comparison, compare
from tlbench.regression.decide import confirmed, flagged, undecided
from tlbench.regression.gates import Gates
from tlbench.regression.matching import counterparts, paired
from tlbench.regression.side import Side, with_cells
from tlbench.results.run_folder import SUITE_FILE, open_run
from tlbench.results.store import Store
from tlbench.session.compare import Shares, changed
from tlbench.session.folder import Run, Say, find_run
from tlbench.session.side import side_of
from tlbench.sides.environments import CURRENT, prepare, same_packages, text_in
from tlbench.sides.remote import Interpreter, Remote
from tlbench.sides.train_side import train_side
from tlbench.suite.expand import expand
from tlbench.suite.load import Suite, load_gates, load_suite

BASE, NEW = "base", "new"
ENVIRONMENTS, MADE = "environments", ".made-by-tlbench"
FOLDERS = {BASE: "a", NEW: "b"}
"""The folder of each side's run, within the common folder."""


class ABEvents(TimingEvents, Protocol):
    """Receives the progress of an A/B comparison."""

    def chosen(self, cells: int) -> None:
        """The cells are known; `cells` of them will be trained and measured on both sides."""

    def said(self, sentence: str) -> None:
        """Something begins."""


def ab(
    suite_file: Path,
    base: str,
    new: str = CURRENT,
    *,
    out: Path,
    events: ABEvents,
    select: str = "",
    data: Path | None = None,
    weights: Path | None = None,
    effort: Effort | None = None,
    gates: Shares | None = None,
    confirm: bool = True,
) -> Comparison:
    """Train the cells of a suite in two environments, measure their steps in turn, and compare new with base.

    Plugin files that are loaded in this process are loaded on both sides too. A cell that fails gets a record.

    Args:
        suite_file: the suite.
        base: an environment, as for `tlbench.sides.environments.prepare`.
        new: the other environment.
        out: a folder for the runs, which is empty or does not exist.
        events: receives the progress.
        select: only these cells.
        data: the folder of images.
        weights: the folder of weights.
        effort: how much to measure.
        gates: the changes that matter, as for `compare`, in place of those in the base's suite.
        confirm: measure again, in new processes, what seems to be worse.

    Raises:
        UserError: an environment cannot be set up, or cannot run the suite.
    """
    left = out / ENVIRONMENTS  # of a call that ended while they were set up
    if out.exists() and any(path != left or not (left / MADE).is_file() for path in out.iterdir()):
        raise UserError(f"{out} is not empty; name another folder with {argument('out')}")
    shutil.rmtree(left, ignore_errors=True)
    suite = load_suite(suite_file)
    own = _gates_in(base, suite)
    trial = _Trial.of(suite, data, weights, changed(own, gates or {}), effort, events, own)
    cells = select_cells(trial.cells, select) if select else trial.cells
    events.chosen(len(cells))
    interpreters = trial.set_up({BASE: base, NEW: new}, out / ENVIRONMENTS)
    if same_packages(interpreters[BASE], interpreters[NEW]):
        events.said(
            "Both sides have the same packages in the same versions: only code that changed within one can differ"
        )
    comparison = trial.run(cells, interpreters, out, None if names_ids(select) else select)
    if confirm and flagged(comparison):
        comparison = trial.confirm(comparison, interpreters, out / "again")
    return comparison


def interrupted(out: Path) -> str:
    """What an interrupted `ab` leaves in `out`, and what can be done with it."""
    runs = {side: out / folder for side, folder in FOLDERS.items() if (out / folder).is_dir()}
    trained = {side: many for side, run in runs.items() if (many := len(Store(run).read_all().records))}
    if not trained:
        left = f"; {out} can be removed" if out.exists() else ""
        return f"no cell was finished, so that nothing is kept: call `tlbench ab` again{left}"
    kept = ", ".join(f"{counted(many, 'record')} of {side} in {runs[side]}" for side, many in trained.items())
    again = "`tlbench ab` cannot go on, since both sides are timed in turn: call it again with another folder"
    if len(trained) < len(FOLDERS):
        return f"kept: {kept}; {again}"
    return f"kept: {kept}; {again}, or compare what there is by `tlbench compare {runs[BASE]} {runs[NEW]}`"


def confirm(
    comparison: Comparison,
    suite_file: Path,
    base: str,
    new: str = CURRENT,
    *,
    events: ABEvents,
    data: Path | None = None,
    weights: Path | None = None,
    gates: Gates | None = None,
) -> Comparison:
    """Train and measure again, in both environments, what seems to be worse in a comparison.

    Arguments are those of `ab`. Only the verdicts of the second measurement are kept.
    """
    if not flagged(comparison):
        return comparison
    suite = load_suite(suite_file)
    trial = _Trial.of(suite, data, weights, gates or suite.gates, None, events, suite.gates)
    with temporary.inner("confirm-") as aside:
        interpreters = trial.set_up({BASE: base, NEW: new}, Path(aside) / ENVIRONMENTS)
        return trial.confirm(comparison, interpreters, Path(aside) / "runs")


def suite_of(run: Run, say: Say) -> Path:
    """The copy of the suite in a run's folder.

    Raises:
        UserError: the suite refers to files beside it by relative paths, which the copy cannot find.
    """
    file = find_run(run, say).path / SUITE_FILE
    if missing := load_suite(file).missing:
        raise UserError(f"{file} is a copy of the suite, beside which {missing[0]} is not; name the suite with --suite")
    return file


@dataclass(frozen=True)
class _Trial:
    """A suite to run in two environments, with the options of `tlbench run` and the plugin files for both sides."""

    suite_file: Path
    cells: tuple[Cell, ...]
    timeout: float
    options: tuple[str, ...]
    gates: Gates
    effort: Effort
    events: ABEvents
    plugins: tuple[str, ...]
    own: Gates
    """Of the base's suite; those of the new side are in its copy of the suite."""

    @classmethod
    def of(
        cls,
        suite: Suite,
        data: Path | None,
        weights: Path | None,
        gates: Gates,
        effort: Effort | None,
        events: ABEvents,
        own: Gates,
    ) -> "_Trial":
        folders = {"--data": data, "--weights": weights}
        options = tuple(word for name, path in folders.items() if path for word in (name, str(path.resolve())))
        plugins = tuple(file.path for file in plugin_files.loaded())
        options += tuple(word for path in plugins for word in ("--plugin", path))
        return cls(suite.path, expand(suite), suite.timeout, options, gates, effort or Effort(), events, plugins, own)

    def set_up(self, specs: Mapping[str, str], folder: Path) -> dict[str, Interpreter]:
        """The environment of each side, created in `folder` if necessary."""
        say = self.events.said
        write_atomically(folder / MADE, b"")  # first of all, to mark that this folder may be removed
        return {side: prepare(spec, folder, lambda words: say(f"{words} …")) for side, spec in specs.items()}

    def confirm(self, comparison: Comparison, interpreters: Mapping[str, Interpreter], out: Path) -> Comparison:
        """`comparison` after training and measuring again, in new processes, what seems to be worse."""
        worse = {judgement.cell.id: judgement.cell for judgement in flagged(comparison)}
        self.events.said(f"Measuring again what seems to be worse: {len(worse)} of {len(comparison.cells)} cells")
        ids = counterparts(self.cells, [*worse.values()])
        cells = [cell for cell in self.cells if cell.id in ids]
        if not cells:
            raise UserError(
                f"{self.suite_file} has none of the cells that seem to be worse; name their suite by --suite"
            )
        return confirmed(comparison, self.run(cells, interpreters, out))

    def run(
        self,
        cells: Sequence[Cell],
        interpreters: Mapping[str, Interpreter],
        out: Path,
        expression: str | None = None,
    ) -> Comparison:
        """Train cells on both sides, measure them in turn, and compare the runs, which are in `out`.

        A side may be another version of tlbench, in which the ids of the same cells are others. So each side selects by
        names, and cells are matched.

        Args:
            cells: the cells, as this version of tlbench makes them.
            interpreters: the environment of each side.
            out: the folder for both runs.
            expression: the terms that selected `cells`; empty for all. None for any other choice of cells: both sides
                may train more than these, and the comparison leaves the rest out.

        Raises:
            UserError: a side cannot run the suite, or both measure different steps.
        """
        logs, runs = out / "logs", {side: out / FOLDERS[side] for side in interpreters}
        selected = covering(cells, self.cells) if expression is None else expression
        options = (*self.options, *(("--select", selected) if selected else ()))
        with ExitStack() as stack:
            hosts = {
                # Started first, so that an unsuitable environment is rejected before anything is trained.
                side: stack.enter_context(Remote(interpreter, logs / f"host.{side}.log", self.plugins))
                for side, interpreter in interpreters.items()
            }
            for side, interpreter in interpreters.items():
                self.events.said(f"{side}: {interpreter.name}")
                cache, log = out / f"cache.{side}", logs / f"train.{side}.log"
                train_side(self.suite_file, options, interpreter, runs[side], cache, log)
            _check_steps([[record.cell for record in Store(run).read_all().records] for run in runs.values()])
            time_sides(
                cells,
                [TimedSide(host, side) for side, host in hosts.items()],
                {side: Store(run) for side, run in runs.items()},
                self.effort,
                undecided_by(cells, self.gates),
                self.events,
                timeout=self.timeout,
                logs=logs,
                readings=cache_dir() / "reference",
            )
        names = _names(interpreters)
        base, new = (side_of([open_run(runs[side])], names[side]) for side in (BASE, NEW))
        if expression is None:
            base, new = (_only(side, cells) for side in (base, new))
        return replace(compare(base.model_copy(update={"gates": self.own}), new, self.gates), of_times=True)


def _gates_in(base: str, suite: Suite) -> Gates:
    """The gates that the suite has in the base, so that a change of it cannot loosen its own."""
    text = text_in(base, suite.path)
    if text is None:
        return suite.gates
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / suite.path.name
        file.write_text(text, encoding="utf-8")
        try:
            return load_gates(file)
        except UserError as error:
            said = str(error).replace(str(file), f"{suite.path} in {base}")
            raise UserError(f"{said}; {argument('gate')} says which gates count") from error


def _only(side: Side, cells: Sequence[Cell]) -> Side:
    """The side with the counterparts of `cells` alone."""
    return with_cells(side, counterparts([entry.cell for entry in side.entries], cells))


def _check_steps(sides: Sequence[Sequence[Cell]]) -> None:
    """Raise UserError if both sides trained a cell whose steps are timed in different ways."""
    base, new = ({cell.id: cell for cell in cells if cell.timing} for cells in sides)
    for now, before in paired([*base.values()], [*new.values()]).items():
        steps = [{step_key(cell, step) for step in steps_of(cell)} for cell in (base[before], new[now])]
        if steps[0] != steps[1]:
            raise UserError(
                f"{new[now].label}: both sides time different steps, since their protocols or optimizers differ; "
                "`tlbench run` the suite with each and judge the runs by `tlbench compare`"
            )


def undecided_by(cells: Sequence[Cell], gates: Gates) -> Undecided:
    """A function that finds undecided steps, by the strictest gate of the cells that share a step."""
    limits: dict[str, float] = {}
    for cell in cells:
        for step in steps_of(cell) if cell.timing else ():
            key = step_key(cell, step)
            limits[key] = min(limits.get(key, 1.0), gates.of(cell)["time"])

    def left(measured: Measured) -> Mapping[str, int]:
        processes = {key: (sides[BASE].processes(), sides[NEW].processes()) for key, sides in measured.items()}
        limit = {key: limits[step_key(sides[BASE].job.cell, sides[BASE].step)] for key, sides in measured.items()}
        return undecided(processes, limit)

    return left


def _names(interpreters: Mapping[str, Interpreter]) -> dict[str, str]:
    """The names of the sides in reports, with the side if both are the same environment."""
    alike = len({interpreter.name for interpreter in interpreters.values()}) == 1
    return {side: made.name + (f" ({side})" if alike else "") for side, made in interpreters.items()}

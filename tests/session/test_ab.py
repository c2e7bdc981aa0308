"""`ab` and `compare --confirm` with environments, trainings and models that are played: who is judged by whom, and how often."""

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Self
from unittest.mock import Mock

import pytest

from tests import builders
from tests.integration.conftest import MOBILENET, TINY
from tests.measuring.played import Heard, Host
from tests.narrow import present
from tests.repositories import commit
from tlbench.core import plugin_files
from tlbench.core.cell import RECIPE, Cell
from tlbench.core.errors import UserError
from tlbench.core.selection import select
from tlbench.measuring.jobs import ModelJob, keys_of, steps_of
from tlbench.measuring.phase import Effort
from tlbench.regression.comparison import Comparison, compare
from tlbench.regression.gates import Gates
from tlbench.regression.verdicts import Verdict
from tlbench.reporting.comparison_formats import text as as_text
from tlbench.results.run_folder import create, open_run
from tlbench.results.store import Store
from tlbench.session import ab as module
from tlbench.session.ab import ab, confirm, interrupted, suite_of, undecided_by
from tlbench.session.side import side_of
from tlbench.sides.remote import Interpreter
from tlbench.suite.expand import expand
from tlbench.suite.load import load_suite

EFFORT = Effort(processes=2, rounds=12)
SLOWER = {"inference": 2.0}


class Told(Heard):
    def __init__(self) -> None:
        super().__init__()
        self.sentences: list[str] = []
        self.cells = 0

    def chosen(self, cells: int) -> None:
        self.cells = cells

    def said(self, sentence: str) -> None:
        self.sentences.append(sentence)


class Stage:
    """Environments by name, some slower than others; the order of what happens in them."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.events = folder, Told()
        self.suite = folder / "tiny.yaml"
        self.suite.write_text(TINY)
        self.happened: list[str] = []
        self.recipes: dict[str, int] = {}
        """For environments with another version of tlbench: the version of its recipes."""
        self.correct: dict[str, int] = {}
        """How many of 200 images the models of an environment predict correctly; without accuracy if it is not named."""
        self.timing: dict[str, str] = {}
        self.slower: dict[str, list[dict[str, float]]] = {}
        """For each environment: the factors of its first host, of its second one, ...; then none."""
        monkeypatch.setattr(module, "prepare", lambda spec, place, say: Interpreter(Path(spec), {}, spec))
        monkeypatch.setattr(module, "train_side", self._train)
        monkeypatch.setattr(module, "Remote", self._remote)

    def ab(self, base: str = "current", new: str = "current", **options: object) -> Comparison:
        arguments = {"out": self.folder / "out", "events": self.events, "effort": EFFORT, **options}
        return ab(self.suite, base, new, **arguments)  # type: ignore[arg-type]

    def _train(
        self, suite: Path, options: Sequence[str], interpreter: Interpreter, out: Path, cache: Path, log: Path
    ) -> None:
        plugins = [after for word, after in pairwise(options) if word == "--plugin"]
        self.happened.append(" ".join(["train", interpreter.name, *plugins]))
        loaded = load_suite(suite)
        with pytest.MonkeyPatch.context() as other:
            other.setattr("tlbench.suite.expand.RECIPE", self.recipes.get(interpreter.name, RECIPE))
            cells = expand(loaded)
        if "--select" in options:
            self.selected = options[options.index("--select") + 1]
            cells = select(cells, self.selected)
        if protocol := self.timing.get(interpreter.name):
            cells = tuple(
                cell.model_copy(update={"timing": cell.protocol.model_copy(update={"protocol": protocol})})
                for cell in cells
            )
        create(out, loaded.name, loaded.text, [cell.id for cell in cells], datetime.now(UTC))
        for cell in cells:
            correct = self.correct.get(interpreter.name)
            accuracy = None if correct is None else builders.accuracy(correct, 200)
            Store(out).write(builders.record(cell, timings=None, accuracy=accuracy))

    def _remote(self, interpreter: Interpreter, log: Path, plugins: Sequence[str]) -> "PlayedRemote":
        self.happened.append(" ".join(["host", interpreter.name, *plugins]))
        rest = self.slower.get(interpreter.name, [])
        return PlayedRemote(slower=rest.pop(0) if rest else None)


class PlayedRemote(Host):
    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None: ...


def times(comparison: Comparison) -> dict[str, set[Verdict]]:
    """The verdicts on times, by the kind of step."""
    verdicts: dict[str, set[Verdict]] = {}
    for judgement in comparison.judgements:
        if judgement.metric == "time":
            verdicts.setdefault(judgement.name.split()[0], set()).add(judgement.verdict)
    return verdicts


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr("tlbench.measuring.session.OtherLoad", lambda: type("Idle", (), {"cores": lambda self: 0.0})())
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    return Stage(tmp_path, monkeypatch)


def test_the_same_environment_twice_is_no_regression(stage: Stage) -> None:
    comparison = stage.ab()
    assert comparison.exit_code == 0
    assert times(comparison) == {"inference": {"unchanged"}, "training": {"unchanged"}}
    assert (comparison.base.name, comparison.new.name) == ("current (base)", "current (new)")
    assert stage.events.cells == 2
    assert stage.events.sentences == ["base: current", "new: current"]


def test_hosts_are_greeted_before_anything_is_trained(stage: Stage) -> None:
    stage.ab("old", "new")
    assert stage.happened == ["host old", "host new", "train old", "train new"]


def test_both_sides_execute_the_plugins_of_this_process(stage: Stage, tmp_path: Path) -> None:
    file = tmp_path / "my.py"
    file.write_text('ENTRY_POINTS = {"tlbench.datasets": {}}\n')
    plugin_files.load(file)
    try:
        stage.ab("old", "new", confirm=False)
    finally:
        plugin_files.adopt([])
    assert stage.happened == [f"{what} {side} {file}" for what in ("host", "train") for side in ("old", "new")]


def test_new_is_judged_by_base_and_each_has_its_folder(stage: Stage) -> None:
    stage.slower["slow"] = [SLOWER]
    worse = stage.ab("fast", "slow", confirm=False)
    assert worse.exit_code == 1
    assert times(worse) == {"inference": {"regressed"}, "training": {"unchanged"}}
    base, new = (
        present(Store(stage.folder / "out" / side).read_all().records[0].timings).inference.median
        for side in ("a", "b")
    )
    assert new == pytest.approx(2 * base)
    stage.slower["slow"] = [SLOWER]
    better = stage.ab("slow", "fast", out=stage.folder / "other", confirm=False)
    assert times(better)["inference"] == {"improved"}


def test_a_change_cannot_loosen_the_gate_that_it_is_judged_by(stage: Stage) -> None:
    commit(stage.folder, {stage.suite.name: f"{TINY}gates: {{time: 5%}}\n"})
    stage.suite.write_text(f"{TINY}gates: {{time: 100%}}\n")
    for base, gate, code in (("git:HEAD", 0.05, 1), ("old", 1.0, 0), ("git:HEAD~9", 1.0, 0)):
        stage.slower["new"] = [SLOWER]
        judged = stage.ab(base, "new", out=stage.folder / base, confirm=False)
        assert ({one.gate for one in judged.judgements if one.metric == "time"}, judged.exit_code) == ({gate}, code)
        note = "gates differ, and those of the base count: time 0.05 in the base, 1 now"
        assert (note in judged.notes) == (base == "git:HEAD")
    stage.slower["new"] = [SLOWER]
    asked = stage.ab("git:HEAD", "new", out=stage.folder / "asked", gates={"time": "100%"}, confirm=False)
    assert asked.exit_code == 0


def test_sides_with_the_same_packages_are_told(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "same_packages", lambda base, new: True)
    stage.ab("fast", "fast", confirm=False)
    assert (
        "Both sides have the same packages in the same versions: only code that changed within one can differ"
        in stage.events.sentences
    )


def test_what_seems_to_be_worse_is_measured_again_in_fresh_processes(stage: Stage) -> None:
    stage.slower["slow"] = [SLOWER, SLOWER]
    comparison = stage.ab("fast", "slow")
    assert times(comparison)["inference"] == {"regressed"}
    assert stage.happened.count("train slow") == 2
    assert "Measuring again what seems to be worse: 2 of 2 cells" in stage.events.sentences
    assert (stage.folder / "out/again/a").is_dir()


def test_what_was_slow_once_only_is_no_regression(stage: Stage) -> None:
    stage.slower["slow"] = [SLOWER]
    comparison = stage.ab("fast", "slow")
    assert times(comparison)["inference"] == {"inconclusive"}
    assert comparison.exit_code == 0


def test_selected_cells_alone_are_run(stage: Stage) -> None:
    comparison = stage.ab(select="strategy=full")
    assert [cell.label.split(" · ")[2] for cell in comparison.cells] == ["full"]
    assert stage.events.cells == 1


@pytest.mark.parametrize("older", ["base", "new"])
@pytest.mark.parametrize("chosen", ["", "strategy=full", "id"])
def test_a_version_with_other_recipes_has_the_same_cells_under_other_ids(stage: Stage, older: str, chosen: str) -> None:
    stage.recipes["older"], stage.slower["slow"] = 2, [SLOWER, SLOWER]
    stage.recipes["slow"] = 3 if older == "base" else 2
    base, new = ("older", "slow") if older == "base" else ("fast", "slow")
    full = next(cell for cell in expand(load_suite(stage.suite)) if cell.strategy.name == "full")
    comparison = stage.ab(base, new, select=f"id={full.id[:6]}*" if chosen == "id" else chosen)
    assert len(comparison.cells) == len(comparison.base.entries) == len(comparison.new.entries) == (1 if chosen else 2)
    assert {entry.cell.recipe for entry in comparison.base.entries} == {2 if older == "base" else 3}
    assert {entry.cell.recipe for entry in comparison.new.entries} == {3 if older == "base" else 2}
    assert times(comparison) == {"inference": {"regressed"}, "training": {"unchanged"}}
    assert all("confirmed" in one.reason for one in comparison.of("regressed"))
    assert {judgement.reason for judgement in comparison.judgements if judgement.metric == "outcome"} == set()


def test_an_accuracy_of_another_recipe_is_shown_and_leaves_the_verdict_to_the_times(stage: Stage) -> None:
    stage.recipes["older"], stage.correct = 2, {"older": 180, "fast": 90, "slow": 90}
    stage.slower["slow"] = [SLOWER]
    for new in ("fast", "slow"):  # what is slow once only is not confirmed
        comparison = stage.ab("older", new, out=stage.folder / new)
        accuracies = [one for one in comparison.judgements if one.metric == "accuracy"]
        assert {(one.base, one.new, one.verdict) for one in accuracies} == {(0.9, 0.45, "not comparable")}
        assert "— 90.0% → 45.0%" in as_text(comparison)
        assert "trained by another recipe" in as_text(comparison)
        assert (comparison.unjudged, comparison.exit_code) == ([], 0)


def test_versions_that_time_different_steps_cannot_take_turns(stage: Stage) -> None:
    stage.timing["older"] = "custom"
    with pytest.raises(UserError, match="both sides time different steps, since their protocols or optimizers differ"):
        stage.ab("older", "fast")


@pytest.mark.parametrize("recipe", range(2, 8))
def test_versions_that_time_the_same_steps_of_several_optimizers_take_turns(stage: Stage, recipe: int) -> None:
    """The ids of the cells, and so their order, are others in each version."""
    stage.suite.write_text(TINY.replace("epochs: 2", "epochs: 2, optimizer: [adam, sgd]"))
    stage.recipes["older"] = recipe
    comparison = stage.ab("older", "fast")
    assert {one.verdict for one in comparison.judgements if one.metric == "time"} == {"unchanged"}
    assert len(comparison.cells) == 4


def test_an_interrupted_one_says_what_is_kept_where_and_how_to_go_on(stage: Stage, tmp_path: Path) -> None:
    assert interrupted(tmp_path / "no") == "no cell was finished, so that nothing is kept: call `tlbench ab` again"
    stage.ab()
    out = next(path.parent for path in stage.folder.rglob("a") if path.is_dir())
    said = interrupted(out)
    assert f"2 records of base in {out / 'a'}, 2 records of new in {out / 'b'}" in said
    assert "cannot go on" in said
    assert f"`tlbench compare {out / 'a'} {out / 'b'}`" in said
    shutil.rmtree(out / "b")
    assert "tlbench compare" not in interrupted(out)
    assert f"of base in {out / 'a'}; `tlbench ab` cannot go on" in interrupted(out)
    shutil.rmtree(out / "a")
    assert f"{out} can be removed" in interrupted(out)


def test_a_folder_with_something_in_it_is_refused(stage: Stage) -> None:
    (stage.folder / "out").mkdir()
    (stage.folder / "out/file").touch()
    with pytest.raises(UserError, match="is not empty"):
        stage.ab()


def test_what_a_call_left_that_ended_while_environments_were_set_up_is_in_nobody_s_way(stage: Stage) -> None:
    left = stage.folder / "out/environments/half"
    left.mkdir(parents=True)
    with pytest.raises(UserError, match="is not empty"):  # it may be the user's own
        stage.ab(select="strategy=full")
    assert left.exists()
    shutil.rmtree(stage.folder / "out")
    with pytest.MonkeyPatch.context() as killed:
        killed.setattr(module, "prepare", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            stage.ab(select="strategy=full")
    left.mkdir(parents=True)
    assert stage.ab(select="strategy=full").exit_code == 0
    assert not left.exists()


def test_a_comparison_of_two_runs_is_confirmed_where_something_seems_to_be_worse(stage: Stage) -> None:
    stage.slower["slow"] = [SLOWER]
    stage.ab("fast", "slow", confirm=False)
    base, new = (side_of([open_run(stage.folder / "out" / side)], side) for side in ("a", "b"))
    first = compare(base, new, Gates())
    assert first.exit_code == 1
    assert confirm(first, stage.suite, "fast", "slow", events=stage.events).exit_code == 0
    fine = compare(base, base, Gates())
    stage.happened.clear()
    assert confirm(fine, stage.suite, "fast", "slow", events=stage.events) is fine
    assert stage.happened == []


def test_the_copy_of_a_suite_in_a_run_is_not_beside_what_it_names(tmp_path: Path) -> None:
    model = TINY.replace("{name: shapes, path: shapes}", "cats_dogs").replace(MOBILENET, "{name: file, path: my.keras}")
    for name, text, named in (("data", TINY, "/shapes"), ("model", model, "my.keras")):
        run = create(tmp_path / name, "own", text, ["0" * 12], datetime.now(UTC)).path
        with pytest.raises(UserError, match=rf"suite\.yaml is a copy .*{named} is not; name the suite with --suite$"):
            suite_of(run, print)
    (tmp_path / "data" / "shapes").mkdir()
    assert suite_of(tmp_path / "data", print) == tmp_path / "data" / "suite.yaml"


class Processes:
    """What two processes of a side gave of a step: rounds of one sample each, in seconds."""

    def __init__(self, cell: Cell, *seconds: float) -> None:
        self.job, self.step = ModelJob(cell=cell, classes=2, steps=()), steps_of(cell)[0]
        self._rounds = tuple((each,) for each in seconds)

    def processes(self) -> tuple[tuple[tuple[float, ...], ...], ...]:
        return (self._rounds, self._rounds)


def test_a_step_is_decided_by_the_strictest_gate_of_the_cells_that_share_it(stage: Stage) -> None:
    frozen, full = expand(load_suite(stage.suite))
    inference = keys_of(builders.record(frozen))[0]
    assert inference in keys_of(builders.record(full))
    base, new = Processes(frozen, *[1.0] * 12), Processes(frozen, *[0.9 + 0.02 * number for number in range(12)])
    measured: Any = {inference: {"base": base, "new": new}}
    wide = Gates.model_validate({"time": 0.5})
    strict_for_one = Gates.model_validate({"time": 0.5, "cells": ({"strategy": "full", "time": 0.05},)})
    assert undecided_by([frozen, full], wide)(measured) == {}
    for cells in ([frozen, full], [full, frozen]):
        assert set(undecided_by(cells, strict_for_one)(measured)) == {inference}
    assert undecided_by([frozen], strict_for_one)(measured) == {}

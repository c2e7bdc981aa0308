"""The use case of a run, with an executor that replays records in the place of workers."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from itertools import groupby
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import tlbench
from tests import builders
from tests.narrow import present
from tlbench.cli.plan import command as plan_command
from tlbench.core.cell import Cell
from tlbench.core.errors import UserError
from tlbench.datasets import intel, synthetic
from tlbench.execution import server
from tlbench.execution.executors import EXECUTORS
from tlbench.execution.inputs import find_inputs
from tlbench.execution.job import Finished, Group, Job, Places, Progress, Resources
from tlbench.execution.outcome import Outcome, Raised, Returned
from tlbench.execution.resume import still_valid
from tlbench.host.environment import capture
from tlbench.host.shares import Share
from tlbench.results.measured import Environment, Relative
from tlbench.results.owner import OWNER_FILE, OwnedError, Owner
from tlbench.results.record import Record, SavedModel
from tlbench.results.run_folder import RunFolder, open_run
from tlbench.results.store import Store
from tlbench.session import report, start
from tlbench.session.costs import earlier_records
from tlbench.session.side import read_side

SUITE = """\
name: replayed
datasets: {name: intel}
backbones: {name: MobileNet, alpha: 0.25, weights: random}
strategies: [frozen, full]
image_size: 32
limit: {train: 4, validation: 2, test: 2}
train: {epochs: 2, batch_size: 16}
timing: {protocol: none}
fallback: {datasets: synthetic}
"""


@dataclass
class Replay:
    """Runs groups of cells by giving each the record of `builders`, or by failing for strategies in `fails`."""

    fails: set[str] = field(default_factory=set)
    ran: list[str] = field(default_factory=list)

    def run(self, group: Group, on_message: Any, timeout: float, log: Path) -> Outcome:
        for job in group.jobs:
            name = job.cell.strategy.name
            self.ran.append(name)
            if name in self.fails:
                return Raised("ValueError", "cannot", "Traceback", False)
            on_message(Progress("train", 1, 0.5))
            on_message(Finished(self._record(job)))
        return Returned(None)

    def stop(self) -> None:
        raise AssertionError("nothing is to be stopped")

    def slots(self, needs: Resources, workers: int | None) -> Sequence[Share | None]:
        return (None,)

    def open(self, job: object, timeout: float, log: Path) -> Any:
        raise AssertionError("nothing is to be timed")

    def _record(self, job: Job) -> Record:
        assert job.data is not None
        return builders.record(job.cell, data=job.data.provenance(), weights=job.weights, timings=None)


class Heard:
    """Events of which the names are kept, in order, and what each told last."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.told: dict[str, tuple[Any, ...]] = {}

    def __getattr__(self, name: str) -> Any:
        def heard(*told: Any) -> None:
            self.names.append(name)
            self.told[name] = told

        return heard

    @property
    def story(self) -> list[str]:
        """The names, those that come several times in a row once."""
        return [name for name, _ in groupby(self.names)]


@pytest.fixture
def replay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Replay:
    executor = Replay()
    monkeypatch.setitem(EXECUTORS._builtin, "replay", lambda: executor)
    monkeypatch.setattr(server, "start_server", lambda backend: None)
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    for variable in ("TLBENCH_DATA", "TLBENCH_WEIGHTS", "TLBENCH_IMAGENET"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "suite.yaml").write_text(SUITE)
    return executor


def draw(file: Path, color: int | None = None) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    seed = int.from_bytes(str(file).encode()) % 2**32 if color is None else color
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (40, 40, 3), np.uint8)).save(file)


def run(**options: Any) -> tlbench.CompletedRun:
    return tlbench.run("suite.yaml", executor="replay", **{"workers": 1, **options})


def test_a_run_is_a_folder_with_a_frame_and_what_was_done(replay: Replay) -> None:
    heard = Heard()
    done = run(events=heard)
    assert isinstance(done, RunFolder)
    assert done.path.parent == Path("results/replayed")
    assert {path.name.split(".")[0] for path in done.files} == {"report"}
    assert all(path.exists() for path in done.files)
    assert list(done.frame.strategy) == ["frozen", "full"]
    assert done.frame.equals(tlbench.load(done).frame)
    assert done.failed == ()
    assert repr(done) == f"<CompletedRun in {done.path}: 2 cells, 0 failed>"
    assert done._repr_markdown_() == (done.files[0]).read_text()
    assert done.text == (done.path / done.files[0].name.replace(".md", ".txt")).read_text()
    assert "<table>" in done._repr_html_()
    assert heard.story == [
        *("searching", "decoding", "fallback", "created", "foretold", "training"),
        *("begin", "progress", "end", "begin", "progress", "end"),
    ]


def test_workers_are_started_before_the_first_image_is_decoded(replay: Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting them changes the environment, which libjpeg reads in threads: that once ended a run with a SIGSEGV."""
    order: list[str] = []
    drawn = synthetic.draw

    def draw(*told: Any) -> Any:
        order.append("image")
        return drawn(*told)

    monkeypatch.setattr(server, "start_server", lambda backend: order.append("server"))
    monkeypatch.setattr(synthetic, "draw", draw)
    run()
    assert (order[0], order.count("server")) == ("server", 1)
    assert "image" in order


def test_what_reports_need_is_imported_while_the_framework_is(replay: Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    """pandas takes half a second, for which everybody would wait after the last child."""
    order, train, name = list[str](), replay.run, "tlbench.session.report"

    def look(*told: Any, **options: Any) -> Outcome:
        order.append("trained with reports" if name in sys.modules else "trained without")
        return train(*told, **options)

    run()  # decodes the images
    monkeypatch.setattr("tlbench.session.run.ProcessExecutor", Replay)
    monkeypatch.setattr(server, "start_server", lambda backend: order.append("server"))
    monkeypatch.setattr(replay, "run", look)
    monkeypatch.setattr(tlbench.session, "report", report)  # is put back, as the entry of the next line
    monkeypatch.delitem(sys.modules, name)
    run(fresh=True)
    assert order == ["server", "trained with reports", "trained with reports"]


def test_a_selection_is_run_and_the_rest_later_in_the_same_folder(replay: Replay) -> None:
    first = run(select="strategy=full")
    assert [cell.strategy.name for cell in first.cells] == ["full"]
    heard = Heard()
    second = run(events=heard)
    training, timing = heard.told["foretold"]
    (missing,) = {cell.id for cell in second.cells} - {cell.id for cell in first.cells}
    assert list(training) == [missing]
    assert training[missing] > 0
    assert timing == 0  # the suite takes no step times
    assert second.path == first.path
    assert replay.ran == ["full", "frozen"]
    assert "resumed" in heard.names
    assert list(second.frame.strategy) == ["frozen", "full"]


def test_a_selection_of_other_cells_does_not_go_on_with_other_images(replay: Replay) -> None:
    first = run(select="strategy=frozen", out="here")
    (record,) = Store(first.path).look()
    assert record.data is not None
    other = record.data.model_copy(update={"fingerprint": "0" * 64})  # before somebody has replaced the pictures
    Store(first.path).write(record.model_copy(update={"data": other}))
    with pytest.raises(UserError, match="here holds a run of other cells, images, weights or plugins"):
        run(select="strategy=full", out="here")
    Store(first.path).write(record)
    run(select="strategy=full", out="here")
    assert replay.ran == ["frozen", "full"]


def test_a_folder_that_another_run_writes_is_refused_before_anything_is_trained(replay: Replay) -> None:
    with Owner(Path("out")), pytest.raises(OwnedError, match="out is being written by another run"):
        run(out="out")
    assert replay.ran == []
    done = run(out="out")
    assert not (done.path / OWNER_FILE).exists()
    with Owner(done.path):
        assert run(out="out").markdown == done.markdown  # what is finished is only read


def test_a_finished_run_writes_nothing_again_unless_asked_to_be_fresh(replay: Replay) -> None:
    first, heard = run(workers=1), Heard()
    again = run(events=heard)
    assert (again.path, again.files) == (first.path, ())
    assert (again.markdown, again.text) == (first.markdown, first.text)
    assert heard.names[-1] == "complete"
    assert run(fresh=True, workers=1).path != first.path
    assert replay.ran == ["frozen", "full"] * 2


def test_a_report_from_before_the_clock_was_set_back_is_not_taken_for_a_new_one(
    replay: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(select="strategy=frozen", out="here")
    later = time.time() + 3600
    for file in first.path.glob("report*"):
        os.utime(file, (later, later))
    with monkeypatch.context() as stopped:
        stopped.setattr(report, "write", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run(out="here")
    done = run(out="here")
    assert replay.ran == ["frozen", "full"]
    assert done.files
    assert "full" in done.markdown


def test_a_disk_that_is_full_loses_nothing_and_the_run_goes_on_when_there_is_room(
    replay: Replay, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("this user may mount no small disk")
    try:
        (disk / "other").write_bytes(bytes(236 * 1024))
        with pytest.raises(OSError, match="No space left on device"):
            run(out=disk / "run")
        assert not [path.name for path in disk.rglob(".*")]  # no half of a file
        (disk / "other").unlink()
        done = run(out=disk / "run")
        assert list(done.frame.strategy) == ["frozen", "full"]
        assert not (done.path / "set_aside").exists()
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_predictions_that_are_damaged_are_set_aside_and_their_cell_is_run_again(replay: Replay) -> None:
    first, heard = run(workers=1), Heard()
    frozen = next(cell for cell in first.cells if cell.strategy.name == "frozen")
    file = first.path / "predictions" / f"{frozen.id}.npz"
    file.parent.mkdir()
    file.write_bytes(b"PK")
    assert run(events=heard).path == first.path
    assert replay.ran == ["frozen", "full", "frozen"]
    assert heard.names.count("set_aside") == 1
    assert (first.path / "set_aside" / file.name).read_bytes() == b"PK"
    replay.fails = {"frozen"}
    failed = run()  # which wrote no new ones: they are still missing
    assert [(record.cell.strategy.name, record.status) for record in failed.failed] == [("frozen", "failed")]
    assert list(failed.frame.status) == ["ok", "ok"]  # what was measured stays
    replay.fails = set()
    assert run().failed == ()


def test_a_model_that_is_missing_is_made_within_a_budget_too(replay: Replay) -> None:
    run(budget="1 h")
    Path("suite.yaml").write_text(SUITE + "save_models: true\n")
    run(budget="1 h")
    assert sorted(replay.ran) == ["frozen", "frozen", "full", "full"]


def test_a_cell_that_fails_is_named_and_tried_again(replay: Replay, caplog: pytest.LogCaptureFixture) -> None:
    replay.fails = {"full"}
    done = run(out="here")
    assert [(record.cell.strategy.name, record.status) for record in done.failed] == [("full", "failed")]
    assert any(said.startswith("failed: MobileNet") for said in caplog.messages)
    assert any(said.startswith("fallback: intel: no photographs found") for said in caplog.messages)
    assert run(out="here", select="strategy=frozen").failed == ()
    replay.fails = set()
    assert run(out="here").failed == ()
    assert replay.ran == ["frozen", "full", "full"]


def test_a_suite_that_is_changed_keeps_what_still_holds(replay: Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    here, heard = capture(), Heard()
    monkeypatch.setattr(builders, "environment", lambda: here)

    def changed(strategies: str, **options: Any) -> list[str]:
        before = len(replay.ran)
        Path("suite.yaml").write_text(SUITE.replace("[frozen, full]", strategies))
        done = run(**options)
        assert ", ".join(done.frame.strategy) == strategies.strip("[]")
        return replay.ran[before:]

    first = run()
    assert changed("[frozen, full, norm]", events=heard) == ["norm"]
    assert heard.told["note"] == (
        f"2 of 3 cells taken over from {first.path}, with the same images, weights and software; --fresh trains all",
    )
    assert [len(entry.memory) for entry in read_side(first.path.parent).entries] == [
        1,
        1,
        1,
    ]  # a copy is no second draw
    assert changed("[norm, full]") == []
    assert changed("[norm, bias]", out="here") == ["norm", "bias"]
    assert changed("[full, bias]", fresh=True) == ["full", "bias"]
    other = here.model_copy(update={"versions": here.versions | {"keras": "0.1"}})
    monkeypatch.setattr(start, "capture", lambda: other)
    assert changed("[frozen, bias]") == ["frozen", "bias"]


def test_step_times_are_taken_over_beside_the_model_to_which_they_are_relative(replay: Replay, tmp_path: Path) -> None:
    run()
    folder, here = open_run(next(Path("results/replayed").iterdir())), builders.environment()
    records = {record.cell.strategy.name: record for record in Store(folder.path).read_all().records}
    frozen, full = records["frozen"], records["full"]
    places = Places(None, None, tmp_path / "cache", None, {}, synthetic_allowed=True, weights_instead=None)
    inputs = find_inputs([frozen.cell, full.cell], places)
    for record in (frozen, full):
        steps = (builders.step(relative=Relative(to=frozen.cell_id, estimate=1.0, low=1.0, high=1.0)),)
        times = builders.timings().model_copy(update={"steps": steps})
        Store(folder.path).write(record.model_copy(update={"timings": times}))

    def timed(*cells: Cell, here: Environment = here) -> list[bool]:
        return [record.timings is not None for _, record in still_valid([folder], cells, inputs, here)]

    assert timed(frozen.cell, full.cell) == [True, True]
    assert timed(full.cell) == [False]
    assert timed(full.cell, here=builders.environment(cpu="other")) == []


def test_what_is_taken_over_comes_with_its_predictions_and_its_model(tmp_path: Path) -> None:
    theirs, ours = Store(tmp_path / "theirs"), Store(tmp_path / "ours")
    record = builders.record(saved_model=SavedModel(file="models/m.keras", sha256="0" * 64, bytes=5))
    theirs.write(record)
    labels = np.arange(200, dtype=np.int32) % 2
    right = np.where(np.arange(200) < 186, labels, 1 - labels)
    file = theirs.write_predictions(record.cell_id, {"test": (np.eye(2, dtype=np.float32)[right], labels)})
    theirs.models.mkdir()
    (theirs.models / "m.keras").write_bytes(b"model")
    ours.take_over(record, theirs)
    assert ours.read(record.cell_id) == record
    assert ours.read_right(record).sum() == 186
    assert present(ours.model_file(record)).read_bytes() == b"model"
    theirs.read_right(record)
    assert file.exists()


def test_what_cannot_be_run_is_a_user_error_before_anything_is_made(replay: Replay, tmp_path: Path) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"executor": "proces"}, "there is no executor 'proces'; did you mean 'process'"),
        ({"executor": "inline", "workers": 2}, "leave out one of the two"),
        ({"workers": -1}, "workers=-1: at least 1 is needed"),
        ({"workers": 10**11}, "workers=100000000000: at most 10000 can train side by side"),
        ({"select": "strategy=none"}, "matches none of the 2 cells"),
        ({"out": "."}, "is not empty and no run"),
    ]
    for options, sentence in wrong:
        with pytest.raises(UserError, match=sentence):
            tlbench.run("suite.yaml", **{"executor": "replay", **options})
    assert not (tmp_path / "results").exists()
    run(out="here")
    with pytest.raises(UserError, match="here holds a run already"):
        run(out="here", fresh=True)
    (tmp_path / "suite.yaml").write_text(SUITE.replace("epochs: 2", "epochs: 1"))
    with pytest.raises(UserError, match="here holds a run of other cells"):
        run(out="here")


def test_a_backend_that_is_not_installed_is_refused_once_before_a_folder_is_made(
    replay: Replay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "start_server", lambda backend: None)
    monkeypatch.setattr(importlib.util, "find_spec", {"tensorflow": ModuleSpec("tensorflow", None, origin="x")}.get)
    (tmp_path / "suite.yaml").write_text(SUITE + "backend: jax\n")
    for executor in ("process", "inline"):
        with pytest.raises(UserError, match=r"backend: jax is not installed for .*; pip install 'tlbench\[jax\]'"):
            tlbench.run("suite.yaml", executor=executor)
    (tmp_path / "suite.yaml").write_text(SUITE + "backend: [tensorflow, jax]\n")
    with pytest.raises(UserError, match="backend: jax is not installed"):
        tlbench.run("suite.yaml")
    with pytest.raises(UserError, match="has one process, and a process one backend, not tensorflow and jax; take"):
        tlbench.run("suite.yaml", executor="inline")
    (tmp_path / "suite.yaml").write_text(SUITE + "backend: jax\n")
    (tmp_path / "jax").mkdir()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: ModuleSpec(name, None, is_package=True))
    with pytest.raises(UserError, match="backend: jax is not installed"):  # a folder of that name lies here
        tlbench.run("suite.yaml")
    assert not (tmp_path / "results").exists()
    done = run()  # elsewhere, as on a cluster
    assert replay.ran == ["frozen", "full"]
    assert tlbench.run("suite.yaml").path == done.path  # what is finished needs no backend


def test_a_plan_says_how_many_trials_there_are(tmp_path: Path) -> None:
    grid = "epochs: 2, tune: {learning_rate: [1e-4, 1e-3], l2: [1, 0.1]}"
    (tmp_path / "tuned.yaml").write_text(SUITE.replace("epochs: 2", grid))
    plan = tlbench.plan(tmp_path / "tuned.yaml")
    assert "Tuning: 2 trials for 2 of 2 cells." in plan.sentences
    assert list(plan.frame.trials) == [2, 2]


def test_a_plan_says_what_it_did_not_find_and_what_it_did_not_look_for(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    own = SUITE.replace("datasets: {name: intel}", "datasets: [{name: a, path: there}, {name: b, path: gone}]")
    own = own.replace("strategies: [frozen, full]", "strategies: [{name: partial, from_layer: conv_9}]")
    (tmp_path / "own.yaml").write_text(own)
    missing, unknown = tlbench.plan(tmp_path / "own.yaml").notes
    assert missing == f"b: {tmp_path / 'gone'} does not exist; `run` needs it"
    assert unknown == (
        "from_layer: whether MobileNet has a layer 'conv_9' is seen when `run` builds it; "
        "`tlbench inspect MobileNet --layers` names them"
    )


@pytest.mark.parametrize("call", [tlbench.run, tlbench.plan, tlbench.load])
def test_what_is_no_path_is_refused_in_a_sentence(call: Callable[[Any], object]) -> None:
    with pytest.raises(UserError, match="a path belongs here, not 5"):
        call(5)


def test_a_plan_knows_what_is_done(replay: Replay) -> None:
    before = tlbench.plan("suite.yaml")
    assert (len(before.cells), len(before.to_do)) == (2, 2)
    assert any(said.startswith("No earlier run on this machine") for said in before.sentences)
    assert set(before.costs) == {cell.id for cell in before.cells}
    run(select="strategy=frozen")
    after = tlbench.plan("suite.yaml")
    assert [cell.strategy.name for cell in after.to_do] == ["full"]
    assert list(after.frame.done) == [True, False]
    assert repr(after) == "<Plan of replayed: 2 cells, 1 to do>"
    assert "<td>frozen</td>" in after._repr_html_()
    assert any("1 of these cells took" in said for said in after.sentences)
    assert len(tlbench.plan("suite.yaml", out="nowhere").to_do) == 2


def test_a_plan_says_what_is_trained_and_only_lacks_step_times_and_foretells_no_training_of_it(replay: Replay) -> None:
    Path("suite.yaml").write_text(SUITE.replace("protocol: none", "protocol: quick"))
    run(select="strategy=frozen", timed=False)
    plan = tlbench.plan("suite.yaml", select="strategy=frozen")
    (cell,) = plan.to_do
    assert (plan.untimed, plan.done) == ({cell.id}, frozenset())
    assert (list(plan.frame.trained), list(plan.frame.done)) == ([True], [False])
    cost = plan.costs[cell.id]
    assert (cost.seconds, cost.timing > 0) == (0, True)
    assert any(re.match(r"Predicted: .* of step times; at most", said) for said in plan.sentences)
    said = CliRunner().invoke(plan_command, ["suite.yaml"]).stdout
    assert re.search(r"frozen .*  trained, not timed\n", said)
    assert "\n2 cells, 0 done, 1 trained and not timed.\n" in said
    full, other = tlbench.plan("suite.yaml").costs, tlbench.plan("suite.yaml", out="nowhere").costs
    assert sum(of.seconds for of in full.values()) < sum(of.seconds for of in other.values())
    assert full[cell.id].seconds == 0
    rows = json.loads(CliRunner().invoke(plan_command, ["suite.yaml", "--json"]).stdout)
    assert [(row["trained"], row["done"]) for row in rows] == [(True, False), (False, False)]


def test_a_plan_does_not_say_done_of_other_images(replay: Replay, tmp_path: Path) -> None:
    for name, count in (("photos", 12), ("tiny", 6)):
        for label in "ab":
            for number in range(count):
                draw(tmp_path / name / label / f"{number}.png")
    own = SUITE.replace("datasets: {name: intel}", "datasets: {name: mine, path: photos}")
    own = own.replace("limit: {train: 4, validation: 2, test: 2}\n", "")
    Path("suite.yaml").write_text(own)
    run()

    def planned() -> tuple[str, list[str]]:
        plan = tlbench.plan("suite.yaml")
        said = CliRunner().invoke(plan_command, ["suite.yaml"])
        return next(line for line in said.stdout.splitlines() if line.startswith("2 cells")), list(plan.notes)

    assert planned() == ("2 cells, 2 done.", [])
    Path("suite.yaml").write_text(own.replace("path: photos", "path: tiny"))
    assert planned() == (
        "2 cells, 0 done.", ["mine: 2 cells were trained on other images; `run` trains them again"]
    )  # fmt: skip
    shutil.copytree("photos", "copy")
    Path("suite.yaml").write_text(own.replace("path: photos", "path: copy"))
    unsure = "2 cells, 0 done, 2 trained earlier; images are compared when it runs."
    assert planned() == (unsure, [])  # as many files, and nobody has decoded them
    assert tlbench.plan("suite.yaml").to_do == ()
    Path("suite.yaml").write_text(own.replace("path: photos", "path: gone"))
    assert planned() == (unsure, [f"mine: {tmp_path / 'gone'} does not exist; `run` needs it"])
    Path("suite.yaml").write_text(own)
    draw(tmp_path / "photos/a/0.png", color=7)
    assert planned()[0] == unsure
    run()
    assert replay.ran == ["frozen", "full"] * 2
    assert planned() == ("2 cells, 2 done.", [])


def test_a_plan_tells_photographs_from_the_pictures_that_stood_in_for_them(
    replay: Replay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run()
    assert len(tlbench.plan("suite.yaml").done) == 2
    for label in intel.INTEL.classes:
        draw(tmp_path / "data/intel/train" / label / "0.png")
    monkeypatch.setenv("TLBENCH_DATA", str(tmp_path / "data"))
    plan = tlbench.plan("suite.yaml")
    assert (len(plan.done), len(plan.to_do)) == (0, 2)
    assert plan.notes == ("intel: 2 cells were trained on other images; `run` trains them again",)


def test_a_plan_moves_nothing_and_believes_no_damaged_record(replay: Replay) -> None:
    first = run()
    full = next(record for record in Store(first.path).look() if record.cell.strategy.name == "full")
    file = first.path / "records" / f"{full.cell_id}.json"
    for content in ('{"status": "ok", "timings": {}, "cell": [1]}', '{"status": "ok", "cell": {"timing": null}}'):
        file.write_text(content)
        plan = tlbench.plan("suite.yaml")
        assert [cell.id for cell in plan.to_do] == [full.cell_id]
        assert any("1 of these cells took" in said for said in plan.sentences)
        assert file.read_text() == content


def test_a_plan_leaves_out_a_run_of_a_newer_tlbench_as_a_run_does(replay: Replay) -> None:
    run()
    newer, heard = run(fresh=True), Heard()
    record = Store(newer.path).look()[0]
    Store(newer.path).write(record.model_copy(update={"schema_version": 99}))
    plan = tlbench.plan("suite.yaml")
    assert plan.to_do == ()  # the run before it is done
    assert plan.sentences
    run(events=heard)
    assert "schema 99 is newer" in plan.notes[-1]
    assert heard.told["note"] == plan.notes[-1:]


def test_a_plan_counts_a_cell_whose_model_is_missing_as_a_run_does(replay: Replay) -> None:
    run()
    Path("suite.yaml").write_text(SUITE + "save_models: true\n")
    assert len(tlbench.plan("suite.yaml").to_do) == 2


def test_a_run_names_what_may_not_fit_and_says_what_was_predicted(
    replay: Replay, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("tlbench.session.run.available_memory", lambda: 10**8)
    monkeypatch.setattr("tlbench.session.run.InlineExecutor", Replay)
    done = run()
    assert any("Memory may not be enough for 2 cells, with 100 MB free" in line for line in caplog.messages)
    assert done.predicted.startswith("Predicted and taken: ")
    assert "added up over 2 cells" in done.predicted
    assert run().predicted == ""


def test_only_runs_of_this_machine_tell_how_fast_it_is(replay: Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    run()
    taken = builders.environment().identity
    monkeypatch.setattr("tlbench.session.costs.machine", lambda: taken)
    assert len(earlier_records()) == 2
    Path("results/replayed").rename("results/reference")  # where the project's own runs lie, of other hours and loads
    assert earlier_records() == []
    Path("results/reference").rename("results/replayed")
    folder = next(Path("results/replayed").iterdir())
    elsewhere = builders.timings().model_copy(update={"environment": builders.environment(cpu="Another CPU")})
    Store(folder).write(Store(folder).look()[0].model_copy(update={"timings": elsewhere}))
    assert [record.timings for record in earlier_records()] == [None, None]
    monkeypatch.setattr("tlbench.session.costs.machine", lambda: taken | {"threads": "64"})
    assert earlier_records() == []

"""What a run takes over from earlier runs, with an executor that replays records."""

import errno
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import builders
from tests.narrow import present
from tests.session.replayed import SUITE, Heard, Replay, run
from tlbench.core.cell import Cell
from tlbench.execution.inputs import find_inputs
from tlbench.execution.job import Places
from tlbench.execution.resume import Wanted, still_valid
from tlbench.host.environment import capture
from tlbench.results.measured import Environment, Relative
from tlbench.results.record import Failure, Record, SavedModel
from tlbench.results.run_folder import open_run, runs_under
from tlbench.results.store import Store
from tlbench.session import start
from tlbench.session.side import side_of


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
        f"2 of 3 cells taken over from {first.path}, with the same images, weights and software; `fresh` trains all",
    )
    both = side_of(runs_under(first.path.parent), "runs")
    assert [len(entry.memory) for entry in both.entries] == [1, 1, 1]  # a copy is no second draw
    assert changed("[norm, full]") == []
    assert changed("[norm, bias]", out="here") == ["norm", "bias"]
    assert changed("[full, bias]", fresh=True) == ["full", "bias"]
    before = {name: version for name, version in here.versions.items() if name != "scipy"}
    monkeypatch.setattr(builders, "environment", lambda: here.model_copy(update={"versions": before}))
    monkeypatch.setattr(start, "capture", lambda: here.model_copy(update={"versions": before}))
    assert changed("[full, bias, scratch]", fresh=True) == ["full", "bias", "scratch"]
    monkeypatch.setattr(start, "capture", lambda: here)
    assert changed("[scratch, bias]") == [], "tlbench needs scipy: what old records do not name is no change"
    monkeypatch.setattr(builders, "environment", lambda: here)
    newer = here.model_copy(update={"versions": here.versions | {"scipy": "0.1"}})
    assert changed("[wise_ft]") == ["wise_ft"]
    monkeypatch.setattr(start, "capture", lambda: newer)
    assert changed("[wise_ft, norm]") == ["wise_ft", "norm"]
    other = here.model_copy(update={"versions": here.versions | {"keras": "0.1"}})
    monkeypatch.setattr(start, "capture", lambda: other)
    assert changed("[frozen, bias]") == ["frozen", "bias"]


def test_a_run_that_goes_on_takes_over_what_it_lacks(replay: Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who adds a strategy tries it alone first."""
    here, heard = capture(), Heard()
    monkeypatch.setattr(builders, "environment", lambda: here)
    first = run()
    Path("suite.yaml").write_text(SUITE.replace("[frozen, full]", "[frozen, full, norm]"))
    new = run(select="strategy=norm")
    assert len(new.report.rows) == 1
    whole = run(events=heard)
    assert whole.path == new.path
    assert heard.told["note"] == (
        f"2 of 2 cells taken over from {first.path}, with the same images, weights and software; `fresh` trains all",
    )
    assert replay.ran == ["frozen", "full", "norm"]
    assert list(whole.frame.strategy) == ["frozen", "full", "norm"]
    assert "norm" in whole.markdown
    assert "full" in whole.markdown, "the report of the first call is out of date"


WITH_NORM = SUITE.replace("[frozen, full]", "[frozen, full, norm]")


@pytest.fixture
def begun(replay: Replay, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a run of three strategies that has one of them, beside an older run that has the other two."""
    here = capture()
    monkeypatch.setattr(builders, "environment", lambda: here)
    run()
    Path("suite.yaml").write_text(WITH_NORM)
    return run(select="strategy=norm").path


def strategy(folder: Path, name: str) -> Record:
    return next(record for record in Store(folder).read_all().records if record.cell.strategy.name == name)


@pytest.mark.parametrize("kept", [{"fresh": True}, {"fresh": None}, {}], ids=["fresh", "unknown", "of an old tlbench"])
def test_a_run_of_its_own_takes_over_nothing_when_it_goes_on(kept: dict[str, Any], begun: Path, replay: Replay) -> None:
    """What was made before it was written down may be one."""
    content = json.loads((begun / "run.json").read_text())
    assert (content.pop("fresh"), content["schema_version"]) == (False, 4)
    (begun / "run.json").write_text(json.dumps(content | kept))
    assert run().path == begun
    assert replay.ran[3:] == ["frozen", "full"]


@pytest.mark.parametrize("options", [{"fresh": True}, {"out": "own"}], ids=str)
def test_a_run_says_that_it_is_one_of_its_own(options: dict[str, Any], replay: Replay) -> None:
    assert run(**options).run.fresh is True


def test_a_run_that_is_named_takes_over_nothing(begun: Path, replay: Replay) -> None:
    assert run(out=str(begun)).path == begun
    assert replay.ran[3:] == ["frozen", "full"]


def test_what_is_younger_than_a_run_is_not_taken_over_by_it(begun: Path, replay: Replay) -> None:
    """It would count as a second measurement: a copy is known by being older than its run."""
    (older,) = (one.path for one in runs_under(begun.parent) if one.path != begun)
    provenance = builders.record().provenance.model_copy(update={"finished": "2999-01-01T00:00:00Z"})
    Store(older).write(strategy(older, "full").model_copy(update={"provenance": provenance}))
    run()
    assert replay.ran[3:] == ["full"]


def test_a_cell_that_failed_is_taken_over_and_one_that_was_damaged_is_trained(begun: Path, replay: Replay) -> None:
    norm, failed = strategy(begun, "norm"), Failure(type="E", message="m", advice="a")
    (older,) = (one.path for one in runs_under(begun.parent) if one.path != begun)
    broken = {"status": "failed", "failure": failed, "accuracy": None, "counts": None, "timings": None}
    Store(begun).write(strategy(older, "full").model_copy(update=broken))
    run(select="strategy=full")
    assert strategy(begun, "full").status == "ok"
    assert replay.ran[3:] == []
    Store(older).write(norm)
    (begun / "records" / f"{norm.cell_id}.json").write_text("{")
    run(select="strategy=norm")
    assert replay.ran[3:] == ["norm"]


def test_a_cell_whose_record_was_removed_is_trained(begun: Path, replay: Replay) -> None:
    """Who removes a record wants another training, not the one of another run."""
    (older,) = (one.path for one in runs_under(begun.parent) if one.path != begun)
    norm, labels = strategy(begun, "norm"), np.zeros(200, np.int32)
    Store(older).write(norm)
    Store(begun).write_predictions(norm.cell_id, {"test": (np.eye(2, dtype=np.float32)[labels], labels)})
    (begun / "records" / f"{norm.cell_id}.json").unlink()
    run(select="strategy=norm")
    assert replay.ran[3:] == ["norm"]


def test_a_run_is_let_go_if_taking_over_fails(begun: Path, replay: Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(Store, "take_over", full)
        with pytest.raises(OSError, match="No space left"):
            run()
    assert run().path == begun


def test_a_run_with_step_times_takes_over_none_of_another(replay: Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are relative to a model that was measured beside others."""
    here = capture()
    monkeypatch.setattr(builders, "environment", lambda: here)
    suite = SUITE.replace("protocol: none", "protocol: quick")
    Path("suite.yaml").write_text(suite)

    def with_times(path: Path) -> None:
        for record in Store(path).read_all().records:
            times = builders.timings().model_copy(update={"environment": here})
            Store(path).write(record.model_copy(update={"timings": times}))

    with_times(run(timed=False).path)
    Path("suite.yaml").write_text(suite.replace("[frozen, full]", "[frozen, full, norm]"))
    new = run(select="strategy=norm", timed=False)
    with_times(new.path)
    run(timed=False)
    kept = {record.cell.strategy.name: record.timings is not None for record in Store(new.path).read_all().records}
    assert kept == {"frozen": False, "full": False, "norm": True}
    assert replay.ran == ["frozen", "full", "norm"]


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
        return [record.timings is not None for _, record in still_valid([folder], Wanted(cells, inputs, here))]

    assert timed(frozen.cell, full.cell) == [True, True]
    assert timed(full.cell) == [False]
    assert timed(full.cell, here=builders.environment(cpu="other")) == []
    assert timed(full.cell, here=here.model_copy(update={"variables": {"TF_ENABLE_ONEDNN_OPTS": "0"}})) == []
    in_worker = {"KMP_INIT_AT_FORK": "FALSE", "OMP_NUM_THREADS": "2", "CUDA_VISIBLE_DEVICES": "0"}
    for record in (frozen, full):
        environment = here.model_copy(update={"variables": in_worker})
        Store(folder.path).write(record.model_copy(update={"environment": environment}))
    assert len(timed(frozen.cell, full.cell)) == 2


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

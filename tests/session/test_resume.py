"""Resuming a run after a selection, a failure, or damage, with an executor that replays records."""

import errno
import os
import subprocess
import time
from pathlib import Path
from unittest.mock import Mock

import pytest

import tlbench
from tests import builders
from tests.session.replayed import SUITE, Heard, Replay, run
from tlbench.core import plugin_files
from tlbench.core.errors import UserError
from tlbench.core.files import write_atomically
from tlbench.host.environment import capture
from tlbench.results import run_folder
from tlbench.results.run_folder import open_run
from tlbench.results.store import Store
from tlbench.session import made, report, start
from tlbench.session.folder import outdate_report
from tlbench.session.side import read_side


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


def test_the_frame_has_what_was_selected_and_the_report_all_of_the_folder(replay: Replay) -> None:
    run()
    again = run(select="strategy=full")
    assert list(again.frame.strategy) == ["full"]
    assert list(again.frame.index) == [0]
    assert list(again.report.frame.strategy) == ["frozen", "full"]
    assert "frozen" in again.text


def test_a_selection_of_other_cells_does_not_go_on_with_other_images(replay: Replay) -> None:
    first = run(select="strategy=frozen", out="here")
    (record,) = Store(first.path).read_all().records
    assert record.data is not None
    other = record.data.model_copy(update={"fingerprint": "0" * 64})  # before somebody has replaced the pictures
    Store(first.path).write(record.model_copy(update={"data": other}))
    with pytest.raises(UserError, match="here holds a run of other cells, images, weights or plugins"):
        run(select="strategy=full", out="here")
    Store(first.path).write(record)
    run(select="strategy=full", out="here")
    assert replay.ran == ["frozen", "full"]


def test_what_other_software_has_made_is_not_gone_on_with(replay: Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an upgrade of Keras, a finished run answered at once, and a gate was green on numbers of the old one."""
    first, here, heard = run(select="strategy=frozen"), capture(), Heard()
    run(select="strategy=frozen", out="here")
    here = here.model_copy(update={"versions": here.versions | builders.environment().versions, "variables": {}})
    newer = here.model_copy(update={"versions": here.versions | {"keras": "9.9", "tlbench": "9.9", "jax": "1.0"}})
    monkeypatch.setattr(start, "capture", lambda: newer)
    monkeypatch.setattr(made, "capture", lambda: newer)
    plan = tlbench.plan("suite.yaml", out="here")
    assert (plan.done, plan.notes[0]) == (
        frozenset(),
        "1 cell was trained with other software (keras 3.15.1 → 9.9), and `run` does not resume it; name another folder",
    )
    for chosen in ("strategy=frozen", "strategy=full"):
        with pytest.raises(UserError, match=r"^here holds a run made with other software \(keras 3.15.1 → 9.9\); name"):
            run(select=chosen, out="here")
    assert run(select="strategy=full", events=heard).path != first.path
    assert heard.told["note"] == (f"{first.path} was made with other software (keras 3.15.1 → 9.9) and is not resumed",)
    monkeypatch.setattr(start, "capture", lambda: here.model_copy(update={"variables": {"TF_ENABLE_ONEDNN_OPTS": "0"}}))
    with pytest.raises(UserError, match=r"other software \(TF_ENABLE_ONEDNN_OPTS unset → 0\)"):
        run(out="here")
    assert replay.ran == ["frozen", "frozen", "full"]


def test_no_run_is_made_within_another_one(replay: Replay) -> None:
    run(out="results/replayed")
    with pytest.raises(
        UserError, match=r"^results/replayed, where runs of this suite belong, is itself a run, made with"
    ):
        run()
    assert replay.ran == ["frozen", "full"]


def test_numbers_of_another_machine_are_called_that(replay: Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    run(out="here")
    heard, here = Heard(), capture()
    monkeypatch.setattr(start, "capture", lambda: here)
    monkeypatch.setattr(builders, "environment", lambda: here)
    for _ in range(2):
        run(out="there", events=heard)
    assert "note" not in heard.told, "made here"
    here = here.model_copy(update={"versions": {}})  # whatever has made the other one
    run(out="here", events=heard)
    assert "here has numbers of another machine (CPU Test CPU → " in heard.told["note"][0]


def test_a_finished_run_writes_nothing_again_unless_asked_to_be_fresh(replay: Replay) -> None:
    first, heard = run(workers=1), Heard()
    again = run(events=heard)
    assert (again.path, again.files) == (first.path, ())
    assert (again.markdown, again.text) == (first.markdown, first.text)
    assert heard.names[-1] == "complete"
    assert run(fresh=True, workers=1).path != first.path
    assert replay.ran == ["frozen", "full"] * 2


def test_gates_that_changed_count_from_the_next_call_on_whether_or_not_anything_is_left_to_do(
    replay: Replay, tmp_path: Path
) -> None:
    run(select="strategy=frozen", out="here")
    (tmp_path / "suite.yaml").write_text(SUITE + "gates: {accuracy: 3pp}\n")
    run(out="here")
    assert read_side("here").gates.everywhere()["accuracy"] == 0.03
    (tmp_path / "suite.yaml").write_text(SUITE.replace("name: replayed", "name: renamed") + "gates: {accuracy: 4pp}\n")
    run(out="here")
    assert read_side("here").gates.everywhere()["accuracy"] == 0.04
    assert open_run(Path("here")).run.suite == "renamed"
    assert replay.ran == ["frozen", "full"]


def test_who_may_only_read_a_finished_run_is_told_that_its_copy_of_the_suite_stays(
    replay: Replay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(out="here")
    (tmp_path / "suite.yaml").write_text(SUITE + "gates: {accuracy: 3pp}\n")
    error = PermissionError(errno.EACCES, "Permission denied")
    monkeypatch.setattr(run_folder, "write_atomically", Mock(side_effect=error))
    heard = Heard()
    assert run(out="here", events=heard).text == first.text
    assert heard.told["note"] == ("here keeps its older copy of the suite and its gates (Permission denied)",)


def test_a_run_killed_between_any_two_files_of_its_report_leaves_none_behind_that_is_out_of_date(
    replay: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, place = write_atomically, run(select="strategy=frozen", out="here").path
    older = {path.name: path.read_bytes() for path in place.glob("report*")}
    run(out="here")
    newer = {path.name: path.read_bytes() for path in place.glob("report*")}
    changed = [name for name in older if newer[name] != older[name]]
    assert len(changed) >= 5
    for name in changed:
        for old, content in older.items():
            (place / old).write_bytes(content)
        outdate_report(open_run(place))

        def killed_after(path: Path, content: bytes, last: str = name) -> None:
            write(path, content)
            if path.name == last:
                raise KeyboardInterrupt

        with monkeypatch.context() as killing:
            killing.setattr(report, "write_atomically", killed_after)
            with pytest.raises(KeyboardInterrupt):
                run(out="here")
        run(out="here")
        assert {path.name: path.read_bytes() for path in place.glob("report*")} == newer, name


def test_a_report_has_no_numbers_of_a_record_that_was_set_aside(replay: Replay) -> None:
    first = run(out="here")
    file = next(path for path in first.path.glob("records/*.json") if '"frozen"' in path.read_text())
    file.write_text("damaged")
    os.utime(file, (0, 0))
    done = run(out="here", select="strategy=full")
    assert replay.ran == ["frozen", "full"]
    assert "frozen" in first.text
    assert "frozen" not in done.text
    assert run(out="here", select="strategy=full").files == ()


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


PLUGIN = """\
from tlbench.strategies.full import Full


class Mine(Full):
    def boundary(self, layers):
        import helper_of_mine

        return helper_of_mine.FROZEN


ENTRY_POINTS = {"tlbench.strategies": {"mine": Mine}}
"""


def test_a_run_is_not_resumed_after_a_change_of_what_a_plugin_file_imports(
    replay: Replay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lib").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path / "lib"))
    monkeypatch.setattr(builders, "environment", capture)
    helper = tmp_path / "lib" / "helper_of_mine.py"
    helper.write_text("FROZEN = 1\n")
    Path("mine.py").write_text(PLUGIN)
    try:
        first = run(plugins=["mine.py"])
        assert run(plugins=["mine.py"]).path == first.path
        assert len(tlbench.plan("suite.yaml", plugins=["mine.py"]).done) == 2
        helper.write_text("FROZEN = 2\n")
        plan = tlbench.plan("suite.yaml", plugins=["mine.py"])
        assert (len(plan.done), plan.notes) == (
            0,
            ("2 cells were trained with other plugin code; `run` trains them again",),
        )
        assert run(plugins=["mine.py"]).path != first.path
    finally:
        plugin_files.adopt([])
    assert replay.ran == ["frozen", "full"] * 2

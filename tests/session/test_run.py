"""Making a run: what it returns and says, and what it refuses, with an executor that replays records."""

import importlib.util
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

import tlbench
from tests.session.replayed import SUITE, Heard, Replay, run
from tlbench.core.errors import UserError
from tlbench.datasets import synthetic
from tlbench.execution import server
from tlbench.execution.outcome import Outcome
from tlbench.results.owner import OWNER_FILE, OwnedError, Owner
from tlbench.results.run_folder import RunFolder
from tlbench.session import report


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


def test_a_folder_that_another_run_writes_is_refused_before_anything_is_trained(replay: Replay) -> None:
    with Owner(Path("out")), pytest.raises(OwnedError, match="out is being written by another run"):
        run(out="out")
    assert replay.ran == []
    done = run(out="out")
    assert not (done.path / OWNER_FILE).exists()
    with Owner(done.path):
        assert run(out="out").markdown == done.markdown  # what is finished is only read


def test_what_cannot_be_run_is_a_user_error_before_anything_is_made(
    replay: Replay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"executor": "proces"}, "there is no executor 'proces'; did you mean 'process'"),
        ({"executor": "inline", "workers": 2}, "leave out one of the two"),
        ({"workers": -1}, "workers=-1: at least 1 is needed"),
        ({"workers": "2"}, "workers='2': a whole number belongs here"),
        ({"data": "nowhere"}, "the data folder nowhere does not exist; correct `data`"),
        ({"weights": "nowhere"}, "the weights folder nowhere does not exist; correct `weights`"),
        ({"workers": 10**11}, "workers=100000000000: at most 10000 can train side by side"),
        ({"select": "strategy=none"}, "matches none of the 2 cells"),
        ({"budget": 5}, "budget=5 has no unit; write it as .20 min., 90 s or 8 h"),
        ({"out": "."}, "is not empty and not the folder of a run; name another folder with `out`"),
        ({"out": "suite.yaml"}, "suite.yaml is a file, and a run needs a folder; name another folder with `out`"),
        ({"out": "/proc/run"}, r"no folder can be made in /proc \(.*\); name another folder with `out`"),
    ]
    with monkeypatch.context() as patched:
        patched.setattr("tlbench.session.run._find", Mock(side_effect=AssertionError("it reads images")))
        for options, sentence in wrong:
            with pytest.raises(UserError, match=sentence):
                tlbench.run("suite.yaml", **{"executor": "replay", **options})
        assert {path.name for path in tmp_path.iterdir()} <= {"suite.yaml", "cache"}
        (tmp_path / "results").write_text("a file")
        with pytest.raises(UserError, match="results/replayed cannot be made, since results is a file; name another"):
            run()
        (tmp_path / "results").unlink()
        (tmp_path / "link").symlink_to("nowhere")
        for out, sentence in (
            ("link", "link is a broken"),
            ("link/run", "link/run cannot be made, since link is a broken"),
        ):
            with pytest.raises(UserError, match=f"{sentence} link to nowhere"):
                run(out=out)
    run(out="here")
    with pytest.raises(UserError, match="here holds a run already; name another folder with `out`"):
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


@pytest.mark.parametrize("call", [tlbench.run, tlbench.plan, tlbench.load])
def test_what_is_no_path_is_refused_in_a_sentence(call: Callable[[Any], object]) -> None:
    with pytest.raises(UserError, match="a path belongs here, not 5"):
        call(5)


def test_a_run_names_what_may_not_fit_and_says_what_was_predicted(
    replay: Replay, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("tlbench.session.work.available_memory", lambda: 10**8)
    monkeypatch.setattr("tlbench.session.work.InlineExecutor", Replay)
    done = run()
    assert any("Memory may not be enough for 2 cells, with 100 MB free" in line for line in caplog.messages)
    assert done.predicted.startswith("Training was predicted to take ")
    assert "added up over 2 cells" in done.predicted
    assert run().predicted == ""


def test_the_pytest_fixture_judges_the_cells_of_a_shard_alone(replay: Replay, tlbench_gate: Callable[..., Any]) -> None:
    run(out="base")
    found = tlbench_gate("suite.yaml", "base", shard="1/2", executor="replay", workers=1)
    assert [one.label.split(" · ")[2] for one in found.cells] == ["frozen"]


@pytest.mark.usefixtures("replay")
def test_a_shard_is_compared_with_the_whole_baseline_by_its_own_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compared(**options: str) -> tuple[list[str], int]:
        found = tlbench.compare("base", "part", **options)  # type: ignore[arg-type]
        return [one.label.split(" · ")[2] for one in found.cells], found.exit_code

    with monkeypatch.context() as earlier:  # its cells have other ids
        earlier.setattr("tlbench.suite.expand.RECIPE", 2)
        run(out="base")
    run(out="part", shard="2/2")
    assert compared() == (["full", "frozen"], 2)
    assert compared(shard="2/2")[0] == compared(shard="2/2", suite="suite.yaml")[0] == ["full"]
    assert compared(shard="2/2")[1] != 2
    assert compared(shard="1/2") == (["frozen"], 2)  # another part than was run
    with pytest.raises(UserError, match="shard`: 1 cells cannot be 2 parts"):
        compared(shard="2/2", select="strategy=full")
    (tmp_path / "part/suite.yaml").write_text(SUITE.replace("epochs: 2", "epochs: 1"))
    with pytest.raises(
        UserError, match="its copy of the suite has other cells than the run; name the suite with `suite`"
    ):
        compared(shard="2/2")

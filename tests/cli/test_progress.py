"""What is seen while a run goes."""

import io
import os
import re
from pathlib import Path

import pytest
from rich.console import Console

from tests import builders
from tests.cli.test_time_left import Clock
from tlbench.cli.progress import Terminal, line, on_stderr, opening_model
from tlbench.core.cell import Named
from tlbench.execution.job import Progress
from tlbench.results.record import Failure
from tlbench.results.run_folder import Run, RunFolder
from tlbench.results.store import Damaged


def test_off_a_terminal_there_is_one_line_a_cell() -> None:
    console = Console(file=io.StringIO(), force_terminal=False, width=300)
    record = builders.record()
    with Terminal(console) as events:
        events.training(total=12, done=3)
        events.begin(record.cell)
        events.progress(record.cell, Progress(phase="train", epoch=1, val_accuracy=0.5))
        events.end(record)
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() == (
        " 4/12 MobileNet (alpha=0.25) · cats_dogs · frozen · gap · seed 0: top-1 93.0% in 8 s\n"
    )


def test_a_reader_that_has_gone_is_left_to_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", buffering=1) as stderr:
        monkeypatch.setattr("sys.stderr", stderr)
        with pytest.raises(BrokenPipeError), on_stderr() as events:  # rich alone would exit with 1
            events.said("nobody reads this")
        os.dup2(os.open(os.devnull, os.O_WRONLY), writing)


def test_only_a_terminal_is_told_that_a_model_is_opened(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes this for a terminal
    with opening_model():
        pass
    assert "Opening the model" in capsys.readouterr().err
    monkeypatch.delenv("FORCE_COLOR")
    with opening_model():
        pass
    assert capsys.readouterr().err == ""


def test_on_a_terminal_the_epoch_and_the_time_left_are_shown() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=300)
    record = builders.record()
    other = builders.cell(seed=1)
    with Terminal(console, clock=lambda: 0.0) as events:
        events.foretold({record.cell_id: 30.0, other.id: 45.0}, timing=20.0)
        events.training(total=2, done=0)
        events.begin(record.cell)
        events.end(record)
        events.begin(other)
        events.progress(other, Progress(phase="train", epoch=2, val_accuracy=0.5))
        events.opening(other, 1, 2)
    assert isinstance(console.file, io.StringIO)
    assert "start · about 95 s left" in console.file.getvalue()
    assert "epoch 2/3, validation 50.0% · about 45 s left" in console.file.getvalue()  # the first one took no time
    assert "model 1/2, MobileNet (alpha=0.25) · cats_dogs · frozen · gap · seed 1 · about 20 s left" in (
        console.file.getvalue()
    )


def test_the_timing_phase_is_said_once_and_its_rounds_are_shown() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=300)
    with Terminal(console) as events:
        events.training(total=2, done=2)
        events.opening(builders.cell(), 1, 2)
        events.round(3, 4, 2)
    assert isinstance(console.file, io.StringIO)
    assert "Step times: 2 models take turns" in console.file.getvalue()
    with Terminal(console) as events:
        events.training(total=1, done=1)
        events.opening(builders.cell(), 1, 1)
    assert "1 models" not in console.file.getvalue()
    assert "round 3, 4 steps of 2 models to go" in console.file.getvalue()


def test_failures_and_stand_ins_show_in_their_line() -> None:
    assert line(builders.failed())[0] == ("killed", "red")
    assert "SIGKILL: the process was killed" in line(builders.failed())[2]
    assert ("(synthetic data)", "yellow") in line(builders.record(data=builders.data(fallback=True)))


@pytest.mark.parametrize("terminal", [False, True])
def test_no_name_commands_the_terminal_or_the_ci_system_that_keeps_the_log(terminal: bool) -> None:
    console, now = Console(file=io.StringIO(), force_terminal=terminal, no_color=True, width=300), Clock()
    name = "a\n::error::x\r##[error]y\x1b]0;z\x07"
    cell = builders.cell(dataset=Named(name=name))
    why = Failure(type=name, message=name, advice="")
    with Terminal(console, clock=now) as events:
        events.decoding(name, 1, 2)
        events.said(name)
        events.note(name)
        events.training(total=2, done=0)
        events.begin(cell)
        now.now += 31
        events.progress(cell, Progress(phase=name))
        events.lost(cell, why)
        events.reference_lost(why)
        events.end(builders.record(cell))
        events.end(builders.failed(cell).model_copy(update={"failure": why}))
    assert isinstance(console.file, io.StringIO)
    said = console.file.getvalue()
    assert "x ## [error]y\\x1b]0;z\\x07" in said
    assert not re.search(r"^\s*::|##\[|\x07|\x1b\]", said, re.MULTILINE)


def test_what_is_found_and_where_the_run_is_are_said_in_a_line_each() -> None:
    console = Console(file=io.StringIO(), force_terminal=False, width=40, highlight=False, soft_wrap=True)
    folder = RunFolder(Path("results/small"), Run(suite="small", cells=(), created="", tlbench=""))
    with Terminal(console) as events:
        assert events.folder is None
        events.searching()
        events.decoding("intel", 1, 600)
        events.fallback("intel: SYNTHETIC pictures [drawn] stand in")
        events.note("2 pictures stand under two labels")
        events.skipped("3 files are no images")
        events.created(folder)
        events.set_aside(Damaged(Path("set_aside/a.json"), "it is no JSON"))
        events.resumed(folder, asked=4, trained=3, untimed=2)
        events.resumed(folder, asked=6, trained=1, untimed=0)
        events.complete(folder, asked=4)
        assert events.folder == folder.path
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().splitlines() == [
        "fallback intel: SYNTHETIC pictures [drawn] stand in",
        "note 2 pictures stand under two labels",
        "skipped 3 files are no images",
        "New run in results/small",
        "set aside set_aside/a.json: it is no JSON",
        "Resuming results/small: 3 of 4 cells are trained, 2 of them not timed",
        "Resuming results/small: 1 of 6 cells is trained",
        "All 4 cells are done already; --fresh measures again.",
    ]


def test_on_a_terminal_searching_gives_way_to_the_live_line() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=300)
    with Terminal(console) as events:
        events.searching()
        events.decoding("intel", 1, 600)
        events.note("2 pictures stand under two labels")
        events.training(total=2, done=1)
        events.begin(builders.cell())
        events.end(builders.record())
    assert isinstance(console.file, io.StringIO)
    assert "Preparing intel: 1/600" in console.file.getvalue()
    assert "2/2" in console.file.getvalue()


def test_a_lost_reference_workload_and_what_ab_begins_leave_a_line_each() -> None:
    console = Console(file=io.StringIO(), force_terminal=False, width=300)
    with Terminal(console) as events:
        events.chosen(3)
        events.said("base: keras==3.14.*")
        events.reference_lost(Failure(type="SIGKILL", message="killed", advice="Add memory."))
        events.end(builders.record())
    assert isinstance(console.file, io.StringIO)
    said, lost, ended = console.file.getvalue().splitlines()
    assert said == "base: keras==3.14.*"
    assert lost == (
        "note the reference workload was lost (SIGKILL); step times are measured without it and marked unstable"
    )
    assert ended.startswith("1/3 ")


@pytest.mark.parametrize("columns", [60, 80, 100])
def test_a_long_name_loses_its_beginning_and_not_the_time_that_is_left(columns: int) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=columns)
    cell = builders.cell(
        backbone=Named(name="EfficientNetV2B0", args={"include_preprocessing": False}),
        strategy=Named(name="full"),
        seed=7,
    )
    with Terminal(console, clock=lambda: 0.0) as events:
        events.foretold({cell.id: 360.0}, timing=0.0)
        events.training(total=12, done=3)
        events.begin(cell)
        events.progress(cell, Progress(phase="train", epoch=2, val_accuracy=0.5))
    assert isinstance(console.file, io.StringIO)
    lines = [text for text in re.split(r"\x1b\[[^m]*[A-Za-z]|[\r\n]", console.file.getvalue()) if "left" in text]
    assert lines
    shown = {60: "…", 80: "· gap · seed 7 · epoch 2/3, ", 100: " · full · gap · seed 7 · epoch 2/3, "}[columns]
    assert lines[-1].rstrip().endswith("validation 50.0% · about 54 min left")
    assert shown in lines[-1]


def test_off_a_terminal_something_is_said_each_half_minute_of_step_times() -> None:
    console, now = Console(file=io.StringIO(), force_terminal=False, width=300), Clock()
    with Terminal(console, clock=now) as events:
        events.training(total=2, done=2)
        events.opening(builders.cell(), 1, 2)
        for number in range(1, 8):
            now.now += 10
            events.round(number, 4, 2)
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().splitlines() == [
        "Step times: 2 models take turns",
        "2/2 step times: round 3, 4 steps of 2 models to go",
        "2/2 step times: round 6, 4 steps of 2 models to go",
    ]


def test_the_timing_phase_is_announced_before_its_first_model_and_nothing_is_left_to_train() -> None:
    console, now = Console(file=io.StringIO(), force_terminal=False, width=300), Clock()
    with Terminal(console, clock=now) as events:
        events.exporting(builders.cell(), "LiteRT", 3, 3)
        now.now += 40
        events.opening(builders.cell(), 1, 3)
        now.now += 40
        events.opening(builders.cell(seed=1), 2, 3)
    assert isinstance(console.file, io.StringIO)
    said = console.file.getvalue().splitlines()
    assert said[0] == "Step times: 3 models take turns"
    assert said[1].startswith("3/3 step times: model 2/3, ")


def test_without_colours_the_bar_is_drawn_with_two_characters() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=300, no_color=True)
    with Terminal(console) as events:
        events.training(total=4, done=1)
    assert isinstance(console.file, io.StringIO)
    assert "#####---------------" in console.file.getvalue()


def test_off_a_terminal_a_long_training_and_long_decoding_are_told() -> None:
    console, now = Console(file=io.StringIO(), force_terminal=False, width=40), Clock()
    cell = builders.cell()
    with Terminal(console, clock=now) as events:
        for done in (0, 300):
            now.now += 20
            events.decoding("cats [1]", done, 600)
        events.training(total=2, done=0)
        events.begin(cell)
        now.now += 31
        events.progress(cell, Progress(phase="train", epoch=2, val_accuracy=0.5))
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().splitlines() == [
        "Preparing cats [1]: 300/600",
        f"0/2 {cell.label} · epoch 2/3, validation 50.0%",
    ]

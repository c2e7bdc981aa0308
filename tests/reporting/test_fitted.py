"""Tables that are wider than a terminal are drawn to fit it, and lose no word that tells rows apart."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.cli.test_outputs import command
from tests.reporting.test_deployment import deployment, row, steps
from tests.reporting.test_folder import audit, bad
from tlbench.cache.folders import FEATURES
from tlbench.cache.upkeep import Kept
from tlbench.cli import cache, data, deploy, outputs, predict
from tlbench.reporting.document import Column, Note, Table
from tlbench.reporting.formats import as_text
from tlbench.reporting.render import terminal
from tlbench.session.predict import Predictions
from tlbench.session.report import load

ROOT = Path(__file__).parents[2]
RUN = ROOT / "results/reference/small-cpu"
COMMANDS = [
    ("pairs", RUN),
    ("plan", ROOT / "suites/small.yaml"),
    ("plan", ROOT / "suites/strategies.yaml"),
    ("compare", ROOT / "baselines/small.json", RUN),
    ("list", "backbones"),
    ("list", "strategies"),
    ("list", "datasets"),
    ("list", "heads"),
    ("advise", ROOT / "results/reference/strategies", "--images", "200", "--similar", "yes"),
    ("report", RUN, "--profile"),
    ("report", RUN, "--within", "size=1"),
    ("report", RUN, "--format", "text"),
    ("report", RUN, ROOT / "results/reference/keras-table-cpu"),
    ("report", RUN, "--columns", "backbone,strategy,dataset,cell_id,top1,params,run"),
    ("doctor", "--quick"),
    ("baseline", "show", ROOT / "baselines/small.json"),
]


@pytest.fixture
def terminal_of(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> int:
    """Columns of the terminal that commands believe to print to."""
    columns: int = request.param
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr("tlbench.cli.terminal.is_terminal", lambda: True)
    return columns


@pytest.mark.parametrize("terminal_of", [80, 100, 120], indirect=True)
@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(getattr(one, "name", one) for one in words))
def test_a_command_fits_the_terminal(
    words: tuple[str | Path, ...], terminal_of: int, capsys: pytest.CaptureFixture[str]
) -> None:
    command(*words)
    fits(capsys.readouterr().out, terminal_of)


def fits(text: str, columns: int) -> None:
    assert text.strip()
    too_wide = [line for line in text.splitlines() if len(line) > columns]
    assert not [line for line in too_wide if " " in line], "only a path or the like may be longer"


@pytest.mark.parametrize("terminal_of", [80, 100], indirect=True)
def test_what_a_command_has_measured_or_found_fits_the_terminal(
    terminal_of: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    names = ("a class of flowers", "another class of flowers", "a third class of flowers", "and the last one")
    shares = np.full((2, 4), 0.25, np.float32)
    files = tuple(str(tmp_path / f"{number}.jpg") for number in range(2))
    found = Predictions("MobileNet (alpha=0.25) · flowers · frozen · gap", names, files, shares, {})
    monkeypatch.setattr(predict, "predict", lambda *args, **settings: found)
    exported = deployment(
        row("keras", steps=steps(0.02, 0.3)), row("litert-int8", steps=steps(0.01, 0.2, relative=0.6))
    )
    monkeypatch.setattr(deploy, "deploy", lambda *args, **settings: exported)
    told = replace(audit(names), left_out=bad("train", 9))
    monkeypatch.setattr(data, "check_files", lambda *args, **settings: told)
    kept = [(FEATURES, Kept(tmp_path / ("0123456789abcdef" * 2), 0.0, 2**30))]
    about = {"of": "ConvMixer (depth=4, width=64) · flowers, 56 px", "split": "validation", "shapes": "7x7x1024, 64"}
    monkeypatch.setattr(cache, "_all", lambda: kept)
    monkeypatch.setattr(cache, "read_manifest", lambda folder: None)
    monkeypatch.setitem(cache.DESCRIBE, FEATURES.name, lambda manifest: about)
    monkeypatch.setattr("tlbench.cli.inspect.child.call", lambda *args: inspected())
    for words in (
        ("predict", RUN, "frozen", "x"),
        ("deploy", RUN),
        ("data", "check", "pets"),
        ("cache", "list"),
        ("inspect", "MobileNet", "--layers"),
    ):
        command(*words)
        fits(capsys.readouterr().out, terminal_of)


def inspected() -> dict[str, object]:
    """What `tlbench inspect` is told of a model with a long list of trained layers and long names."""
    counts = {"params": 20_049_473, "trainable": 3_209_026, "depth": 17, "size_mb": 76.48, "flops": 39_017_000_000}
    names = {"backbone": "MobileNet (alpha=0.25)", "strategy": "partial (trainable=0.5)", "head": "gap, 512 units"}
    trained = ", ".join(f"conv_pw_{number}" for number in range(20))
    layer = {
        "name": "stage_4_block_13_depthwise_separable_convolution",
        "kind": "DepthwiseSeparableConvolution",
        "output_shape": [None, 224, 224, 1024],
        "params": 20_049_473,
        "trainable": 3_209_026,
    }
    more = {"image_size": 224, "classes": 2, "non_trainable": 1, "frozen_layers": 3, "trained": trained, "pooled": ""}
    return {**counts, **names, **more, "parts": {"backbone": counts}, "layers": [layer, {**layer, "name": "last"}]}


def test_the_main_results_are_laid_out_anew_only_for_a_narrower_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    report = load(RUN)
    text = as_text(report)
    assert outputs.main_results(text, lambda: pytest.fail("it is not read again")) == text
    monkeypatch.setattr("tlbench.cli.terminal.is_terminal", lambda: True)
    for columns in (200, 100):
        monkeypatch.setenv("COLUMNS", str(columns))
        assert outputs.main_results(text, lambda: pytest.fail("it fits as it is")) == text
    monkeypatch.setenv("COLUMNS", "80")
    narrow = outputs.main_results(text, lambda: report)
    fits(narrow, 80)
    joined = " ".join(narrow.split())
    for said in ("the cheapest to run of them is MobileNet (alpha=0.25), frozen", "How sure?", "1.78x (~24)"):
        assert said in joined


def test_what_is_piped_has_its_full_width(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    command("list", "backbones")
    said = capsys.readouterr().out
    assert "weights file" in said.splitlines()[0]
    assert "Not shown" not in said


def test_what_is_piped_fits_the_columns_that_are_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    for words in (["report", str(RUN), "--format", "text"], ["pairs", str(RUN)]):
        command(*words)
        fits(capsys.readouterr().out, 60)


def test_with_many_columns_words_are_broken_after_punctuation_and_before_that_rows_stand_line_by_line() -> None:
    rows = [
        ("cats_dogs", "MobileNet (alpha=0.25)", "partial (trainable=0.3)", "81.5%", "+0.5", "same"),
        ("intel", "Xception", "frozen", "80%", "-1.4", "worse"),
    ]
    table = Table.of(["Data set", "First", "Second", "Top-1", "More", "Verdict"], rows)
    assert terminal.text(table, columns=46).splitlines()[3:] == [
        "cats_ MobileNet partial     81.5% +0.5 same",
        "dogs  (alpha=   (trainable=",
        "      0.25)     0.3)",
        "intel Xception  frozen      80%   -1.4 worse",
    ]
    assert terminal.text(table, columns=40).splitlines()[:7] == [
        "Data set: cats_dogs",
        "First: MobileNet (alpha=0.25)",
        "Second: partial (trainable=0.3)",
        "Top-1: 81.5%",
        "More: +0.5",
        "Verdict: same",
        "",
    ]


@pytest.mark.parametrize("terminal_of", [80], indirect=True)
@pytest.mark.usefixtures("terminal_of")
def test_a_narrow_list_of_backbones_says_what_it_leaves_out(capsys: pytest.CaptureFixture[str]) -> None:
    command("list", "backbones")
    said = " ".join(capsys.readouterr().out.split())
    assert "weights_tf_dim" not in said
    assert said.endswith("Not shown: family and weights file; --json and output to a file have them.")


def test_a_table_that_fits_is_drawn_as_ever() -> None:
    table = Table.of(["Name", "Empty"], [("a", ""), ("b", "")])
    assert terminal.text(table, columns=30) == terminal.text(table)


def test_empty_columns_go_and_what_all_rows_say_is_said_once() -> None:
    headings = ["Backbone", "Head", "Rate", "Strategy", "Done"]
    rows = [("MobileNet (alpha=0.25)", "gap", "0.1", "frozen", ""), ("MobileNetV2", "gap", "0.2", "full", "")]
    assert terminal.text(Table.of(headings, rows, right=[2]), columns=46) == (
        "Backbone                  Rate  Strategy\n"
        "----------------------  ------  ----------\n"
        "MobileNet (alpha=0.25)     0.1  frozen\n"
        "MobileNetV2                0.2  full\n"
        "In all rows, Head: gap."
    )


def test_cells_are_broken_between_words_and_room_that_is_left_is_used() -> None:
    table = Table(
        (Column("What is it"), Column("How much", "right"), Column("Why")),
        (("one two three", "1", "short"), ("four", "12", "because it is")),
    )
    assert terminal.text(table, columns=24) == (
        "What is   How\n"
        "it       much  Why\n"
        "-------  ----  -------\n"
        "one two     1  short\n"
        "three\n"
        "four       12  because\n"
        "               it is"
    )
    assert "What is it" in terminal.text(table, columns=30)


@pytest.mark.parametrize(
    ("columns", "last"),
    [
        (44, ["incomprehensibilities  incomprehensibilities"]),
        (42, ["incomprehensibilitie  incomprehensibilitie", "s                     s"]),
        (41, ["incomprehensibilitie incomprehensibilitie", "s                    s"]),
        (13, ["incomp incomp", "rehens rehens", "ibilit ibilit", "ies    ies"]),
    ],
)
def test_words_are_broken_only_where_nothing_else_is_left(columns: int, last: list[str]) -> None:
    table = Table.of(["A", "B"], [("incomprehensibilities", "incomprehensibilities")])
    assert terminal.text(table, columns=columns).split("\n")[2:] == last


def test_remarks_are_broken_and_long_paths_are_not() -> None:
    note = Note(("one two three", "/a/path/that/is/longer"))
    assert terminal.text(note, columns=8) == "one two\nthree\n/a/path/that/is/longer"


@pytest.mark.parametrize("terminal_of", [80], indirect=True)
def test_the_profile_keeps_words_whole_and_explains_only_what_it_shows(
    terminal_of: int, capsys: pytest.CaptureFixture[str]
) -> None:
    command("report", RUN, "--profile")
    printed = capsys.readouterr().out
    words = set(printed.split())
    assert {"Arithmetic", "Features", "Evaluate", "inference", "features"} <= words
    assert "Kernel" not in printed, "these records are older than its share, so there is no such column"
    assert "Faults" not in printed

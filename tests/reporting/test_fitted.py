"""Tables that are wider than a terminal are drawn to fit it, and lose no word that tells rows apart."""

from pathlib import Path

import pytest

from tests.cli.test_outputs import command
from tlbench.reporting.document import Column, Note, Table
from tlbench.reporting.render import terminal

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
    too_wide = [line for line in capsys.readouterr().out.splitlines() if len(line) > terminal_of]
    assert not [line for line in too_wide if " " in line], "only a path or the like may be longer"


def test_what_is_piped_has_its_full_width(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    command("list", "backbones")
    said = capsys.readouterr().out
    assert "weights file" in said.splitlines()[0]
    assert "Not shown" not in said


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

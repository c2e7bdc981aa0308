"""A command that is written wrong is answered as click does: how it is used, what was wrong, in whole lines."""

import importlib
import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.session.runs import make_run, seeds
from tlbench.cli import COMMANDS, main
from tlbench.core.errors import UserError
from tlbench.session.compare import compare


def said(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 64
    told = capsys.readouterr()
    assert told.out == ""
    return told.err


@pytest.mark.parametrize(
    ("words", "usage", "what"),
    [
        (["list"], "list [OPTIONS] KIND", "Missing argument 'KIND'. Choose from: backbones, datasets, strategies, heads, metrics, suites"),
        (["run"], "run [OPTIONS] SUITE", "Missing argument 'SUITE'."),
        (["inspect", "MobileNet", "--classes", "99999999999999999999"], "inspect [OPTIONS] BACKBONE", "Invalid value for '--classes': 99999999999999999999 is not in the range 2<=x<=65536."),
        (["inspect", "MobileNet", "--hidden", "100000000000"], "inspect [OPTIONS] BACKBONE", "Invalid value for '--hidden': 100000000000 is not in the range 1<=x<=65536."),
        (["run", "a.yaml", "--workers", "0"], "run [OPTIONS] SUITE", "Invalid value for '--workers': 0 is not in the range x>=1."),
    ],
)  # fmt: skip
def test_usage_comes_first_then_one_line(
    words: list[str], usage: str, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    help_of = f"Try 'tlbench {words[0]} --help' for help."
    assert said(words, capsys) == f"Usage: tlbench {usage}\n{help_of}\n\ntlbench: {what}\n"


def test_what_is_missing_of_a_baseline_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(["baseline", "save", str(tmp_path)], capsys).endswith("\ntlbench: Missing argument 'FILE'.\n")
    file = str(tmp_path / "base.json")
    assert said(["baseline", "save", file], capsys).endswith("\ntlbench: Missing argument 'RUN...'.\n")
    assert "is a directory" in said(["baseline", "save", file, str(tmp_path)], capsys)


@pytest.mark.parametrize("words", [["report"], ["pairs"], ["history"], ["compare", "x"], ["baseline", "save"]])
def test_a_missing_run_has_one_exit_code(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for place in ("nowhere", "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(SystemExit) as ended:
            main([*words, place, *(["base.json"] if words[0] == "baseline" else [])])
        assert ended.value.code == 3


def test_the_suites_that_tlbench_brings_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["list", "suites", "--json"])
    listed = {row["name"]: row["what"] for row in json.loads(capsys.readouterr().out)}
    assert listed["small"].startswith("Two small backbones")
    assert "lessons/alexnet" in listed
    assert said(["list", "suite"], capsys).endswith("did you mean 'suites'?\n")
    assert said(["list", "backbone"], capsys).endswith("did you mean 'backbones'?\n")


def test_one_process_a_side_is_refused_since_no_verdict_follows_from_it(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(["ab", "suite.yaml", "--a", "current", "--processes", "1"], capsys)
    assert text.endswith("tlbench: Invalid value for '--processes': 1 is not in the range x>=2.\n")


def test_a_command_that_is_misspelt_is_told_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(["rnu"], capsys).endswith("\n\ntlbench: No such command 'rnu'; did you mean 'run'?\n")
    assert "\ntlbench: No such command 'xyzzy'; known commands: ab, advise, " in said(["xyzzy"], capsys)
    assert said(["cache", "remove"], capsys).endswith("'remove'; known commands: clear, list, prune\n")
    assert said(["data", "chek"], capsys).endswith("No such command 'chek'; did you mean 'check'?\n")
    assert said(["baseline", "xyzzy"], capsys).endswith("'xyzzy'; known commands: save, show\n")


@pytest.mark.parametrize("words", [[], ["data"], ["cache"]])
def test_a_group_alone_is_its_help_and_nothing_else(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    text = said(words, capsys)
    assert text.startswith(f"Usage: {' '.join(['tlbench', *words])} [OPTIONS] COMMAND [ARGS]...\n")
    assert "See '" not in text
    assert all(line.startswith(("Usage", "Options", "Commands", "  ")) or not line for line in text.splitlines())


def test_no_command_is_described_by_half_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], ["data"], ["cache"], ["baseline"]):
        assert "..." not in said(words, capsys).replace("[ARGS]...", "")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([name, "--help"])
    assert f"Example: tlbench {name} " in capsys.readouterr().out.replace("\n", " ") + " "


def paths(command: click.Command, name: str) -> Iterator[tuple[str, click.Parameter]]:
    """The arguments and options of a command, and of those in it, that are paths."""
    if isinstance(command, click.Group):
        for key, one in command.commands.items():
            yield from paths(one, f"{name} {key}")
    yield from ((name, each) for each in command.params if isinstance(each.type, click.Path))


PATHS = [each for name in COMMANDS for each in paths(importlib.import_module(f"tlbench.cli.{name}").command, name)]


@pytest.mark.parametrize(("name", "path"), PATHS, ids=[f"{name} {path.name}" for name, path in PATHS])
def test_an_empty_path_is_not_the_working_directory(name: str, path: click.Parameter) -> None:
    assert path.type.convert("some", path, None) == Path("some")
    with pytest.raises(click.BadParameter, match="the path is empty"):
        path.type.convert("", path, None)


@pytest.mark.parametrize("value", ["", " "])
@pytest.mark.parametrize(
    "words",
    [["run", "small", "--select"], ["plan", "small", "--select"], ["plan", "small", "--shard"],
     ["compare", ".", ".", "--select"], ["ab", "small", "--a", "current", "--select"]],
)  # fmt: skip
def test_an_empty_selection_is_not_all_cells(words: list[str], value: str, capsys: pytest.CaptureFixture[str]) -> None:
    option = words[-1]
    assert said([*words, value], capsys) == (
        f"tlbench: {option} is empty, as from a variable that is not set; leave it out for all cells\n"
    )


@pytest.mark.parametrize(
    ("words", "without"),
    [
        (["report", ".", "--columns"], "the main results"),
        *[([*words, "--classes"], "all classes") for words in (["data", "check", "intel"], ["init", "x"])],
        *[([*words, "--image"], "the column that has images") for words in (["data", "check", "intel"], ["init", "x"])],
        *[([*words, "--label"], "the column that has labels") for words in (["data", "check", "intel"], ["init", "x"])],
    ],
)
def test_an_empty_choice_is_not_the_default(words: list[str], without: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said([*words, ""], capsys) == (
        f"tlbench: {words[-1]} is empty, as from a variable that is not set; leave it out for {without}\n"
    )


def options(command: click.Command, name: str) -> Iterator[tuple[str, click.Parameter]]:
    """The options of a command, and of those in it, that take any text."""
    if isinstance(command, click.Group):
        for key, one in command.commands.items():
            yield from options(one, f"{name} {key}")
    yield from ((name, each) for each in command.params if isinstance(each, click.Option) and each.type is click.STRING)


NO_CHOICE = {"--similar", "--base-env", "--new-env"}
"""Without a value, these are asked for where they are needed."""
TEXTS = [each for name in COMMANDS for each in options(importlib.import_module(f"tlbench.cli.{name}").command, name)]
ASKED = [(name, option) for name, option in TEXTS if option.opts[0] not in NO_CHOICE]
NEEDS = {"init": ["."], "ab": ["small", "--a", "current"], "inspect": ["MobileNet"], "run": ["small"], "plan": ["small"],
         "classify": ["MobileNet", "a.png"], "data check": ["intel"]}  # fmt: skip


@pytest.mark.parametrize(("name", "option"), ASKED, ids=[f"{name} {option.name}" for name, option in ASKED])
def test_no_option_takes_an_empty_text(
    name: str,
    option: click.Parameter,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    make_run(tmp_path / "run", seeds(0))
    monkeypatch.chdir(tmp_path)
    needs = NEEDS.get(name, [] if name == "cache prune" else ["run", "run"] if name == "compare" else ["run"])
    said([*name.split(), *needs, option.opts[0], ""], capsys)


@pytest.mark.parametrize(
    "words",
    [["compare", "", ""], ["compare", ".", ""], ["report", ""], ["history", ""], ["baseline", "show", ""], ["run", ""],
     ["pairs", ""], ["history", "--plugin", "", "."], ["compare", ".", ".", "--plugin="]],
)  # fmt: skip
def test_a_variable_that_is_not_set_is_no_run(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a folder that holds runs, `compare "$BASE" "$NEW"` with both unset would be a gate that always passes."""
    make_run(tmp_path / "run", seeds(0))
    monkeypatch.chdir(tmp_path)
    assert ": the path is empty; write . for the working directory\n" in said(words, capsys)
    with pytest.raises(UserError, match="run: a path belongs here, not ''"):
        compare("", "")
    assert "there is no backbone ''" in said(["inspect", ""], capsys)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["compare", "a", "b", "--base-env", "current"], "--base-env has no effect without --confirm; leave it out"),
        (["compare", "a", "b", "--new-env", "current"], "--new-env has no effect without --confirm; leave it out"),
        (["compare", "a", "b", "--suite", "s.yaml"], "--suite has no effect without --confirm or --shard; leave it out"),
        (["compare", "a", "b", "--data", "d"], "--data has no effect without --confirm; leave it out"),
        (["compare", "a", "b", "--weights", "w"], "--weights has no effect without --confirm; leave it out"),
        (["report", "a", "--data", "d"], "--data has no effect without --thumbnails; leave it out"),
        (["data", "check", "--path", "p", "--data", "d"], "--data has no effect with --path; leave it out"),
        (["data", "check", "intel", "--path", "p"], "NAME 'intel' and --path name two data sets; leave out one of them"),
        (["inspect", "VGG16", "--head", "imagenet", "--classes", "2"], "--classes has no effect with --head imagenet; leave it out"),
        (["inspect", "VGG16", "--head", "imagenet", "--hidden", "2"], "--hidden has no effect with --head imagenet; leave it out"),
        (["inspect", "VGG16", "--head", "imagenet", "--strategy", "frozen"], "--strategy has no effect with --head imagenet; leave it out"),
        (["inspect", "VGG16", "--head", "imagenet", "--frozen-layers", "3"], "--frozen-layers has no effect with --head imagenet; leave it out"),
    ],
)  # fmt: skip
def test_an_option_that_changes_nothing_is_refused(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(words, capsys) == f"tlbench: {sentence}\n"


def test_an_option_of_the_environment_is_not_one_of_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TLBENCH_DATA", str(tmp_path))
    monkeypatch.setenv("TLBENCH_WEIGHTS", str(tmp_path))
    make_run(tmp_path / "run", seeds(0))
    with pytest.raises(SystemExit) as ended:
        main(["compare", str(tmp_path / "run"), str(tmp_path / "run"), "--json", "--format", "json"])
    assert ended.value.code != 64
    assert json.loads(capsys.readouterr().out)["cells"]  # printed once

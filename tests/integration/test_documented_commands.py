"""Every command and every suite in README and docs: it is understood, and what can be run here is run, in order."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.integration.conftest import LIGHT, make_place, tlbench_in
from tlbench.cli import cli
from tlbench.suite.expand import expand
from tlbench.suite.load import load_suite

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md")
COMMAND = re.compile(r"^\s+(?:\$ )?(?:\S*python -m )?tlbench (?P<words>.+)$|^\$ tlbench (?P<more>.+)$")
SYNOPSIS = re.compile(r"\.\.\.|\b(SUITE|RUN|DIR|KIND|NAME|FILE|BASE|NEW|A B)\b|\S {2,}\S")
SUITE = re.compile(r"```yaml\n(name: .*?)```", re.DOTALL)
BACKBONES = "[{name: SmallConvNet, weights: random}, {name: MobileNetV2, alpha: 0.35, weights: random}]"
EXAMPLE_RUN = re.compile(r"results/small/\d{8}-\d{6}-[0-9a-f]{6}")
ELSEWHERE = {
    "ab": "makes environments from a package index or a repository: tests/integration/test_regression_commands.py runs it",
    "data get": "fetches an archive: tests/datasets/test_archive.py serves one",
    "run small": "stands for `run suites/small.yaml`, which is run here",
    "run backends": "needs packages that are not installed here: tests/integration/test_backends.py runs the like",
    "run suites/keep.yaml": "tests/integration/test_predict.py runs one that keeps its models",
    "run suites/flowers.yaml": "needs ImageNet weights of two backbones: the same test runs a suite that keeps its models",
    "report results/flowers": "of that run",
    "predict": "tests/integration/test_predict.py asks the models of its run",
    "deploy": "tests/integration/test_predict.py exports the model of its run",
    "classify": "needs original weights: tests/integration/test_imagenet.py makes some",
    "doctor": "runs the reference workload for 8 s: tests/integration/test_usage.py does for less",
    "inspect VGG16": "60 to 110 MB of weights are drawn: tests/integration/test_usage.py runs the like",
    "inspect VGG19": "80 MB of weights are drawn: tests/integration/test_usage.py runs it",
    "run suites/keras_table": "40 models: tests/integration/test_imagenet.py runs three",
    "list strategies --plugin my.py": "a file of the reader's: tests/core/test_plugin_files.py has some",
    "run suite.yaml --plugin my.py": "the same",
    "inspect ConvMixer": "of a package that is not installed here: tests/integration/test_plugin_package.py loads it",
    "run examples/tlbench-template": "the same",
}


def commands(page: Path) -> Iterator[list[str]]:
    """The words of each command of a page, without the comment behind it; a pair of commands is two."""
    for line in page.read_text().splitlines():
        match = COMMAND.match(line)
        if match is None or SYNOPSIS.search(line.partition("#")[0].strip()):
            continue
        for part in line.strip().removeprefix("$ ").split(" && "):
            words = shlex.split(part, comments=True)
            if words[0] == "tlbench":
                yield words[1:]


def every_command() -> list[list[str]]:
    found = [words for page in PAGES for words in commands(page)]
    return [list(words) for words in dict.fromkeys(map(tuple, found))]


def elsewhere(words: list[str]) -> bool:
    committed = any(word.startswith("results/reference") for word in words)  # tests/docs/test_outputs.py prints them
    return committed or any(" ".join(words).startswith(begin) for begin in ELSEWHERE)


def test_the_pages_have_commands() -> None:
    assert len(every_command()) > 15


@pytest.mark.parametrize("words", every_command(), ids=" ".join)
def test_it_is_understood(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of commands and options, and the kinds of their values, are those of the command line."""
    monkeypatch.setattr("tlbench.core.plugin_files.load", lambda path: None)  # `my.py` is the reader's
    group: click.Command = cli
    context = click.Context(cli)
    while isinstance(group, click.Group):
        name, *words = words
        found = group.get_command(context, name)
        assert found is not None, f"there is no command {name}"
        group = found
    if words in (["--help"], ["--version"]):
        return
    group.make_context(group.name or "", list(words)).close()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project as the README has it, with tiny suites under the names of the real ones."""
    folder = make_place(tmp_path_factory.mktemp("documented") / "project")
    shutil.copytree(folder / "shapes", folder.parent / "flowers")
    (folder / "suites").mkdir()
    tiny = LIGHT.replace("path: shapes", "path: ../shapes").replace("epochs: 2", "epochs: 1")
    untimed = tiny.replace("protocol: quick", "protocol: none")
    small = untimed.replace("name: tiny", "name: small").replace("{name: SmallConvNet, weights: random}", BACKBONES)
    (folder / "suites" / "small.yaml").write_text(small + "exclude: [{backbone: MobileNetV2, strategy: full}]\n")
    for name, suite in (("ci", tiny), ("images", untimed)):
        one_cell = suite.replace("name: tiny", f"name: {name}").replace("[frozen, full]", "frozen")
        (folder / "suites" / f"{name}.yaml").write_text(one_cell)
    shutil.copytree(folder / "shapes", folder / "data" / "cats_dogs")
    for label, name in (("bars", "cats"), ("stripes", "dogs")):
        for split in (folder / "data" / "cats_dogs").iterdir():
            (split / label).rename(split / name)
    return folder


def test_what_can_be_run_here_is_run(place: Path) -> None:
    """In the order of the pages, each in the state that those before it left."""
    for words in every_command():
        if elsewhere(words):
            continue
        if any(EXAMPLE_RUN.search(word) for word in words) or "gpu-run" in words:
            _name_the_examples(place, words)
        for word in words:
            if word in ("run", "old/bin/python") and words[0] == "compare":
                _copy_newest(place, "ci", place / "run")
        done = tlbench_in(place, *words, TLBENCH_DATA=str(place / "data"))
        assert _fine(words, done), f"tlbench {' '.join(words)}: {done.returncode}\n{done.stderr}\n{done.stdout}"


def _fine(words: list[str], done: subprocess.CompletedProcess[str]) -> bool:
    """0; a comparison may find a step slower here; `data check` says 2 where pictures are alike, and drawn ones are."""
    allowed = {"compare": {0, 1}, "data": {0, 2}}.get(words[0], {0})
    return done.returncode in allowed and "Traceback" not in done.stderr


def _name_the_examples(place: Path, words: list[str]) -> None:
    for word in words:
        if EXAMPLE_RUN.fullmatch(word) or word == "gpu-run":
            _copy_newest(place, "small", place / word)


def _copy_newest(place: Path, suite: str, target: Path) -> None:
    results = place / "results" / suite
    runs = [results] if (results / "run.json").exists() else sorted(path for path in results.iterdir())
    if not target.exists():
        shutil.copytree(runs[-1], target)


def every_suite() -> list[tuple[str, str]]:
    return [(page.name, text) for page in PAGES for text in SUITE.findall(page.read_text())]


@pytest.mark.parametrize(("page", "text"), every_suite(), ids=[page for page, _ in every_suite()])
def test_the_suites_of_the_pages_are_suites(page: str, text: str, tmp_path: Path) -> None:
    file = tmp_path / "suite.yaml"
    file.write_text(text)
    assert expand(load_suite(file)), page

"""Plugin files: what a single file adds to registries, and what is said of one that cannot."""

import ast
import hashlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tlbench import cli
from tlbench.cli.options import PLUGIN, plugins_in
from tlbench.core import plugin_files
from tlbench.core.errors import UserError
from tlbench.core.plugins import Registry, code_of
from tlbench.execution import child
from tlbench.execution.outcome import Raised, Returned
from tlbench.heads import registry as heads
from tlbench.host.environment import capture
from tlbench.strategies import registry as strategies
from tlbench.strategies.base import LayerView

NEWLINE = "\n"
GROUP = "tlbench.views"
"""A group that the registries of these tests take for theirs."""


@pytest.fixture(autouse=True)
def _none_before_and_after() -> Iterator[None]:
    plugin_files.adopt([])
    yield
    plugin_files.adopt([])


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """A file in the working directory."""
    monkeypatch.chdir(tmp_path)

    def write(text: str, name: str = "my.py") -> Path:
        Path(name).write_text(text)
        return Path(name)

    return write


def test_the_code_of_a_file_is_that_which_is_executed(write: Callable[..., Path]) -> None:
    file = plugin_files.load(write(table(GROUP, hello="'one'")))
    before = code_of(file.module)
    write("not read yet")
    assert code_of(file.module) == before == file.sha256
    assert code_of(plugin_files.load(write(table(GROUP, hello="'two'"))).module) != before


def words(**builtin: str) -> Registry[str]:
    return Registry("word", GROUP, builtin, of=str)


def table(group: str, **entries: str) -> str:
    return f"ENTRY_POINTS = {{\n'{group}': {{\n{''.join(f'{k!r}: {v},{NEWLINE}' for k, v in entries.items())}}}}}\n"


def test_what_a_file_adds_comes_last_and_a_changed_file_replaces_it(write: Callable[..., Path]) -> None:
    registry = words(zebra="z")
    file = plugin_files.load(write(table(GROUP, hello="'one'")))
    assert (list(registry), registry["hello"], "hello" in registry, len(registry)) == (
        ["zebra", "hello"],
        "one",
        True,
        2,
    )
    plugin_files.load(Path("my.py"))
    assert plugin_files.loaded() == (file,)
    plugin_files.load(write(table(GROUP, bye="'two'")))
    assert list(registry) == ["zebra", "bye"]


def test_records_name_the_file_and_its_hash_but_not_where_somebody_lives(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    write(table(GROUP, hello="'one'"))
    plugin_files.load(tmp_path / "my.py")
    sha256 = hashlib.sha256((tmp_path / "my.py").read_bytes()).hexdigest()
    assert capture().plugins == {"my.py": sha256}
    assert capture().software["my.py"] == sha256[:12]
    assert plugin_files.hashes(plugin_files.NUMBERS) == {}, "a view changes no number"
    elsewhere = tmp_path / "far" / "away"
    elsewhere.mkdir(parents=True)
    (tmp_path / "near").mkdir()
    (elsewhere / "other.py").write_text(table("tlbench.heads", hi="1"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path / "near")
        plugin_files.load(elsewhere / "other.py")
    assert set(plugin_files.hashes(plugin_files.NUMBERS)) == {"other.py"}


@pytest.mark.usefixtures("light_server")
def test_a_child_executes_the_bytes_that_were_read_before_it_looks_anything_up(write: Callable[..., Path]) -> None:
    path = write("import os\nENTRY_POINTS = {'tlbench.heads': {'mine': os.getpid()}}")
    plugin_files.load(path)
    path.unlink()
    outcome = child.run("tests.targets:head_of_a_plugin", "mine")
    assert isinstance(outcome, Returned)
    assert outcome.value != plugin_files.added("tlbench.heads")["mine"].value, "another process executed it too"


@pytest.mark.usefixtures("light_server")
def test_what_fails_in_a_child_alone_is_told_with_its_line(
    write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HERE", "yes")
    plugin_files.load(write("import os\nhere = os.environ.pop('HERE')\n" + table(GROUP, hello="1")))
    outcome = child.run("tests.targets:double", 1)
    assert isinstance(outcome, Raised)
    assert outcome.user_error
    assert outcome.message.startswith("my.py:2: this plugin cannot be loaded (KeyError: 'HERE')")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\ndef f(:\n", "my.py:2: this plugin cannot be loaded (SyntaxError: invalid syntax)"),
        ("import json\n\njson.loads('{')\n", "my.py:3: this plugin cannot be loaded (JSONDecodeError: "),
        ("import sys\nsys.exit(3)\n", "my.py:2: this plugin cannot be loaded (SystemExit: 3)"),
        ("x = 1\n", "my.py:1: this plugin has no ENTRY_POINTS; write ENTRY_POINTS = {"),
        ("x = 1\nENTRY_POINTS = 3\n", "my.py:2: ENTRY_POINTS is 3; write"),
        (table("strategies", a="1"), "my.py:2: there is no group 'strategies'; did you mean 'tlbench.strategies'?"),
        ("ENTRY_POINTS = {'tlbench.heads': ['a']}", "my.py:1: tlbench.heads is ['a']; names with what each"),
        ("ENTRY_POINTS = {'tlbench.heads': {3: 4}}", "my.py:1: tlbench.heads: 3 is no name"),
    ],
)
def test_a_broken_file_is_one_sentence_with_its_line(write: Callable[..., Path], text: str, said: str) -> None:
    kept = plugin_files.load(write(table(GROUP, hello="'one'"), "good.py"))
    with pytest.raises(UserError, match=f"^{re.escape(said)}[^\n]*$"):
        plugin_files.load(write(text))
    assert plugin_files.loaded() == (kept,), "what was there before stays"


def test_names_that_are_taken_and_things_of_another_kind_are_refused(write: Callable[..., Path]) -> None:
    plugin_files.load(write(table(GROUP, zebra="'one'", three="3")))
    with pytest.raises(UserError, match=r"^my.py:3 adds a word 'zebra', which tlbench has itself; rename it$"):
        list(words(zebra="z"))
    with pytest.raises(UserError, match=r"^my.py:4: word 'three' is 3, and must be an instance of str"):
        words()["three"]
    with pytest.raises(UserError, match=r"^my.py:3 and other.py:3 both add 'zebra' to tlbench.views; rename one"):
        plugin_files.load(write(table(GROUP, zebra="1"), "other.py"))
    with pytest.raises(UserError, match=r"the plugin none\.py cannot be read"):
        plugin_files.load(Path("none.py"))


def test_the_example_of_the_documentation_adds_what_it_says(write: Callable[..., Path]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "extending.md").read_text(encoding="utf-8")
    example = re.search(r"```python\n# my.py\n(.*?)```", page, re.DOTALL)
    assert example
    plugin_files.load(write(example[1]))
    assert strategies.make("last_layer", {}).boundary([LayerView("a", "Conv2D", "a", 1)] * 5) == 4
    assert heads.HEADS["maximum"].pooling == "tlbench_plugin_my:pool"


def test_every_registry_and_no_other_takes_what_files_add() -> None:
    calls = [
        node
        for file in Path(plugin_files.__file__).parents[1].rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"Registry", "Metrics"}
    ]
    assert {ast.literal_eval(call.args[1]) for call in calls} == set(plugin_files.GROUPS)


def test_commands_know_the_files_before_their_options() -> None:
    words = ["suite.yaml", PLUGIN, "a.py", "--out", "x", f"{PLUGIN}=b.py", "--", PLUGIN, "c.py"]
    assert list(plugins_in(words)) == [Path("a.py"), Path("b.py")]
    assert list(plugins_in([PLUGIN])) == []
    group = cli.cli
    assert isinstance(group, cli.LazyGroup)
    for name in cli.COMMANDS:
        command = group.get_command(None, name)  # type: ignore[arg-type]
        assert command
        own = [command, *getattr(command, "commands", {}).values()]
        assert any(PLUGIN in option.opts for one in own for option in one.params) == (name in cli.TAKE_PLUGINS), name

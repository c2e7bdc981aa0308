"""The code of plugins: which files it is made of, and that every change of them is seen."""

import hashlib
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import pytest

from tlbench.core import plugin_code, plugin_files
from tlbench.core.plugin_code import Code
from tlbench.core.plugins import code_of

PLUGIN = "import json, numpy\n{}\nENTRY_POINTS = {{'tlbench.heads': {{'mine': 1}}}}\n"
Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Write a file below a folder that Python imports from, which is not the working directory."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def write(name: str, text: str) -> Path:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    yield write
    plugin_files.adopt([])
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    "imports",
    [
        "import helper",
        "import json, helper as h",
        "from helper import one",
        "def later():\n    from helper import one",
        "import importlib\nmodule = importlib.import_module('helper')",
        "constructor = 'helper:build'",
        "import between",
        "import package.inner",
    ],
)
def test_a_module_that_a_plugin_file_imports_is_part_of_its_code(write: Write, imports: str) -> None:
    text = PLUGIN.format(imports)
    write("helper.py", "one = 1\ndef build(): ...\n")
    write("between.py", "import helper\n")
    write("package/__init__.py", "")
    write("package/inner.py", "def f():\n    import helper\n")
    plugin_files.load(write("my.py", text))
    before = plugin_code.of_files()
    assert before.digests["my.py"] == sha256(text)
    assert before.digests["helper.py"] == sha256("one = 1\ndef build(): ...\n")
    assert before.versions == {}
    write("helper.py", "one = 2\n")
    after = plugin_code.of_files()
    assert {name for name in after.digests if after.digests[name] != before.digests[name]} == {"helper.py"}


def test_a_plugin_file_that_imports_no_code_of_its_own_is_that_file_as_in_older_records(write: Write) -> None:
    write("helper.py", "one = 1\n")
    plugin_files.load(write("my.py", PLUGIN.format("text = 'helper'\ndef f():\n    import no_such_module")))
    assert plugin_code.of_files() == Code(plugin_files.hashes())
    assert plugin_code.of_files(["tlbench.views"]) == Code()


def test_of_installed_packages_that_a_plugin_imports_the_version_counts(write: Write) -> None:
    write("site-packages/einsum-2.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: einsum\nVersion: 2.0\n")
    library = write("site-packages/einsum/__init__.py", "")
    sys.path.insert(0, str(library.parents[1]))
    try:
        plugin_files.load(write("my.py", PLUGIN.format("import einsum")))
        found = plugin_code.of_files()
    finally:
        sys.path.remove(str(library.parents[1]))
    assert (found.digests.keys(), found.versions) == ({"my.py"}, {"einsum": "2.0"})


def install(write: Write, version: str, folder: str = "") -> EntryPoint:
    about = f"{folder}greetings-1.dist-info"
    write(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: greetings\nVersion: {version}\n")
    write(f"{about}/entry_points.txt", "[tlbench.test_code]\nhello = greetings.hello:hello\n")
    write(f"{folder}greetings/__init__.py", "")
    write(f"{folder}greetings/hello.py", "from greetings import words\nhello = 1\n")
    write(f"{folder}greetings/inner/words.py", "word = 1\n")
    (point,) = entry_points(group="tlbench.test_code")
    return point


@pytest.mark.parametrize("folder", ["", "site-packages/"])
def test_the_code_of_an_entry_point_is_its_whole_package_and_its_version(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path / folder))
    point = install(write, "1.0", folder)
    before = plugin_code.of_point(point)
    assert (before.digests.keys(), before.versions) == ({"greetings/*.py"}, {"greetings": "1.0"})
    assert "greetings" not in sys.modules
    write(f"{folder}greetings/inner/words.py", "word = 2\n")
    edited = plugin_code.of_point(point)
    assert edited.digests != before.digests
    write(f"{folder}greetings/inner/words.py", "word = 1\n")
    assert plugin_code.of_point(point) == before
    (write(f"{folder}greetings/inner/words.py", "word = 1\n")).rename(tmp_path / folder / "greetings/inner/other.py")
    assert plugin_code.of_point(point).digests != before.digests


def test_of_a_namespace_package_the_part_that_has_the_module_counts(write: Write) -> None:
    write("company/plugin/__init__.py", "import company.shared\n")
    write("company/shared.py", "")
    write("company/unrelated.py", "")
    found = plugin_code.of_module("company.plugin")
    assert found.digests.keys() == {"company/plugin/*.py", "company/shared.py"}


def test_the_fingerprint_of_a_module_is_another_with_any_module_that_it_may_import(write: Write) -> None:
    """A backbone that is built from a setting in a sibling has other features when that changes."""
    write("backbones/__init__.py", "")
    write("backbones/mixer.py", "from backbones.settings import ACTIVATION\n")
    write("backbones/settings.py", "ACTIVATION = 'gelu'\n")
    before = code_of("backbones.mixer")
    assert code_of("backbones.mixer") == before
    write("backbones/settings.py", "ACTIVATION = 'sigmoid'\n")
    assert code_of("backbones.mixer") != before


def test_frameworks_are_known_by_their_version_and_the_standard_library_is_not_followed() -> None:
    for module in ("keras.layers", "tlbench.core.cell", "json"):
        assert plugin_code.of_module(module) == Code()

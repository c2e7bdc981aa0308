"""Registries: what is built in, what installed packages add, and what they may not do."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tlbench.core.errors import UserError
from tlbench.core.plugins import Registry, code_of, version_of

GROUP = "tlbench.test_words"


def install(site: Path, package: str, **points: str) -> None:
    """Lay a package with entry points into `site`, as pip would."""
    information = site / f"{package}-1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = [f"{name} = {value}" for name, value in points.items()]
    (information / "entry_points.txt").write_text("\n".join([f"[{GROUP}]", *lines]) + "\n")
    (site / f"{package}.py").write_text("hello = 'hello'\nfail = 1\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def words(**builtin: str) -> Registry[str]:
    return Registry("word", GROUP, builtin)


def test_what_is_built_in_comes_first_then_what_packages_add(site: Path) -> None:
    install(site, "greetings", hello="greetings:hello")
    registry = words(zebra="z", ape="a")
    assert list(registry) == ["zebra", "ape", "hello"]
    assert len(registry) == 3
    assert "greetings" not in sys.modules, "names are known without an import"
    assert registry["hello"] == "hello"
    assert registry.unknown("helo") == "there is no word 'helo'; did you mean 'hello'?"


def test_an_unknown_name_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        words(ape="a")["zebra"]
    assert "zebra" not in words(ape="a")


def test_a_package_may_not_replace_what_is_built_in(site: Path) -> None:
    install(site, "greetings", ape="greetings:hello")
    with pytest.raises(UserError, match="package greetings adds a word 'ape', which tlbench has itself; rename it"):
        list(words(ape="a"))


def test_two_packages_may_not_add_the_same_name(site: Path) -> None:
    install(site, "greetings", hello="greetings:hello")
    install(site, "salutes", hello="salutes:hello")
    with pytest.raises(UserError, match="greetings and package salutes both add a word 'hello'"):
        list(words())


def test_a_package_that_cannot_be_imported_is_named(site: Path) -> None:
    install(site, "greetings", hello="greetings:absent")
    with pytest.raises(UserError, match="word 'hello' of package greetings cannot be imported from greetings:absent"):
        words()["hello"]


def code_in_a_new_process(site: Path) -> str:
    asking = "from tlbench.core.plugins import code_of; print(code_of('salutations'))"
    path = os.pathsep.join([str(site), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", asking], capture_output=True, text=True, check=True, env={"PYTHONPATH": path}
    )
    return done.stdout


def test_the_code_of_a_module_is_another_with_its_package_and_with_its_file(site: Path) -> None:
    install(site, "salutations")
    before = code_in_a_new_process(site)
    assert before.startswith("1.0 ")
    assert code_in_a_new_process(site) == before
    (site / "salutations.py").write_text("hello = 'good day'")
    edited = code_in_a_new_process(site)
    (site / "salutations-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: salutations\nVersion: 1.1\n"
    )
    upgraded = code_in_a_new_process(site)
    assert upgraded.split()[1] == edited.split()[1] != before.split()[1]
    assert upgraded.startswith("1.1 ")


def test_a_package_has_its_version_whatever_it_is_installed_as_and_what_is_in_no_file_has_no_code() -> None:
    assert version_of("PIL") == version("pillow")
    assert version_of("no_such_package") == ""
    assert code_of("sys") == ""

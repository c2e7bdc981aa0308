"""From what the user names to an interpreter: what cannot take part is refused before anything is installed or trained."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.repositories import commit
from tlbench.core.errors import UserError
from tlbench.sides import environments
from tlbench.sides.environments import prepare
from tlbench.sides.host import PROTOCOL
from tlbench.sides.remote import Interpreter


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)

    def installed(name: str, wanted: list[str], place: Path, say: object, variables: dict[str, str]) -> Interpreter:
        return Interpreter(place / "python", variables, name)

    monkeypatch.setattr(environments, "_requirements", installed)
    return folder


@pytest.mark.parametrize(
    "files",
    [
        {"tlbench/execution/host.py": "PROTOCOL = 1\n"},  # the first one that could be measured in turn
        {"tlbench/sides/host.py": '"""As it was."""\n\nPROTOCOL = 1\nMessage = dict\n'},
    ],
)
def test_a_revision_of_tlbench_that_measures_in_another_way_is_refused_with_a_way_out(
    project: Path, tmp_path: Path, files: dict[str, str]
) -> None:
    commit(project, {"tlbench/__init__.py": "", **files})
    with pytest.raises(UserError, match=rf"^git:HEAD: .*PROTOCOL = {PROTOCOL} in tlbench/sides/host.py.*compare"):
        prepare("git:HEAD", tmp_path / "environments", lambda words: None)


def test_a_revision_without_a_repository_is_told_so(project: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"git:main: .*project is not in a git repository"):
        prepare("git:main", tmp_path / "out", lambda words: None)
    commit(project, {"a.txt": "a"})
    with pytest.raises(UserError, match="has no such revision"):
        prepare("git:nowhere", tmp_path / "out", lambda words: None)


def test_a_revision_that_measures_as_this_one_brings_its_own_tlbench(project: Path, tmp_path: Path) -> None:
    ours = Path(environments.HERE / "tlbench" / "sides" / "host.py").read_text()
    commit(project, {"tlbench/__init__.py": "", "tlbench/sides/host.py": ours})
    made = prepare("git:HEAD", tmp_path / "environments", lambda words: None)
    assert Path(made.variables["PYTHONPATH"], "tlbench/sides/host.py").read_text() == ours


def test_another_projects_revision_is_measured_by_our_tlbench(project: Path, tmp_path: Path) -> None:
    commit(project, {"their_model.py": ""})
    made = prepare("git:HEAD", tmp_path / "environments", lambda words: None)
    ours = Path(made.variables["PYTHONPATH"].split(os.pathsep)[0])
    assert [each.resolve() for each in ours.iterdir()] == [environments.HERE / "tlbench"]  # and none of its neighbours


@pytest.mark.parametrize("spec", ["main", "keras", "keras==3.14.0 tensorflow", "keras[torch]"])
def test_a_bare_word_is_not_looked_up_on_an_index(spec: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no version; did you mean git:\S+, or the requirement \S+==VERSION"):
        prepare(spec, tmp_path, lambda words: None)


@pytest.mark.parametrize(
    "spec", ["keras@git+https://host/keras.git@1a2b", "keras[torch] @ file:///a/keras-3.whl six==1"]
)
def test_a_requirement_with_a_url_is_no_path(spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed: list[list[str]] = []
    monkeypatch.setattr(environments, "_requirements", lambda name, wanted, *rest: installed.append(wanted))
    prepare(spec, tmp_path, lambda words: None)
    assert installed == [spec.replace(" @ ", "@").split()]


@pytest.mark.parametrize("spec", ["--help", "-rrequirements.txt", "keras==3.14.0 --pre", "", "'"])
def test_an_option_of_pip_is_no_environment(spec: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not an environment"):
        prepare(spec, tmp_path, lambda words: None)


def test_an_environment_without_pip_uses_uv_or_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(shutil, "which", lambda name: "/bin/uv")
    assert environments._installer("x", Path("py")) == ["/bin/uv", "pip", "install", "--quiet", "--python", "py"]
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(UserError, match="has no pip, and there is no uv; `python -m ensurepip` adds pip"):
        environments._installer("x", Path("py"))


def test_same_packages_are_noticed(tmp_path: Path) -> None:
    ours = prepare("current", tmp_path, lambda words: None)
    other = tmp_path / "more" / "thing-1.0.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n")
    assert environments.same_packages(ours, ours)
    assert not environments.same_packages(
        ours, Interpreter(Path(sys.executable), {"PYTHONPATH": str(other.parent)}, "x")
    )
    assert not environments.same_packages(ours, Interpreter(Path("/nowhere"), {}, "x"))

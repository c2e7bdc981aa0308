"""From what the user names to an interpreter: what cannot take part is refused before anything is installed or trained."""

import subprocess
from pathlib import Path

import pytest

from tlbench.core.errors import UserError
from tlbench.sides import environments
from tlbench.sides.environments import prepare
from tlbench.sides.host import PROTOCOL
from tlbench.sides.remote import Interpreter


def commit(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    who = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.invalid")
    for command in (("init", "-q"), ("add", "-A"), (*who, "commit", "-q", "-m", "all")):
        subprocess.run(["git", *command], cwd=folder, check=True)


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


def test_a_revision_that_measures_as_this_one_brings_its_own_tlbench(project: Path, tmp_path: Path) -> None:
    ours = Path(environments.HERE / "tlbench" / "sides" / "host.py").read_text()
    commit(project, {"tlbench/__init__.py": "", "tlbench/sides/host.py": ours})
    made = prepare("git:HEAD", tmp_path / "environments", lambda words: None)
    assert Path(made.variables["PYTHONPATH"], "tlbench/sides/host.py").read_text() == ours


def test_another_projects_revision_is_measured_by_our_tlbench(project: Path, tmp_path: Path) -> None:
    commit(project, {"their_model.py": ""})
    made = prepare("git:HEAD", tmp_path / "environments", lambda words: None)
    assert made.variables["PYTHONPATH"].startswith(str(environments.HERE))

"""The folders of runs are found by their path, or by that of a folder that contains them."""

from collections.abc import Callable
from pathlib import Path

import pytest

import tlbench
from tests.session.runs import make_run, seeds
from tlbench.core.errors import NothingThereError, UserError
from tlbench.results.run_folder import open_run
from tlbench.session.folder import find_run


def test_a_folder_of_runs_stands_for_its_newest_and_says_so(tmp_path: Path) -> None:
    make_run(tmp_path / "old", seeds(0), day=1)
    newest = make_run(tmp_path / "new", seeds(0), day=2)
    said: list[str] = []
    assert find_run(tmp_path, said.append) == newest
    assert said == [f"{tmp_path}: taking its newest run, new"]
    make_run(tmp_path / "interrupted", [], day=3, cells=["0" * 12])
    assert find_run(tmp_path, said.append) == newest
    assert said[1:] == [f"{tmp_path}: taking its newest run with a record, new"]
    assert find_run(newest, said.append) is newest
    with pytest.raises(UserError, match="does not exist"):
        find_run(tmp_path / "nowhere", said.append)


@pytest.mark.parametrize("name", ["empty", "file.txt"])
def test_what_is_no_run_ends_with_one_code_however_it_is_opened(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.txt").touch()
    openers: tuple[Callable[[Path], object], ...] = (lambda path: find_run(path, print), open_run)
    for opener in openers:
        with pytest.raises(NothingThereError, match=r"is not the folder of a run: it has no run\.json; `tlb") as told:
            opener(tmp_path / name)
        assert told.value.exit_code == 3


def test_a_folder_of_folders_of_runs_names_those(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("small", "photos"):
        make_run(Path("results") / name / "1", seeds(0))
    Path("results/reference").mkdir()
    with pytest.raises(UserError) as told:
        tlbench.load("results")
    assert str(told.value) == (
        "results is not the folder of a run, and has runs further below: name one of results/photos, results/small"
    )
    with pytest.raises(UserError, match=r"has no run\.json; `tlbench run SUITE` makes one"):
        tlbench.load("results/reference")
    for number in range(9):
        make_run(Path("results") / f"a{number}" / "1", seeds(0))
    with pytest.raises(UserError, match=r"results/a0, .*, results/a4 and 6 more$"):
        tlbench.load("results")

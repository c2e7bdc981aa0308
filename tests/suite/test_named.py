"""A suite is named by a file or by a word; where both fit, the file is taken, and that is said."""

from pathlib import Path

import pytest

from tlbench.core.errors import UserError
from tlbench.suite import named
from tlbench.suite.expand import expand
from tlbench.suite.load import load_suite
from tlbench.suite.named import SuitePath, bundled_suites, find_suite

ROOT = Path(__file__).parents[2]
MINE = "name: mine\ndatasets: cats_dogs\nbackbones: MobileNet\nstrategies: frozen\ntrain: {epochs: 1}\n"

NAMES = sorted(str(file.relative_to(ROOT / "suites"))[: -len(".yaml")] for file in (ROOT / "suites").rglob("*.yaml"))


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_in_a_checkout_the_suites_beside_the_package_have_names() -> None:
    assert bundled_suites() == {name: ROOT / "suites" / f"{name}.yaml" for name in NAMES}
    assert find_suite("small") == find_suite(Path("small")) == SuitePath(ROOT / "suites/small.yaml")
    assert load_suite("small").path == ROOT / "suites/small.yaml"


def test_an_installed_package_has_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "bundled").mkdir()
    (tmp_path / "bundled/small.yaml").write_text(MINE)
    monkeypatch.setattr(named, "IN_A_WHEEL", tmp_path / "bundled")
    assert bundled_suites() == {"small": tmp_path / "bundled/small.yaml"}


@pytest.mark.parametrize("name", NAMES)
def test_a_bundled_suite_bears_its_files_name_and_reads_no_folder_beside_it(name: str) -> None:
    suite = load_suite(name)
    assert (suite.name, suite.dataset_paths, suite.notes) == (name.rpartition("/")[2], {}, ())
    assert expand(suite)


def test_a_file_wins_and_that_is_said() -> None:
    Path("small").write_text(MINE)
    suite = load_suite("small")
    assert suite.name == "mine"
    assert suite.notes == (
        "small: the file here is taken, not the suite that tlbench brings; rename the file to have that",
    )


def test_a_folder_hides_nothing_and_that_is_said() -> None:
    Path("small").mkdir()
    suite = load_suite("small")
    assert suite.path == ROOT / "suites/small.yaml"
    assert suite.notes == (
        "small: the suite that tlbench brings is taken; a suite in the folder here needs its file's path",
    )


def test_a_file_that_is_called_like_no_bundled_suite_needs_no_word() -> None:
    Path("mine.yaml").write_text(MINE)
    assert find_suite("mine.yaml") == SuitePath(Path("mine.yaml"))


@pytest.mark.parametrize("word", ["smal", "Small", "small.yaml", "suites/small.yaml", "nowhere/small"])
def test_what_is_neither_is_answered_with_the_nearest_name(word: str) -> None:
    with pytest.raises(UserError) as raised:
        load_suite(word)
    assert str(raised.value) == (
        f"the suite file {word} does not exist, and tlbench brings no suite of that name; "
        "`tlbench init` writes one; did you mean 'small'?"
    )


def test_what_is_near_to_nothing_is_answered_with_all_names() -> None:
    with pytest.raises(
        UserError,
        match="known suites: all, all_small, backends, batches, ci, frozen, full_data, head_rates, images, keras_table, keras_table_quick",
    ):
        load_suite("xyz.yaml")

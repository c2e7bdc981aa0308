"""The package's front: small, typed, and cheap to import."""

import doctest
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tlbench
from tlbench.backbones.spec import Published
from tlbench.results.table import COLUMNS, TUNING_COLUMNS
from tlbench.session import compare, plan, report

ROOT = Path(__file__).parents[2]
HEAVY = ("pandas", "numpy", "scipy", "pydantic", "click", "rich", "keras", "tensorflow", "jax", "torch")


def loaded(statements: str) -> set[str]:
    """Which of the heavy packages a fresh process has imported after `statements`."""
    program = f"import sys\n{statements}\nprint(*({set(HEAVY)!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_importing_tlbench_imports_nothing_that_it_needs() -> None:
    assert loaded("import tlbench\ndir(tlbench)\ntlbench.__version__") == set()


def test_the_first_name_brings_no_framework_and_a_plan_no_pandas() -> None:
    assert loaded("import tlbench\ntlbench.plan('suites/small.yaml')").isdisjoint({"pandas", "keras", "tensorflow"})
    assert loaded("from tlbench import run, compare, load").isdisjoint({"keras", "tensorflow"})


@pytest.mark.parametrize("name", tlbench.__all__)
def test_every_name_is_there_documented_and_listed(name: str) -> None:
    assert name in dir(tlbench)
    assert getattr(tlbench, name).__doc__


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'tlbench' has no attribute 'rnu'"):
        tlbench.rnu  # noqa: B018


def test_the_examples_of_the_documentation_are_true(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a checkout without runs of its own: after `make small` nothing would be left to plan."""
    (tmp_path / "results").mkdir()
    for name in ("suites", "baselines", "results/reference"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    failed, tried = doctest.testfile(str(ROOT / "docs" / "api.md"), module_relative=False)
    assert (failed, tried) == (0, 15)


def test_the_documentation_names_every_column_and_every_argument() -> None:
    text = (ROOT / "docs" / "api.md").read_text()
    original = tlbench.load(ROOT / "results" / "reference" / "keras-table-cpu")
    wanted = {*original.frame.columns, *inspect.signature(tlbench.run).parameters}
    assert not {name for name in wanted if f"`{name}`" not in text}


def test_the_frame_is_documented_column_by_column() -> None:
    rows = (ROOT / "docs" / "api.md").read_text().split("## The frame\n")[1].split("\n## ")[0].splitlines()
    listed = [row.strip("|").split(" | ") for row in rows if row.startswith("| `")]
    assert all(meaning.strip() for _, meaning in listed)
    columns = [name for names, _ in listed for name in re.findall(r"`(\w+)`", names)]
    published = [f"published_{name}" for name in Published.__dataclass_fields__]
    assert sorted(columns) == sorted(["run", *COLUMNS, *TUNING_COLUMNS, *published])


@pytest.mark.parametrize("module", [plan, report, compare])
def test_the_examples_are_true(module: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    failed, tried = doctest.testmod(module)  # type: ignore[arg-type]
    assert (failed, tried > 0) == (0, True)

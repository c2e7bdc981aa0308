"""What tlbench says of the committed runs, suites and baseline, byte for byte.

A change of these files is a change of what users see: say why in the commit. `TLBENCH_GOLDEN=write` writes them anew.
"""

import os
import re
import shutil
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from tests.golden import made
from tlbench.cli import main
from tlbench.reporting.answer import sentence
from tlbench.reporting.comparison_formats import COMPARISON_FORMATS
from tlbench.reporting.document import Block, Document, Note, Section, Strong, pictures
from tlbench.reporting.plots import Choice
from tlbench.reporting.render import html, markdown
from tlbench.reporting.views import summary
from tlbench.reporting.views.series import page
from tlbench.session.report import load

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "results" / "reference"
GOLDEN = Path(__file__).parent
Said = Callable[..., str]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Said:
    """What a command prints that is run in an empty folder, or in another one."""

    monkeypatch.delenv("TLBENCH_DATA", raising=False)  # plans count the files there

    def call(*arguments: str, at: Path = tmp_path, code: int = 0) -> str:
        monkeypatch.chdir(at)
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        assert ended.value.code == code
        return capsys.readouterr().out

    return call


def check(name: str, text: str) -> None:
    """Compare with a golden file."""
    file = GOLDEN / name
    if os.environ.get("TLBENCH_GOLDEN") == "write":
        file.write_text(text, encoding="utf-8", newline="")
    assert text == file.read_bytes().decode()


# The small run was measured in a folder called small, a name that its rows carry.
@pytest.mark.parametrize(
    ("run", "measured_as", "stem"),
    [
        ("small-cpu", "small", "report"),
        ("keras-table-cpu", "keras-table-cpu", "report.random-weights"),
        ("strategies", "strategies", "report"),
        ("images", "images", "report"),
        ("full-data", "full_data", "report"),
        ("backends", "backends", "report"),
        ("small-gpu-torch", "small-torch", "report"),
        ("keras-table-gpu-torch", "keras_table-torch", "report.random-weights"),
        ("small-gpu-jax", "small-jax", "report"),
        ("keras-table-gpu-jax", "keras_table-jax", "report.random-weights"),
        ("all-small", "all_small", "report.random-weights"),
    ],
)
def test_committed_reports_are_written_again_as_they_are(
    run: str, measured_as: str, stem: str, said: Said, tmp_path: Path
) -> None:
    folder = tmp_path / measured_as
    shutil.copytree(REFERENCE / run, folder, ignore=shutil.ignore_patterns("report*"))
    failed = any('"status": "ok"' not in record.read_text() for record in (folder / "records").iterdir())
    printed = said("report", str(folder), code=2 if failed else 0)
    written = {file.name: file.read_bytes() for file in folder.glob("report*")}
    assert {f"{stem}.{kind}" for kind in ("md", "csv", "json", "html", "txt")} <= set(written)
    if os.environ.get("TLBENCH_GOLDEN") == "write":
        for old in (REFERENCE / run).glob("report*"):
            old.unlink()
        for name, content in written.items():
            (REFERENCE / run / name).write_bytes(content)
    assert set(written) == {file.name for file in (REFERENCE / run).glob("report*")}
    for name, content in written.items():
        assert content == (REFERENCE / run / name).read_bytes(), name
    assert printed == (REFERENCE / run / f"{stem}.txt").read_text(encoding="utf-8")


MADE = re.compile("(<!-- made of [^\n]* -->\n)(.*?)(<!-- the end of what is made -->\n)", re.DOTALL)


def test_the_first_screen_of_the_readme_is_of_the_reference_run() -> None:
    """What to take and a narrow table of each data set; the picture of the first."""
    report = load(REFERENCE / "small-cpu")
    sections: list[Block] = []
    for section in summary.document(report).blocks:
        if not isinstance(section, Section):
            sections.append(section)
            continue
        chosen, table = section.blocks
        assert isinstance(chosen, Choice)
        picture = [chosen.scatter] if not sections else []
        sections.append(Section(section.heading, (Note((Strong(sentence(chosen)),)), *picture, table)))
    first = next(block for block in pictures(sections))
    where = f"results/reference/small-cpu/report.{first.name}.svg"
    text = markdown.render(Document("", tuple(sections)), level=2, pictures={first.name: where}).lstrip("# \n")
    file = ROOT / "README.md"
    readme = file.read_text(encoding="utf-8")
    expected = MADE.sub(lambda found: f"{found[1]}\n### {text}\n{found[3]}", readme)
    if os.environ.get("TLBENCH_GOLDEN") == "write":
        file.write_text(expected, encoding="utf-8", newline="")
    assert len(MADE.findall(readme)) == 1
    assert readme == expected or os.environ.get("TLBENCH_GOLDEN") == "write"


@pytest.mark.parametrize("name", ["github-action-benchmark", "pytest-benchmark"])
def test_exports_of_the_small_run(name: str, said: Said) -> None:
    from tlbench import __version__

    if name == "pytest-benchmark" and tuple(map(int, metadata.version(name).split("."))) < (5, 3, 1):
        pytest.skip("pytest-benchmark took an outlier for the last sample within the fence before 5.3.1")
    text = said("report", str(REFERENCE / "small-cpu"), "--format", name)
    check(f"small-cpu.{name}.json", text.replace(f"tlbench {__version__}", "tlbench VERSION"))


def test_where_the_time_of_the_small_run_went(said: Said) -> None:
    check("small-cpu.profile.txt", said("report", str(REFERENCE / "small-cpu"), "--profile"))


def test_which_differences_of_the_small_run_are_real(said: Said) -> None:
    check("small-cpu.pairs.txt", said("pairs", str(REFERENCE / "small-cpu")))


def test_what_the_small_run_advises(said: Said) -> None:
    check("small-cpu.advise.txt", said("advise", str(REFERENCE / "small-cpu"), "--images", "200", "--similar", "yes"))


def test_what_the_baseline_says(said: Said) -> None:
    check("baseline.txt", said("baseline", "show", "baselines/small.json", at=ROOT))


@pytest.mark.parametrize("name", ["text", "markdown", "json", "junit", "github"])
def test_the_small_run_against_the_baseline(name: str, said: Said) -> None:
    text = said("compare", "baselines/small.json", "results/reference/small-cpu", "--format", name, at=ROOT, code=3)
    check(f"compare.{name}", text)


@pytest.mark.parametrize("name", ["text", "markdown", "json", "junit", "github"])
def test_every_verdict(name: str) -> None:
    text = COMPARISON_FORMATS[name](made.comparison())
    assert isinstance(text, str)
    check(f"verdicts.{name}", text)


def test_the_history_of_a_run(said: Said) -> None:
    check("history.txt", said("history", str(REFERENCE), at=ROOT))


def test_a_page_of_series() -> None:
    check("series.html", html.render(page("tlbench: history of results/ci", made.series())))


@pytest.mark.parametrize("kind", ["backbones", "datasets", "heads", "strategies"])
def test_lists(kind: str, said: Said) -> None:
    check(f"list.{kind}.txt", said("list", kind))


@pytest.mark.parametrize("suite", sorted(file.stem for file in (ROOT / "suites").glob("*.yaml")))
def test_plans(suite: str, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tlbench.session.plan.available_memory", lambda: 16 * 10**9)
    check(f"plan.{suite}.txt", said("plan", str(ROOT / "suites" / f"{suite}.yaml")))

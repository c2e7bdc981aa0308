"""Another package adds the view of docs/extending.md and formats, a file each, and the real command uses them."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUN = ROOT / "results" / "reference" / "small-cpu"

EXAMPLES = re.findall("```python\n(.*?)```", (ROOT / "docs" / "extending.md").read_text(), re.DOTALL)
SLOWEST = next(code for code in EXAMPLES if "def sections(report)" in code)
SLIDES = """
from tlbench.reporting.formats import Format

FORMAT = Format("tex", lambda report: {"table.tex": report.title, "plot.pdf": b"%PDF"}, kept=True)


def count(comparison):
    return str(len(comparison.cells)).encode()
"""
POINTS = """
[tlbench.views]
slowest = slowest:sections
[tlbench.formats]
slides = slides:FORMAT
[tlbench.comparison_formats]
count = slides:count
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    site = tmp_path / "site"
    information = site / "more_reports-1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: more-reports\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(POINTS)
    (site / "slowest.py").write_text(SLOWEST)
    (site / "slides.py").write_text(SLIDES)
    return site


def tlbench(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tlbench", *arguments],
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{site}"},
        capture_output=True,
        text=True,
    )


def test_a_view_and_a_kept_format_are_in_the_folder_of_a_run(site: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(RUN, run, ignore=shutil.ignore_patterns("report*", "predictions"))
    said = tlbench(site, "report", str(run))
    assert said.returncode == 0, said.stderr
    section = (run / "report.md").read_text().split("## Slowest first\n", 1)[1].split("\n")
    assert section[1].split() == ["|", "Model", "|", "ms", "|"]
    assert section[3].split() == ["|", "MobileNetV2", "(alpha=0.35)", "|", "23.6", "|"]
    pictures = {
        f"{kind}-{name}.svg" for kind in ("choice", "curves", "confusion", "gains") for name in ("cats-dogs", "intel")
    }
    endings = {"md", "csv", "json", "html", "txt", "step-times.svg", *pictures, "table.tex", "plot.pdf"}
    assert {file.name for file in run.glob("report.*")} == {f"report.{ending}" for ending in endings}
    assert (run / "report.table.tex").read_text() == "tlbench: small"


def test_several_files_need_a_folder(site: Path, tmp_path: Path) -> None:
    printed = tlbench(site, "report", str(RUN), "--format", "slides")
    assert printed.returncode == 64
    assert "format slides has several files (table.tex, plot.pdf); name a folder for them" in printed.stderr
    written = tlbench(site, "report", str(RUN), "--format", "slides", "--output", str(tmp_path / "paper"))
    assert written.returncode == 0, written.stderr
    assert (tmp_path / "paper" / "plot.pdf").read_bytes() == b"%PDF"


def test_a_format_of_comparisons_is_printed_and_written(site: Path, tmp_path: Path) -> None:
    file = tmp_path / "count"
    said = tlbench(site, "compare", str(RUN), str(RUN), "--format", "count", "--format", f"count={file}")
    assert (said.stdout, file.read_bytes()) == ("12", b"12"), said.stderr
    assert "count" in tlbench(site, "compare", "--help").stdout


def test_a_report_as_a_page(site: Path) -> None:
    page = tlbench(site, "report", str(RUN), "--format", "html").stdout
    assert page.startswith("<!doctype html>")
    assert "<h2>Slowest first</h2>" in page
    assert page.count("<script>") == 1

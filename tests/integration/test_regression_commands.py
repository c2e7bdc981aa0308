"""`tlbench compare`, `ab`, `baseline` and `history` as a user runs them, on tiny real trainings."""

import json
import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.integration.conftest import LIGHT, Command, environment, forget_measurements, make_place, tlbench_in
from tests.integration.slowed import slowed_python
from tlbench.results.store import Store

Finished = tuple[Path, subprocess.CompletedProcess[str]]


def test_a_run_equals_its_baseline(finished: Finished, tmp_path: Path) -> None:
    place, _ = finished
    file = tmp_path / "base.json"
    saved = tlbench_in(place, "baseline", "save", "run", str(file))
    assert (saved.returncode, saved.stderr.strip()) == (0, f"{file}: 3 cells of 1 run")
    shown = tlbench_in(place, "baseline", "show", str(file))
    assert "MobileNet (alpha=0.25) · shapes · full" in shown.stdout
    itself = tlbench_in(place, "compare", str(file), "run")
    assert (itself.returncode, itself.stdout[:46]) == (0, "3 with the same measurement on both sides (of ")
    forget_measurements(file)
    markdown, junit = tmp_path / "summary.md", tmp_path / "junit.xml"
    compared = tlbench_in(
        place,
        "compare",
        str(file),
        "run",
        "--format",
        "text",
        "--format",
        f"markdown={markdown}",
        "--format",
        f"junit={junit}",
    )
    assert compared.returncode == 0, compared.stderr
    assert "tlbench ab" in compared.stdout
    assert markdown.read_text().startswith("## tlbench: ")
    assert "<testsuite " in junit.read_text()
    content = json.loads(tlbench_in(place, "compare", str(file), "run", "--json").stdout)
    judged = {one["name"]: one["verdict"] for one in content["cells"][0]["judgements"]}
    assert judged["params"] == judged["memory of a training step"] == "unchanged"
    assert judged["accuracy"] == "inconclusive"  # one seed is shown, never judged


def test_a_run_that_lost_a_cell_and_its_accuracy_is_worse(finished: Finished, tmp_path: Path) -> None:
    place, _ = finished
    copy = tmp_path / "copy"
    shutil.copytree(place / "run", copy)
    (removed, *_) = sorted((copy / "records").glob("*.json"))
    removed.unlink()
    found = tlbench_in(place, "compare", "run", str(copy))
    assert found.returncode == 2
    assert "missing" in found.stdout
    github = tlbench_in(place, "compare", "run", str(copy), "--format", "github")
    assert github.stdout.startswith("::error title=tlbench%3A outcome missing::")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("compare", "nowhere.json", "run"), 3, "nowhere.json does not exist"),
        (("compare", "shapes", "run"), 3, "shapes is no run, and there is none"),
        (("compare", "run", "run", "--format", "junitt"), 64, "did you mean 'junit'?"),
        (("compare", "run", "run", "--gate", "speed=5%"), 64, "not of the form kind=share"),
        (("compare", "run", "run", "--gate", "time=much"), 64, "a share between 0 and 1"),
        (("compare", "run", "run", "--confirm"), 64, "needs --base-env"),
        (("compare", "tiny.yaml", "run"), 64, "tiny.yaml is no baseline"),
        (("ab", "tiny.yaml", "--a", "./nothing"), 64, "is not a Python interpreter"),
        (("ab", "tiny.yaml", "--a", "git:nowhere"), 64, "is not in a git repository"),
        (("baseline", "save", "nowhere", "file.json"), 3, "nowhere does not exist"),
        (("history", "nowhere"), 3, "nowhere holds no run"),
    ],
)
def test_wrong_input_is_answered_in_a_sentence(
    finished: Finished, arguments: tuple[str, ...], code: int, said: str
) -> None:
    answer = tlbench_in(finished[0], *arguments)
    assert answer.returncode == code
    assert said in answer.stderr
    assert "Traceback" not in answer.stderr


def test_what_is_slower_in_one_environment_has_regressed_and_what_is_the_same_has_not(
    place: Path, tlbench: Command
) -> None:
    """The training step is measured beside itself. Many gates' worth of noise: tests/regression/test_power.py."""
    (place / "tiny.yaml").write_text(LIGHT)
    slow = slowed_python(place / "slow", 4.0)
    worse = tlbench(
        "ab", "tiny.yaml", "--a", "current", "--b", str(slow), "--out", "worse", "--select", "strategy=frozen",
        "--rounds", "10", "--processes", "2", "--gate", "time=50%", "--no-confirm", "--json",
    )  # fmt: skip
    assert worse.returncode == 1, worse.stderr
    base, new = ({one.cell_id: one for one in Store(place / "worse" / side).read_all().records} for side in "ab")
    assert base.keys() == new.keys()
    for cell_id, record in base.items():
        assert record.timings is not None
        other = new[cell_id].timings
        assert other is not None
        for step, beside in zip(record.timings.steps, other.steps, strict=True):
            assert step.session == beside.session is not None
            assert step.draws == beside.draws
            assert len(step.rounds) == len(beside.rounds) == sum(step.draws)
    (cell,) = json.loads(worse.stdout)["cells"]
    verdicts = {one["name"]: one for one in cell["judgements"]}
    slower = verdicts["inference time, batch 8"]
    assert slower["verdict"] == "regressed", slower
    assert slower["effect"] > 1.0
    assert verdicts["training time, batch 8"]["verdict"] != "regressed"
    assert verdicts["accuracy"]["verdict"] == "inconclusive"
    assert verdicts["accuracy"]["effect"] == 0.0


def test_a_side_that_cannot_run_the_suite_is_named(place: Path, tlbench: Command) -> None:
    broken = place / "broken"
    broken.mkdir()
    python = broken / "python"
    python.write_text(
        '#!/bin/sh\ncase "$*" in *"tlbench run"*) echo "no luck" >&2; exit 5;; *"import keras"*) exit;; esac\n'
        f'exec "{sys.executable}" "$@"\n'
    )
    python.chmod(0o755)
    answer = tlbench("ab", "tiny.yaml", "--a", str(python), "--out", "out")
    assert answer.returncode == 64
    assert "the suite cannot be run there (no luck)" in answer.stderr


def test_history_follows_runs_and_writes_a_page(finished: Finished, tmp_path: Path) -> None:
    place, _ = finished
    runs = tmp_path / "runs"
    for number in range(3):
        file = shutil.copytree(place / "run", runs / f"run{number}") / "run.json"
        run = json.loads(file.read_text())
        begun = datetime.fromisoformat(run["created"]) - timedelta(hours=number)  # a copy of the run would not count
        file.write_text(json.dumps(run | {"created": begun.isoformat()}))
    page = tmp_path / "history.html"
    answer = tlbench_in(place, "history", str(runs), "--format", "text", "--format", f"html={page}")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("3 runs, ")
    assert page.read_text().count("<svg") >= 3
    content = json.loads(tlbench_in(place, "history", str(runs), "--json").stdout)
    assert all(len(one["points"]) == 3 for one in content)


@pytest.fixture(scope="module")
def gated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A place and the baseline of its suite, which takes no times: what else runs here would decide how they compare."""
    place = make_place(tmp_path_factory.mktemp("gated"))
    suite = LIGHT.replace("protocol: quick", "protocol: none").replace("[frozen, full]", "frozen")
    (place / "tiny.yaml").write_text(suite)
    assert tlbench_in(place, "run", "tiny.yaml", "--out", "run").returncode == 0
    file = place / "base.json"
    assert tlbench_in(place, "baseline", "save", "run", str(file)).returncode == 0
    return place, file


def test_the_gate_script_as_ci_calls_it(gated: tuple[Path, Path], tmp_path: Path) -> None:
    place, baseline = gated
    script = Path(__file__).parents[2] / ".github" / "gate.sh"
    summary, output = tmp_path / "summary", tmp_path / "output"
    variables = {
        "SUITE": "tiny.yaml",
        "BASELINE": str(baseline),
        "PYTHON": sys.executable,
        "FOLDER": str(tmp_path / "report"),
        "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(summary),
        "GITHUB_OUTPUT": str(output),
    }
    answer = subprocess.run(
        ["bash", str(script)], cwd=place, env=environment(place, **variables), capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stderr
    assert summary.read_text().startswith("## tlbench: ")
    assert output.read_text() == "exit-code=0\n"
    assert "::notice title=tlbench::" in answer.stdout
    assert {path.name for path in (tmp_path / "report").iterdir()} >= {
        "summary.md",
        "comparison.json",
        "junit.xml",
        "run",
    }
    for absent, said in (("", "give a BASELINE"), ("nowhere.json", "there is no BASELINE nowhere.json")):
        refused = subprocess.run(
            ["bash", str(script)],
            cwd=place,
            env=environment(place, **variables | {"BASELINE": absent, "FOLDER": str(tmp_path / "refused")}),
            capture_output=True,
            text=True,
        )
        assert (refused.returncode, refused.stdout) == (64, "")
        assert said in refused.stderr
    assert not (tmp_path / "refused").exists()


PLUGIN_TEST = """
def test_fine(tlbench_gate):
    found = tlbench_gate("{suite}", "{baseline}", "strategy=frozen")
    assert len(found.cells) == 1

def test_missing(tlbench_gate, tmp_path):
    try:
        tlbench_gate("{suite}", "nowhere.json", "strategy=frozen")
    finally:
        assert not list(tmp_path.iterdir()), "something was trained"

def test_wrong(tlbench_gate):
    tlbench_gate("{suite}", "{baseline}", "strategy=frosen", workers=1)
"""


def test_the_pytest_fixture_compares_with_a_baseline(gated: tuple[Path, Path]) -> None:
    place, file = gated
    (place / "test_gate.py").write_text(PLUGIN_TEST.format(suite=place / "tiny.yaml", baseline=file))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_gate.py"]
    answer = subprocess.run(command, cwd=place, env=environment(place), capture_output=True, text=True)
    assert "2 failed, 1 passed" in answer.stdout, answer.stdout
    assert "nowhere.json does not exist" in answer.stdout
    assert "something was trained" not in answer.stdout
    assert "During handling" not in answer.stdout
    assert (
        "tlbench run ended with 64: `select`: strategy=frosen matches nothing, and there is one cell" in answer.stdout
    )
